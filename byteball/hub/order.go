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
