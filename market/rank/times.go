package rank

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/market/classify"
)

// times is what an offer says of its rate and age, in milliseconds, 0 for unknown; and its accuracy.
type times struct {
	period, age int64
	accuracy    *apd.Decimal // nil for unknown
}

func timesOf(o Offer) times {
	t := times{period: duration(string(o.Period)), age: duration(string(o.Age))}
	t.accuracy = decimal(string(o.Accuracy))
	return t
}

// decimal reads a number of at most 20 digits above 0; nil for anything else.
func decimal(text string) *apd.Decimal {
	if text == "" || len(text) > 24 || strings.Trim(text, "0123456789.") != "" {
		return nil
	}
	d, _, err := apd.NewFromString(text)
	if err != nil || d.Sign() <= 0 {
		return nil
	}
	return d
}

var milliseconds = map[string]int64{
	"ms": 1, "msec": 1, "millisecond": 1, "s": 1000, "sec": 1000, "second": 1000, "m": 60_000, "min": 60_000, "minute": 60_000,
	"h": 3_600_000, "hr": 3_600_000, "hour": 3_600_000, "d": 86_400_000, "day": 86_400_000, "": 1000,
}

// longest is more than any time that matters: 31,000 years in microseconds.
const longest = int64(1e18)

// duration reads a time such as 5 min, 1h, 0.5 s, 2 Hz (its period) or 30 (seconds), in milliseconds; 0 for anything else.
func duration(text string) int64 {
	text = strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(text, " ", ""), ",", "."))
	i := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if i < 0 {
		i = len(text)
	}
	number, unit := text[:i], text[i:]
	if number == "" {
		number = "1"
	}
	whole, part, _ := strings.Cut(number, ".")
	part = (part + "000")[:3]
	v, err := strconv.ParseInt("0"+whole+part, 10, 64)
	if err != nil || len(whole) > 10 || text == "" {
		return 0
	}
	if unit == "hz" && v > 0 {
		return max(1, 1_000_000/v)
	}
	factor, ok := milliseconds[unit]
	if !ok {
		factor = milliseconds[strings.TrimSuffix(unit, "s")]
	}
	if v > longest/max(factor, 1) {
		return longest
	}
	return v * factor / 1000
}

// rate is √(T_req/T_off) in ‰.
func rate(required, offered int64) int {
	switch {
	case required <= 0:
		return 1000
	case offered <= 0:
		return unknownTime
	case offered <= required:
		return 1000
	}
	hi, lo := bits.Mul64(uint64(required), 1_000_000)
	ratio, _ := bits.Div64(hi, lo, uint64(offered)) // offered > required, so hi < offered
	return int(root(ratio))
}

// root is the integer square root, by Newton.
func root(n uint64) uint64 {
	if n < 2 {
		return n
	}
	x := uint64(1) << ((bits.Len64(n) + 1) / 2)
	for {
		y := (x + n/x) / 2
		if y >= x {
			return x
		}
		x = y
	}
}

// fresh is a/age in ‰, at most 1000.
func fresh(most, age int64) int {
	switch {
	case most <= 0:
		return 1000
	case age <= 0:
		return unknownTime
	case age <= most:
		return 1000
	}
	hi, lo := bits.Mul64(uint64(most), 1000)
	v, _ := bits.Div64(hi, lo, uint64(age))
	return int(v)
}

var decimals = apd.Context{Precision: 20, Rounding: apd.RoundHalfEven, MaxExponent: 1000, MinExponent: -1000, Traps: apd.DefaultTraps}

// precise is 2/(1+(σ_off/σ_req)²) in ‰, at most 1000 (MECHANISM 4); the offer's unit converts into the demand's.
func (q *Query) precise(e *Entry) int {
	required := decimal(q.accuracy)
	if required == nil {
		return 1000
	}
	offered := e.times.accuracy
	if offered == nil {
		return unknownTime
	}
	if unit := q.accuracyUnit; unit.ID != "" && e.Class.Unit.ID != "" {
		v, err := classify.Convert(offered, e.Class.Unit, unit, true)
		if err != nil {
			return unknownTime
		}
		offered = v
	}
	c := apd.MakeErrDecimal(&decimals)
	x := new(apd.Decimal)
	c.Quo(x, offered, required)
	c.Mul(x, x, x)
	c.Add(x, x, apd.New(1, 0))
	c.Quo(x, apd.New(2000, 0), x)
	c.Floor(x, x)
	v, err := x.Int64()
	if c.Err() != nil || err != nil {
		return 0
	}
	return int(min(v, 1000))
}
