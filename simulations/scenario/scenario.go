// Package scenario puts casts together and lets them trade: who sells what where, who judges, who buys, who cheats how. A
// scenario starts real cores (seller, validator, buyer) in an engine, over a ledger in memory, and hands back a report.
// The command line calls Run. The rules of the market are nowhere here: only whom they are applied to.
package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/report"
)

// Options change a scenario. A zero field is the scenario's own number; None is none of them.
type Options struct {
	Real       bool          // identities sign with Ed25519; otherwise with a cheap stand-in that anybody could forge
	For        time.Duration // how long the market trades before everybody settles; whole windows
	Period     time.Duration // between two readings of a sensor
	Heartbeat  time.Duration // of the order provider
	Sellers    int
	Cheaters   int // of the sellers
	Validators int
	Lazy       int // of the validators
	Buyers     int
	Each       int // from how many sellers a buyer buys at once
}

// None asks for none where zero would ask for the scenario's own number.
const None = -1

// play runs one scenario. progress, if not nil, is told the part done, 0..1, now and then.
type play func(ctx context.Context, seed uint64, o Options, progress func(done float64)) (report.Report, error)

var all = map[string]play{"hello": Hello, "cheats": Cheats}

// Names lists the scenarios.
func Names() []string { return slices.Sorted(maps.Keys(all)) }

// Run plays a scenario by name. The same name, seed and options give the same report, byte for byte, on one platform.
// progress, if not nil, is called now and then with the part done, 0..1. Errors: NotFound for a name; Invalid for options
// that no market can have; whatever ends the run, with the simulated time and the seed.
func Run(ctx context.Context, name string, seed uint64, o Options, progress func(done float64)) (report.Report, error) {
	do, ok := all[name]
	if !ok {
		return report.Report{}, fmt.Errorf("scenario %.40q: there are %s: %w", name, strings.Join(Names(), ", "), protocol.NotFound)
	}
	return do(ctx, seed, o, progress)
}
