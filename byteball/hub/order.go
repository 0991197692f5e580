package hub

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// sortByChain puts units in the order of the main chain: by main chain index; within one index parents before their
// children, else by hash. The order is the same whatever hub they came from.
func sortByChain(units []unit.Proven) {
	slices.SortFunc(units, func(a, b unit.Proven) int {
		return cmp.Or(cmp.Compare(a.MCI, b.MCI), cmp.Compare(a.Unit.Unit, b.Unit.Unit))
	})
	for i := 0; i < len(units); {
		j := i + 1
		for j < len(units) && units[j].MCI == units[i].MCI {
			j++
		}
		if j-i > 1 {
			parentsFirst(units[i:j])
		}
		i = j
	}
}

// parentsFirst moves parents before children and keeps the order of the rest. A unit cannot be its own ancestor: that
// would be a loop of hashes.
func parentsFirst(units []unit.Proven) {
	at := make(map[byteball.Hash]int, len(units))
	for i, p := range units {
		at[p.Unit.Unit] = i
	}
	placed := make([]bool, len(units))
	sorted := make([]unit.Proven, 0, len(units))
	var place func(i int)
	place = func(i int) {
		if placed[i] {
			return
		}
		placed[i] = true
		for _, p := range units[i].Unit.ParentUnits {
			if j, ok := at[p]; ok {
				place(j)
			}
		}
		sorted = append(sorted, units[i])
	}
	for i := range units {
		place(i)
	}
	copy(units, sorted)
}

// inOrder holds the main chain indexes that a hub gives against what is proven: a unit's parents and last ball come
// before it, a proof chain goes down the main chain, and only indexes divisible by ten have skip lists. What fits between
// may still be false.
func inOrder(units []unit.Proven, chain map[byteball.Hash]link) error {
	at := make(map[byteball.Hash]uint64, len(units))
	for _, p := range units {
		at[p.Unit.Unit] = p.MCI
	}
	for _, p := range units {
		for _, h := range p.Unit.ParentUnits {
			if mci, ok := at[h]; ok && mci > p.MCI {
				return wrong("main chain index %d of unit %s is above %d, that of its child", mci, h, p.MCI)
			}
		}
		if mci, ok := at[p.Unit.LastBallUnit]; ok && mci >= p.MCI {
			return wrong("main chain index %d of unit %s is above that of unit %s, whose last ball it is", mci, p.Unit.LastBallUnit, p.Unit.Unit)
		}
		if p.MCI%10 != 0 && len(chain[p.Unit.Unit].Skiplist) > 0 {
			return wrong("main chain index %d of unit %s: such a unit has no skip list", p.MCI, p.Unit.Unit)
		}
	}
	down := slices.Clone(units)
	slices.SortFunc(down, func(a, b unit.Proven) int { return cmp.Compare(chain[a.Unit.Unit].at, chain[b.Unit.Unit].at) })
	for i := 1; i < len(down); i++ {
		if down[i].MCI > down[i-1].MCI {
			return wrong("main chain index %d of unit %s: it comes after a unit of index %d in the proof chain", down[i].MCI, down[i].Unit.Unit, down[i-1].MCI)
		}
	}
	return nil
}
