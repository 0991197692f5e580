package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/seller/sensor/host"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/simulations/world"
	"github.com/iotverse/iotverse/validator/score"
)

// Cheaters measure often, so that one batch of theirs is long enough to convict by; they begin to cheat after two seconds.
const (
	cheatPeriod = 20 * time.Millisecond
	cheatAfter  = 2 * time.Second
)

// thermometers are the honest neighbours of a seller whose unit is wrong.
const thermometers = 3

// deeds says for people what a cheater does.
var deeds = map[adversary.Strategy]string{
	adversary.Replay: "measured for two seconds and then repeated itself",
	adversary.Copy:   "sold another seller's readings as its own, two windows later",
	adversary.Curve:  "measured for two seconds and then made up a smooth curve",
	adversary.Stuck:  "measured for two seconds and then said its last reading for ever",
	adversary.Unit:   "said degrees Fahrenheit and called them Celsius",
}

func cheatNames() string {
	var names []string
	for _, k := range adversary.Cheats() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// cheatKinds reads --cheat.
func cheatKinds(text string) ([]adversary.Strategy, error) {
	if text == "all" {
		return adversary.Cheats(), nil
	}
	var kinds []adversary.Strategy
	for _, word := range strings.Split(text, ",") {
		k := adversary.Strategy(strings.TrimSpace(word))
		if !slices.Contains(adversary.Cheats(), k) {
			return nil, usagef("--cheat %.40q: there are %s, or all", word, cheatNames())
		}
		if slices.Contains(kinds, k) {
			return nil, usagef("--cheat names %s twice", k)
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

// sellers are all sellers of the demo: two honest ones, those whom cheaters need, the cheaters.
func (s *show) sellers() (list []*stand) {
	add := func(name string, kind adversary.Strategy) {
		list = append(list, &stand{name: name, role: "seller", money: sellerMoney, kind: kind})
	}
	add("seller host", "")
	add("seller second", "")
	if slices.Contains(s.kinds, adversary.Copy) {
		add("seller timer", "")
	}
	if slices.Contains(s.kinds, adversary.Unit) {
		for i := range thermometers {
			add(fmt.Sprintf("seller thermometer %d", i+1), "")
		}
	}
	for _, k := range s.kinds {
		if len(s.kinds) == 1 {
			add("seller cheat", k)
		} else {
			add("cheat "+string(k), k)
		}
	}
	return list
}

// falsify gives the sellers after the first two what they sell, the cheaters what they say.
func (s *show) falsify(sellers []*stand) error {
	weather := world.New(rand.Uint64())
	if s.cfg.seeded {
		weather = world.New(s.cfg.Seed)
	}
	var heard sensor.Driver // of the seller whose readings are copied
	for _, p := range sellers {
		p.step = cheatPeriod
		var err error
		switch {
		case p.kind == adversary.Copy:
			p.driver = heard
		case p.kind == adversary.Unit || strings.HasPrefix(p.name, "seller thermometer"):
			p.driver, err = newThermometer(weather, p.name)
		default:
			p.driver, err = host.New(cheatPeriod, "host-timer-latency")
		}
		if err == nil && p.name == "seller timer" {
			p.driver, heard = adversary.Overhear(p.driver, "host-timer-latency")
		}
		if err == nil && p.kind != "" {
			p.driver, err = s.lying(p)
		}
		if err != nil {
			return err
		}
	}
	if slices.Contains(s.kinds, adversary.Unit) {
		s.board.say(fmt.Sprintf("the %d thermometers are simulated weather: this machine has no neighbours", thermometers+1))
	}
	return nil
}

// lying puts a cheater's lie round its driver.
func (s *show) lying(p *stand) (sensor.Driver, error) {
	plan := adversary.Plan{After: cheatAfter, Behind: 2 * s.market.Params.Window(), Since: time.Unix(s.market.T0, 0)}
	if p.kind == adversary.Unit {
		plan.After = 0
	}
	slug := p.driver.Quantities()[0].Prop
	prop, _ := protocol.PropertyOf(slug)
	lie, err := adversary.Cheat(p.kind, prop, plan)
	if err != nil {
		return nil, err
	}
	return adversary.Drive(p.driver, map[string]adversary.Lie{slug: lie}), nil
}

// thermometer is a simulated sensor of the air at the demo's cell.
type thermometer struct{ *world.Sensor }

const thermometerProp = "air-temperature"

func newThermometer(w *world.World, name string) (thermometer, error) {
	s, err := w.Sensor(name, thermometerProp, demoCell)
	return thermometer{s}, err
}

// Quantities lists the one that there is.
func (thermometer) Quantities() []sensor.Quantity {
	return []sensor.Quantity{{Prop: thermometerProp, Period: cheatPeriod, Accuracy: world.Accuracy(thermometerProp)}}
}

// Read measures the simulated weather of the present.
func (t thermometer) Read(now time.Time) ([]sensor.Sample, error) {
	return []sensor.Sample{{Prop: thermometerProp, Reading: t.Sensor.Read(now)}}, nil
}

// trial is how it went for one cheater.
type trial struct {
	name    string
	kind    adversary.Strategy
	stamps  int
	sold    int    // windows that were good enough to be bought
	convict int    // stamps that name what it did, at an integrity that is not sold
	first   string // the first of them, for people
	why     string // its code in words
	dropped string // why the buyer dropped it
	batches int
	paid    byteball.Bytes
}

// judged takes a stamp of the buyer's; code is what convicts this seller.
func (t *trial) judged(code score.Code, least int, a map[string]any) {
	integrity, _ := a["integrity"].(uint16)
	hard, _ := a["hard"].([]uint8)
	soft, _ := a["reasons"].([]uint8)
	if bought, _ := a["bought"].(bool); bought {
		t.sold++
	}
	if code == 0 || int(integrity) >= least || !slices.Contains(slices.Concat(hard, soft), uint8(code)) {
		return
	}
	if t.convict++; t.convict == 1 {
		t.why = code.String()
		t.first = fmt.Sprintf("stamped %d of 1000 with code %d, %s", integrity, int(code), t.why)
	}
}

// trials are how it went for the cheaters, in the order of the parties.
func (b *board) trials() (list []trial) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, p := range b.names {
		if p.kind == "" {
			continue
		}
		t := trial{name: p.name, kind: p.kind}
		for key, s := range b.products {
			if key.seller == id {
				t = s.trial
				t.name, t.kind = p.name, p.kind
			}
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(x, y trial) int {
		return slices.Index(adversary.Cheats(), x.kind) - slices.Index(adversary.Cheats(), y.kind)
	})
	return list
}

// unseen is how many windows of a cheater may be bought before it is dropped: none but of one whose neighbours were not
// judged yet when its first window was, and of a curve where late polls make it uneven.
func (t trial) unseen() int {
	switch t.kind {
	case adversary.Unit:
		return 2
	case adversary.Curve:
		return 1
	}
	return 0
}

// missing says what the demo wanted to show of a cheater and did not.
func (t trial) missing() (list []string) {
	if t.convict == 0 {
		list = append(list, fmt.Sprintf("none of %d stamps convicts %s of code %d (%s)", t.stamps, t.name, int(t.kind.Convicts()), t.kind.Convicts()))
	}
	if t.dropped == "" {
		list = append(list, "the buyer did not drop "+t.name)
	}
	if t.sold > t.unseen() {
		list = append(list, fmt.Sprintf("%s got %s for %s of %s that were not found out", t.name, t.paid, counted(t.batches, "batch"), counted(t.sold, "window")))
	}
	return list
}

// writeTrials tells people what became of the cheaters.
func (st *statement) writeTrials(w io.Writer) {
	for _, t := range st.trials {
		fmt.Fprintf(w, "\n%s %s.\n", t.name, deeds[t.kind])
		if t.convict == 0 {
			fmt.Fprintf(w, "  nobody has found it out in %d windows\n", t.stamps)
		} else {
			fmt.Fprintf(w, "  %s.\n", t.first)
		}
		if t.dropped != "" {
			fmt.Fprintf(w, "  The buyer dropped it after %s: %s; it had paid %s for %s before.\n", counted(t.stamps, "window"), t.dropped, t.paid, counted(t.batches, "batch"))
		}
	}
}

func counted(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "h"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
