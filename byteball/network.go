package byteball

import (
	"encoding/json"
	"slices"
)

// Network is the table of constants in which the networks differ; no code above it asks which network it is on.
type Network struct {
	Name    string   // "live", "testnet", "dev" or "old"
	Version string   // version of the units it writes, e.g. "4.0dev"
	Alt     string   // network letter in each unit
	Reads   []string // versions of units it accepts
	OPs     int      // how many order providers it has

	TPSFees          bool    // units offer a tps fee (since 4.0)
	TPSInterval      float64 // that it started with, units per second; the larger, the slower tps fees grow with load
	Timestamps       bool    // units say when they were made, and that is signed (since 2.0)
	FirstUnitAlone   bool    // an address whose definition shows in a unit writes nothing more before that is stable (before 3.0)
	WitnessesInUnits bool    // units name their order providers or a unit that does, and so do requests for parents (before 4.0)
}

// The networks that exist. Dev is the project's own: one order provider, a chain of its own for each ledger. Old is
// protocol 1.0 with one order provider: the npm package byteballcore as a node of a private chain (package oldnode).
var (
	Live = Network{Name: "live", Version: "4.0", Alt: "1", Reads: []string{"1.0", "2.0", "3.0", "4.0"}, OPs: 12,
		TPSFees: true, TPSInterval: 1, Timestamps: true}
	Testnet = Network{Name: "testnet", Version: "4.0t", Alt: "2", Reads: []string{"1.0t", "2.0t", "3.0t", "4.0t"}, OPs: 12,
		TPSFees: true, TPSInterval: 1, Timestamps: true}
	Dev = Network{Name: "dev", Version: "4.0dev", Alt: "3", Reads: []string{"4.0dev"}, OPs: 1,
		TPSFees: true, TPSInterval: 2, Timestamps: true}
	Old = Network{Name: "old", Version: "1.0", Alt: "1", Reads: []string{"1.0"}, OPs: 1,
		FirstUnitAlone: true, WitnessesInUnits: true}
)

// NetworkByName returns the network called name, and whether there is one.
func NetworkByName(name string) (Network, bool) {
	networks := []Network{Live, Testnet, Dev, Old}
	i := slices.IndexFunc(networks, func(n Network) bool { return n.Name == name })
	if i < 0 {
		return Network{}, false
	}
	return networks[i], true
}

// Majority is how many order providers are more than half.
func (n Network) Majority() int { return n.OPs/2 + 1 }

// UnmarshalJSON reads a network by its name alone: its constants come from the table, not from a disk.
// Error: Invalid for a name that is not in it.
func (n *Network) UnmarshalJSON(data []byte) error {
	var named struct{ Name string }
	err := json.Unmarshal(data, &named)
	known, ok := NetworkByName(named.Name)
	if err != nil || !ok {
		return Errorf(Invalid, "no network: %.80q", data)
	}
	*n = known
	return nil
}
