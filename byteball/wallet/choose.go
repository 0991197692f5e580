package wallet

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// What a payment costs at least, and for each further author, in bytes: estimates, only for choosing addresses. The exact
// fees follow from the composed unit.
const (
	leastFees  = 600
	authorFees = 250
)

// order puts coins in the order in which they are spent: must, then the first of each address that has none among them,
// then the others; of these the stable before the unstable and the large before the small. It returns how many have to be
// spent, so that each address is an author for a reason.
func order(coins []Coin, must []unit.OutPoint) (sorted []Coin, least int) {
	sorted = slices.Clone(coins)
	rank := func(c Coin) int {
		switch {
		case slices.Contains(must, c.OutPoint):
			return 0
		case c.Stable:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(sorted, func(a, b Coin) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Amount, a.Amount), cmp.Compare(a.Unit, b.Unit),
			cmp.Compare(a.MessageIndex, b.MessageIndex), cmp.Compare(a.OutputIndex, b.OutputIndex))
	})
	var first, rest []Coin
	seen := map[byteball.Address]bool{}
	for _, c := range sorted {
		if !seen[c.Address] || slices.Contains(must, c.OutPoint) {
			seen[c.Address] = true
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(first, rest...), max(len(first), 1)
}

// plans lists the sets of addresses that may pay want, best first: one address if it has enough, else as few as have it,
// at last as many as one unit can have authors. The owners of must are always among them.
func plans(coins []Coin, must []unit.OutPoint, want byteball.Bytes) [][]byteball.Address {
	sums := map[byteball.Address]byteball.Bytes{}
	var list []byteball.Address
	bound := map[byteball.Address]bool{}
	for _, c := range coins {
		if _, ok := sums[c.Address]; !ok {
			list = append(list, c.Address)
		}
		sums[c.Address] = min(sums[c.Address]+c.Amount, byteball.MaxBytes)
		bound[c.Address] = bound[c.Address] || slices.Contains(must, c.OutPoint)
	}
	rank := func(a byteball.Address) int {
		if bound[a] {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b byteball.Address) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b))
	})
	list = list[:min(len(list), unit.MaxAuthors)]
	var sets [][]byteball.Address
	var have byteball.Bytes
	for i, a := range list {
		have = min(have+sums[a], byteball.MaxBytes)
		enough := have >= want && have-want > leastFees+authorFees*byteball.Bytes(i)
		if i+1 < len(list) && (bound[list[i+1]] || !enough || len(sets) == 2) {
			continue
		}
		sets = append(sets, list[:i+1])
	}
	return sets
}

// of returns the coins of some addresses.
func of(coins []Coin, addresses []byteball.Address) []Coin {
	var some []Coin
	for _, c := range coins {
		if slices.Contains(addresses, c.Address) {
			some = append(some, c)
		}
	}
	return some
}
