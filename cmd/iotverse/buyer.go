package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/buyer/sink"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/privacy"
)

// demandFile is one demand as people write it; a file holds one or a list.
type demandFile struct {
	Want     string        `yaml:"want"`      // in words
	Quantity string        `yaml:"quantity"`  // slug of the table of properties
	At       string        `yaml:"at"`        // LAT,LON of the centre
	Radius   uint32        `yaml:"radius"`    // metres
	HalfLife time.Duration `yaml:"half_life"` // after which a reading is worth half
	Period   time.Duration `yaml:"period"`    // between readings
	Accuracy string        `yaml:"accuracy"`  // standard deviation, in the property's unit
	Cap      uint64        `yaml:"cap"`       // most for a batch of perfect data, bytes
	Windows  uint32        `yaml:"windows"`   // how many to buy
	Sellers  int           `yaml:"sellers"`   // from how many at once
	Events   bool          `yaml:"events"`    // only windows in which something unusual happened
}

func defaultDemand() demandFile {
	return demandFile{Radius: 10_000, HalfLife: time.Hour, Period: time.Minute, Accuracy: "1", Windows: 24, Sellers: 1}
}

// want turns it into what the core understands: what the words say first, then a quantity that is named.
func (d demandFile) want() (buyer.Want, error) {
	w := buyer.Want{Sellers: d.Sellers, Text: d.Want, Demand: protocol.Demand{Radius: d.Radius, HalfLife: uint32(d.HalfLife.Seconds()),
		Period: uint32(d.Period.Milliseconds()), Accuracy: d.Accuracy, Cap: byteball.Bytes(d.Cap), Windows: d.Windows, Events: d.Events}}
	if d.Want != "" {
		if err := rank.Read(rank.Want{Text: d.Want}).Fill(&w.Demand); err != nil {
			return buyer.Want{}, usageError{err}
		}
	}
	if prop, ok := protocol.PropertyOf(d.Quantity); ok {
		w.Demand.Prop, w.Demand.Unit = prop.Slug, prop.Unit
	} else if d.Quantity != "" || d.Want == "" {
		return buyer.Want{}, usagef("quantity %q is not for sale here; known are %v", d.Quantity, protocol.Properties())
	}
	if d.Cap == 0 {
		return buyer.Want{}, usagef("say what a batch of perfect data may cost: --cap BYTES")
	}
	if d.At == "" {
		return buyer.Want{}, usagef("say around which place: --at LAT,LON")
	}
	var err error
	if w.Demand.Cell, err = privacy.Cell(d.At); err != nil {
		return buyer.Want{}, usageError{err}
	}
	return w, nil
}

// readDemands reads a YAML (or JSON) file with one demand or a list of them.
func readDemands(path string) ([]demandFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var nodes []yaml.Node
	if err := yaml.Unmarshal(data, &nodes); err != nil {
		var one yaml.Node
		if err := yaml.Unmarshal(data, &one); err != nil {
			return nil, usagef("demand %s: %v", path, err)
		}
		nodes = []yaml.Node{one}
	}
	list := make([]demandFile, len(nodes))
	for i := range nodes {
		list[i] = defaultDemand()
		if err := decodeDemand(&nodes[i], &list[i]); err != nil {
			return nil, usagef("demand %s: %v", path, err)
		}
	}
	if len(list) == 0 {
		return nil, usagef("demand %s is empty", path)
	}
	return list, nil
}

// decodeDemand fills d and refuses a name that it has no field for.
func decodeDemand(n *yaml.Node, d *demandFile) error {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	text, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	return dec.Decode(d)
}

type buyerFlags struct {
	commonFlags
	demandFile
	file, out, format          string
	spend                      uint64
	maxDeal, maxSeller, maxDay string
}

// limits are what the flags allow to put at risk.
func (f *buyerFlags) limits() (buyer.Limits, error) {
	l := buyer.Limits{All: byteball.Bytes(f.spend)}
	for _, m := range []struct {
		flag, text string
		to         *byteball.Bytes
	}{{"max-deal", f.maxDeal, &l.Deal}, {"max-seller", f.maxSeller, &l.Seller}, {"max-day", f.maxDay, &l.Day}} {
		if m.text == "" {
			continue
		}
		var err error
		if *m.to, err = parseAmount(m.text); err != nil {
			return l, usagef("--%s: %v", m.flag, err)
		}
	}
	return l, nil
}

func buyerCommand() *cobra.Command {
	f := buyerFlags{demandFile: defaultDemand()}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "buy what is demanded, batch by batch",
		Example: `  iotverse buyer run --quantity air-temperature --at 52.52,13.40 --cap 3000 --out data
  iotverse buyer run --want "supply air temperature, building 3, every 5 min" --at 52.52,13.40 --cap 3000 --out data
  iotverse buyer run --demand demands.yaml --out data`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.commonFlags.add(cmd, "buyer")
	fl := cmd.Flags()
	fl.StringVar(&f.file, "demand", "", "YAML file with one demand or a list (names as the flags below)")
	fl.StringVar(&f.Want, "want", "", "what is wanted, in words: quantity, medium, place, rate, accuracy")
	fl.StringVar(&f.Quantity, "quantity", "", "what is wanted, e.g. air-temperature")
	fl.StringVar(&f.At, "at", "", "around which place, LAT,LON")
	fl.Uint32Var(&f.Radius, "radius", f.Radius, "how near, in metres")
	fl.DurationVar(&f.HalfLife, "half-life", f.HalfLife, "after which a reading is worth half")
	fl.DurationVar(&f.Period, "period", f.Period, "between readings")
	fl.StringVar(&f.Accuracy, "accuracy", f.Accuracy, "standard deviation of a reading")
	fl.Uint64Var(&f.Cap, "cap", 0, "the most for a batch of perfect data, in bytes")
	fl.Uint32Var(&f.Windows, "windows", f.Windows, "how many windows to buy")
	fl.IntVar(&f.Sellers, "sellers", f.Sellers, "from how many sellers at once")
	fl.BoolVar(&f.Events, "events", false, "buy only windows that a stamp marks as unusual (fees are paid for all)")
	fl.StringVar(&f.out, "out", "", "folder for what is bought")
	fl.StringVar(&f.format, "format", "jsonl", "jsonl or csv")
	fl.Uint64Var(&f.spend, "spend", 0, "the most that all deposits together may lock, in bytes (0: the demands decide)")
	fl.StringVar(&f.maxDeal, "max-deal", "", "the most that one deal may lock, e.g. 2MB; larger demands are bought in several deals (empty: no limit)")
	fl.StringVar(&f.maxSeller, "max-seller", "", "the most that open deals with one seller may lock together (empty: no limit)")
	fl.StringVar(&f.maxDay, "max-day", "", "the most that deals agreed in any 24 hours may lock, whatever has come back since (empty: no limit)")
	return group("buyer", "buy what is needed", withConfig(cmd), rankCommand(), searchCommand(), mergeCommand())
}

func (f *buyerFlags) run(cmd *cobra.Command) error {
	wants, err := f.wants()
	if err != nil {
		return err
	}
	limits, err := f.limits()
	if err != nil {
		return err
	}
	if f.out == "" {
		return usagef("say where the data go: --out DIR")
	}
	m, err := readMarket(f.market)
	if err != nil {
		return err
	}
	if m.Network == byteball.Live.Name && (limits.Deal == 0 || limits.Seller == 0 || limits.Day == 0) {
		return usagef("on the live network say first what may be put at risk: --max-deal, --max-seller and --max-day")
	}
	need, err := depositNeed(m, wants)
	if err != nil {
		return err
	}
	for _, most := range []byteball.Bytes{limits.Day, limits.All} {
		if most > 0 {
			need = min(need, most+10_000)
		}
	}
	out, err := sink.Open(f.out, f.format)
	if err != nil {
		return err
	}
	defer out.Close()
	stderr := cmd.ErrOrStderr()
	return running(cmd, &f.commonFlags, need, func(ctx context.Context, r *rig, settle <-chan struct{}) error {
		return runBuyer(ctx, r, wants, limits, out, printer(stderr), settle)
	})
}

func (f *buyerFlags) wants() ([]buyer.Want, error) {
	list := []demandFile{f.demandFile}
	if f.file != "" {
		var err error
		if list, err = readDemands(f.file); err != nil {
			return nil, err
		}
	} else if f.Quantity == "" && f.Want == "" {
		return nil, usagef("say what is wanted: --want WORDS or --quantity SLUG, with --cap, or --demand FILE")
	}
	var wants []buyer.Want
	for _, d := range list {
		w, err := d.want()
		if err != nil {
			return nil, err
		}
		wants = append(wants, w)
	}
	return wants, nil
}

// depositNeed is what the deposits of all demands lock at most.
func depositNeed(m *params.Manifest, wants []buyer.Want) (byteball.Bytes, error) {
	var sum byteball.Bytes
	for _, w := range wants {
		d, err := buyer.Need(deal.Rules{Manifest: *m}, w.Demand.Cap, w.Demand.Windows)
		if err != nil {
			return 0, fmt.Errorf("demand for %s: %w", w.Demand.Prop, err)
		}
		if sum, err = byteball.Add(sum, d*byteball.Bytes(max(1, w.Sellers)), 10_000); err != nil {
			return 0, err
		}
	}
	return sum, nil
}
