package definition

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// coin is one input or output of a public payment.
type coin struct {
	kind    string // "transfer" or "issue" of an input, "" of an output
	asset   string // "base" or a hash
	address byteball.Address
	amount  float64
}

// payments calls each for the unit's public payments.
func (e *evaluation) payments(each func(asset string, p *unit.Payment)) {
	for i := range e.env.Unit.Messages {
		m := &e.env.Unit.Messages[i]
		p, _ := m.Payload.(*unit.Payment)
		if m.App != "payment" || p == nil {
			continue
		}
		asset := "base"
		if p.Asset != "" {
			asset = string(p.Asset)
		}
		each(asset, p)
	}
}

// find returns the coins that f selects. known is false if f looks at inputs' owners or amounts, or owners is set, and
// some input is unknown.
func (e *evaluation) find(f filter, owners bool) (found []coin, known bool) {
	owners = f.what == "input" && (owners || f.needsOwners())
	if owners && !e.resolve() {
		return nil, false
	}
	e.payments(func(asset string, p *unit.Payment) {
		if f.what == "output" {
			for _, o := range p.Outputs {
				found = f.collect(found, coin{"", asset, o.Address, float64(o.Amount)}, e)
			}
			return
		}
		for i := range p.Inputs {
			if c, ok := e.input(asset, &p.Inputs[i]); ok {
				found = f.collect(found, c, e)
			}
		}
	})
	return found, true
}

func (f filter) collect(found []coin, c coin, e *evaluation) []coin {
	if f.selects(c, e) {
		found = append(found, c)
	}
	return found
}

// input describes an input; false for commissions. Owner and amount of a transfer are there after resolve.
func (e *evaluation) input(asset string, in *unit.Input) (coin, bool) {
	switch in.Type {
	case "":
		c := coin{kind: "transfer", asset: asset}
		if r := e.resolved[outPoint(in)]; r != nil {
			c.address, c.amount = r.Address, float64(r.Amount)
		}
		return c, true
	case "issue":
		c := coin{"issue", asset, in.Address, float64(in.Amount)}
		if authors := e.env.Unit.Authors; c.address == "" && len(authors) > 0 {
			c.address = authors[0].Address
		}
		return c, true
	}
	return coin{}, false
}

// transfers returns what is known of the outputs that the unit spends; false if one of its inputs is unknown.
func (e *evaluation) transfers() ([]*ResolvedInput, bool) {
	if !e.resolve() {
		return nil, false
	}
	var spent []*ResolvedInput
	e.payments(func(_ string, p *unit.Payment) {
		for i := range p.Inputs {
			if in := &p.Inputs[i]; in.Type == "" {
				spent = append(spent, e.resolved[outPoint(in)])
			}
		}
	})
	return spent, true
}

// resolve indexes Env.Inputs and says whether all inputs are known.
func (e *evaluation) resolve() bool {
	if e.resolved != nil {
		return e.complete
	}
	e.resolved = make(map[unit.OutPoint]*ResolvedInput, len(e.env.Inputs))
	for i := range e.env.Inputs {
		e.resolved[e.env.Inputs[i].OutPoint] = &e.env.Inputs[i]
	}
	e.complete = true
	e.payments(func(_ string, p *unit.Payment) {
		for i := range p.Inputs {
			in := &p.Inputs[i]
			if in.Type == "" && e.resolved[outPoint(in)] == nil || in.Type == "issue" && in.Amount == 0 {
				e.complete = false
			}
		}
	})
	return e.complete
}

func outPoint(in *unit.Input) unit.OutPoint {
	return unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}
}
