package byteball

// Network is the table of constants in which the networks differ; no code above it asks which network it is on.
type Network struct {
	Name    string   // "live", "testnet" or "dev"
	Version string   // version of the units it writes, e.g. "4.0dev"
	Alt     string   // network letter in each unit
	Reads   []string // versions of units it accepts
	OPs     int      // how many order providers it has
}

// The networks that exist. Dev is the project's own: one order provider, a chain of its own for each ledger.
var (
	Live    = Network{Name: "live", Version: "4.0", Alt: "1", Reads: []string{"1.0", "2.0", "3.0", "4.0"}, OPs: 12}
	Testnet = Network{Name: "testnet", Version: "4.0t", Alt: "2", Reads: []string{"1.0t", "2.0t", "3.0t", "4.0t"}, OPs: 12}
	Dev     = Network{Name: "dev", Version: "4.0dev", Alt: "3", Reads: []string{"4.0dev"}, OPs: 1}
)

// NetworkByName returns the network called name, and whether there is one.
func NetworkByName(name string) (Network, bool) {
	for _, n := range []Network{Live, Testnet, Dev} {
		if n.Name == name {
			return n, true
		}
	}
	return Network{}, false
}

// Majority is how many order providers are more than half.
func (n Network) Majority() int { return n.OPs/2 + 1 }
