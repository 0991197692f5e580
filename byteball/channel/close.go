package channel

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The paths of the signatures in the channel's definition.
const (
	pathBuyer  = "r.0.0"
	pathSeller = "r.0.1"
	pathRefund = "r.1.0"
)

// Funding is the output that holds the deposit.
type Funding struct {
	Out unit.OutPoint `json:"out"`
	MCI uint64        `json:"mci,omitempty"` // main chain index of its unit once that is stable; 0 before
}

// shape is Terms checked, with what every closing of them has in common.
type shape struct {
	Terms
	definition any
	address    byteball.Address
	buyer      *btcec.PublicKey
	size       byteball.Bytes // headers and payload of a closing with change alone
	output     byteball.Bytes // what each further output adds
}

func (t Terms) shape() (*shape, error) {
	buyer, err := t.check()
	if err != nil {
		return nil, err
	}
	s := &shape{Terms: t, definition: t.Definition(), buyer: buyer}
	if s.address, err = chash.Of(s.definition); err != nil {
		return nil, fmt.Errorf("channel definition: %w", err)
	}
	if s.address == t.SellerAddress || s.address == t.ChangeAddress || s.address == t.Previous {
		return nil, fmt.Errorf("channel pays to or succeeds its own address: %w", byteball.Invalid)
	}
	if err := s.measure(); err != nil {
		return nil, err
	}
	if least := s.size + s.output + t.TPSMargin + t.Reserve + t.Dust; t.Deposit < least {
		return nil, fmt.Errorf("channel deposit of %d bytes under %d, the fees and reserve of one closing: %w", t.Deposit, least, byteball.Invalid)
	}
	return s, nil
}

// measure finds the sizes from a unit of the right form; contents do not matter to sizes.
func (s *shape) measure() error {
	a := unit.Anchor{Parents: []byteball.Hash{blank}, LastBall: blank, LastBallUnit: blank, Timestamp: 1}
	if s.Network.WitnessesInUnits {
		a.WitnessListUnit = blank
	}
	author := unit.Author{Address: s.address, Definition: s.definition, Authentifiers: places(pathBuyer, pathSeller)}
	outs := []unit.Output{{Address: s.ChangeAddress}, {Address: s.ChangeAddress}}
	u, err := frame(s.Network, author, unit.OutPoint{Unit: blank}, a, outs)
	if err != nil {
		return fmt.Errorf("channel: size of a closing: %w", err)
	}
	two := u.PayloadCommission
	u.Messages[0].Payload.(*unit.Payment).Outputs = outs[:1]
	one, err := u.PayloadSize()
	s.size, s.output = u.HeadersCommission+one, two-one
	return err
}

// fees returns headers, payload and oversize fee of a closing with n payees.
func (s *shape) fees(n int) byteball.Bytes {
	size := s.size + byteball.Bytes(n)*s.output
	return size + unit.OversizeFee(size)
}

const blank = byteball.Hash("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")

// Close returns the unit that closes the channel and pays pay, with places for both signatures: one input, the deposit;
// outputs to the payees and, for the rest, to the change address; all fees exact. An amount under t.Dust is left out, so
// it stays in the change. The unit hangs on a and carries a.TPSFee; use Base.Anchor for an a that lasts.
// Errors: Invalid for bad terms, payees or anchor; Funds, with how much is missing, if the deposit is too small.
func Close(t Terms, f Funding, a unit.Anchor, pay Payouts) (*unit.Unit, error) {
	s, err := t.shape()
	if err != nil {
		return nil, err
	}
	return s.close(f, a, pay)
}

func (s *shape) close(f Funding, a unit.Anchor, pay Payouts) (*unit.Unit, error) {
	for payee := range pay {
		if payee == s.ChangeAddress || payee == s.address || !chash.Valid(payee) {
			return nil, fmt.Errorf("channel %s cannot pay to %.40q: %w", s.address, payee, byteball.Invalid)
		}
	}
	outs := pay.Visible(s.Dust).outputs()
	if len(outs) >= MaxOutputs {
		return nil, fmt.Errorf("channel %s: %d payees, %d is the most: %w", s.address, len(outs), MaxOutputs-1, byteball.Invalid)
	}
	return s.balanced(f, a, outs, pathBuyer, pathSeller)
}

// Refund returns the unit by which the buyer alone takes the whole deposit back, less fees, with a place for his
// signature. The ledger accepts it when a.LastBallMCI - f.MCI > t.Age. Errors: Invalid; Stale if it is too early; Funds.
func Refund(t Terms, f Funding, a unit.Anchor) (*unit.Unit, error) {
	s, err := t.shape()
	if err != nil {
		return nil, err
	}
	return s.refund(f, a)
}

func (s *shape) refund(f Funding, a unit.Anchor) (*unit.Unit, error) {
	if !s.ripe(f, a.LastBallMCI) {
		return nil, fmt.Errorf("channel %s: refund at last ball %d before %d: %w", s.address, a.LastBallMCI, f.MCI+s.Age+1, byteball.Stale)
	}
	return s.balanced(f, a, nil, pathRefund)
}

// ripe reports whether a unit with that last ball may take a refund.
func (s *shape) ripe(f Funding, lastBallMCI uint64) bool {
	return f.MCI > 0 && lastBallMCI > f.MCI && lastBallMCI-f.MCI > s.Age
}
