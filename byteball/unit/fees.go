package unit

import (
	"math"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/byteball"
)

// SystemVars are the numbers that the ledger's users vote on.
type SystemVars struct {
	ThresholdSize    uint64  // size beyond which a unit pays an oversize fee
	BaseTPSFee       float64 // bytes
	TPSInterval      float64 // units per second; the larger, the slower fees grow with load
	TPSFeeMultiplier float64 // between what a unit must offer and what it is charged when stable
}

// DefaultVars returns the numbers with which a network of tps fees started.
func DefaultVars(net byteball.Network) SystemVars {
	return SystemVars{ThresholdSize: ThresholdSize, BaseTPSFee: 10, TPSInterval: net.TPSInterval, TPSFeeMultiplier: 10}
}

// expContext computes at more digits than the reference's 15, to which the result is then rounded.
var (
	expContext = apd.Context{Precision: 24, MaxExponent: 1000, MinExponent: -1000, Rounding: apd.RoundHalfEven}
	cutContext = apd.Context{Precision: 15, MaxExponent: 1000, MinExponent: -1000, Rounding: apd.RoundHalfEven}
)

// exp returns e^x with 15 significant digits, like the reference's decimals; the same on every platform. Where a
// float64 ends it is infinite.
func exp(x float64) float64 {
	if x > 700 {
		return math.Inf(1)
	}
	var d apd.Decimal
	if _, _, err := d.SetString(strconv.FormatFloat(x, 'g', -1, 64)); err != nil {
		return math.NaN()
	}
	if _, err := expContext.Exp(&d, &d); err != nil {
		return math.NaN()
	}
	if _, err := cutContext.Round(&d, &d); err != nil {
		return math.NaN()
	}
	f, err := d.Float64()
	if err != nil {
		return math.NaN()
	}
	return f
}

// fee turns a computed amount into bytes, MaxBytes at most; what is no number costs the most.
func fee(f float64) byteball.Bytes {
	if f <= 0 {
		return 0
	}
	if f < float64(byteball.MaxBytes) {
		return byteball.Bytes(f)
	}
	return byteball.MaxBytes
}

// round is JavaScript's Math.round.
func round(f float64) float64 { return math.Floor(f + 0.5) }

// OversizeFee returns what a unit of that size pays beyond its size, with the threshold the networks started with.
// The size is headers and payload without the fee for temporary data.
func OversizeFee(size byteball.Bytes) byteball.Bytes {
	return SystemVars{ThresholdSize: ThresholdSize}.OversizeFee(size)
}

// OversizeFee returns what a unit of that size pays beyond its size.
func (v SystemVars) OversizeFee(size byteball.Bytes) byteball.Bytes {
	if uint64(size) <= v.ThresholdSize {
		return 0
	}
	return fee(math.Ceil(float64(float64(size) * float64(exp(float64(size)/float64(v.ThresholdSize)-1)-1))))
}

// perUnit is base*(e^(tps/interval)-1), the price of a place at that load.
func (v SystemVars) perUnit(scale, tps float64) float64 {
	return round(float64(scale * float64(exp(tps/v.TPSInterval)-1)))
}

// MinTPSFee returns what a unit must offer at least, given the units per second between its last ball and itself.
// units is 1, and one more for each answer of an autonomous agent that it may cause.
func MinTPSFee(v SystemVars, tps float64, units int) byteball.Bytes {
	return fee(float64(float64(units) * v.perUnit(float64(v.TPSFeeMultiplier*v.BaseTPSFee), tps)))
}

// CurrentTPSFee returns the fee for a unit at a node's present load. A node refuses for now what offers less than 1.5
// times this and builds on nothing that offers less than 3 times this.
func CurrentTPSFee(v SystemVars, tps float64) byteball.Bytes {
	return fee(v.perUnit(v.BaseTPSFee, tps))
}

// OfferedTPSFee returns what the reference's composer offers at a node's present load.
func OfferedTPSFee(v SystemVars, tps float64) byteball.Bytes {
	return fee(round(float64(v.TPSFeeMultiplier * v.perUnit(v.BaseTPSFee, tps))))
}

// FinalTPSFee returns what a unit is charged once it is stable; the rest of what it offered stays in the payer's balance
// of tps fees.
func FinalTPSFee(v SystemVars, tps float64) byteball.Bytes { return CurrentTPSFee(v, tps) }

// TPSFeeRecipients returns who pays u's tps fee and who gets the rest back, with their shares in percent: those who earn
// the headers commission if all of them are authors, else the first author.
func TPSFeeRecipients(u *Unit) map[byteball.Address]int {
	if len(u.Authors) == 0 {
		return nil
	}
	first := map[byteball.Address]int{u.Authors[0].Address: 100}
	if len(u.Recipients) == 0 {
		return first
	}
	shares := make(map[byteball.Address]int, len(u.Recipients))
	for _, r := range u.Recipients {
		if !u.hasAuthor(r.Address) {
			return first
		}
		shares[r.Address] = r.Share
	}
	return shares
}

func (u *Unit) hasAuthor(a byteball.Address) bool {
	for i := range u.Authors {
		if u.Authors[i].Address == a {
			return true
		}
	}
	return false
}

// Fees returns all that u costs its authors beyond its outputs, as the unit states it: headers, payload, oversize fee,
// tps fee and burn fee. Error: Invalid if the sum overflows.
func Fees(u *Unit) (byteball.Bytes, error) {
	var tps byteball.Bytes
	if u.TPSFee != nil {
		tps = *u.TPSFee
	}
	return byteball.Add(u.HeadersCommission, u.PayloadCommission, u.OversizeFee, tps, u.BurnFee)
}

// CheckFees checks that u states the oversize fee which the voted threshold asks of it (version 4.0).
func CheckFees(u *Unit, v SystemVars) error {
	size := u.HeadersCommission + u.PayloadCommission
	due := v.OversizeFee(size - min(size, u.TempDataFee()))
	switch {
	case due == 0 && u.OversizeFee != 0:
		return refuse("zero oversize fee should be omitted")
	case due != 0 && u.OversizeFee == 0:
		return refuse("oversize_fee mismatch: expected %d, found undefined", due)
	case due != u.OversizeFee:
		return refuse("oversize_fee mismatch: expected %d, found %d", due, u.OversizeFee)
	}
	return nil
}

func refuse(format string, args ...any) error {
	return byteball.Errorf(byteball.Invalid, format, args...)
}
