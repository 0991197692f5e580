package price

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
)

// Payees are those who share a window's fee. Addresses may be equal: their shares add up.
type Payees struct {
	Members    []byteball.Address // one for each seat, k ≥ 1
	Winner     byteball.Address   // by merit; empty: the members share its part
	Aggregator byteball.Address
	Fund       byteball.Address
}

// Split divides the fee F of a window (MECHANISM 5): half to the members, 40 % to the merit winner or, without merit, to
// the members, 3 % to the aggregator, the rest and all remainders to the fund. Each part is rounded down; the sum is
// exactly F. Nobody stands in the result with 0.
func Split(p *params.Params, fee byteball.Bytes, to Payees) map[byteball.Address]byteball.Bytes {
	s := shares{left: fee, paid: map[byteball.Address]byteball.Bytes{}}
	s.each(to.Members, part(fee, p.MemberShare))
	s.winner(to, part(fee, p.MeritShare))
	s.pay(to.Aggregator, part(fee, p.AggregatorShare))
	s.pay(to.Fund, s.left)
	return s.paid
}

// SplitFurther divides the fee of a further buyer of a window that is prepaid already: 90 % to the merit winner, or the
// members without merit, the rest to the fund.
func SplitFurther(fee byteball.Bytes, to Payees) map[byteball.Address]byteball.Bytes {
	s := shares{left: fee, paid: map[byteball.Address]byteball.Bytes{}}
	s.winner(to, part(fee, 900))
	s.pay(to.Fund, s.left)
	return s.paid
}

// part is ⌊fee·permille/1000⌋ without overflow.
func part(fee byteball.Bytes, permille int) byteball.Bytes {
	m := byteball.Bytes(permille)
	return fee/1000*m + fee%1000*m/1000
}

type shares struct {
	left byteball.Bytes
	paid map[byteball.Address]byteball.Bytes
}

func (s *shares) pay(to byteball.Address, amount byteball.Bytes) {
	amount = min(amount, s.left)
	if amount == 0 {
		return
	}
	s.paid[to] += amount
	s.left -= amount
}

func (s *shares) each(to []byteball.Address, amount byteball.Bytes) {
	for _, a := range to {
		s.pay(a, amount/byteball.Bytes(len(to)))
	}
}

func (s *shares) winner(to Payees, amount byteball.Bytes) {
	if to.Winner == "" {
		s.each(to.Members, amount)
		return
	}
	s.pay(to.Winner, amount)
}
