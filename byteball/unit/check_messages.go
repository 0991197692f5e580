package unit

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

const (
	maxSpendProofs  = 128
	maxURI          = 500
	totalBytes      = 1e15 // all bytes there are
	spendProofsText = "spend_proofs must be non-empty array max 128 elements"
)

// inlineOnly are the apps whose payload must be in the unit.
var inlineOnly = []string{"address_definition_change", "data_feed", "definition_template", "asset", "asset_attestors",
	"attestation", "poll", "vote", "definition", "system_vote", "system_vote_count", "temp_data"}

// contents is what has been met in the messages of one unit.
type contents struct {
	u       *Unit
	met     map[string]bool // apps, and one for each changed definition, that may appear once
	inputs  map[string]bool // keys of inputs and spend proofs
	payment bool            // a payment of bytes
	late    bool            // the rules of a new unit of 4.0 hold, which came after the version
}

// checkMessages checks the payments first, that of bytes before all, then the rest in their order.
func checkMessages(u *Unit, stable bool) error {
	if u.ContentHash != "" {
		return nil
	}
	c := &contents{u: u, met: map[string]bool{}, inputs: map[string]bool{}, late: !stable && countsOversize(u.Version)}
	if u.MaxAAResponses != nil && !countsOversize(u.Version) {
		return refuse("max_aa_responses should not be there")
	}
	outputs := 0
	order := make([]*Message, len(u.Messages))
	for i := range u.Messages {
		order[i] = &u.Messages[i]
		if p, ok := u.Messages[i].Payload.(*Payment); ok {
			outputs += len(p.Outputs)
		}
	}
	if outputs == 0 {
		return refuse("no output addresses found in payment messages")
	}
	slices.SortStableFunc(order, func(a, b *Message) int { return a.rank() - b.rank() })
	for _, m := range order {
		if err := c.check(m); err != nil {
			return err
		}
	}
	if !c.payment {
		return refuse("no base payment message")
	}
	return nil
}

func (m *Message) rank() int {
	p, ok := m.Payload.(*Payment)
	switch {
	case m.App != "payment":
		return 3
	case !ok:
		return 2
	case p.Asset != "":
		return 1
	}
	return 0
}

func (c *contents) check(m *Message) error {
	if m.App == "" {
		return refuse("no app")
	}
	if m.SpendProofs != nil {
		if err := c.spendProofs(m); err != nil {
			return err
		}
	}
	if err := m.checkURI(); err != nil {
		return err
	}
	if m.App == "payment" && m.PayloadLocation == "uri" {
		return refuse("payment location must be inline or none")
	}
	if m.App == "payment" && m.PayloadLocation == "none" && m.SpendProofs == nil {
		return refuse("private payment must come with spend proof(s)")
	}
	if m.PayloadLocation != "inline" {
		if slices.Contains(inlineOnly, m.App) {
			return refuse("%s must be inline", m.App)
		}
		if !isHash(string(m.PayloadHash)) {
			return refuse("wrong payload hash")
		}
		return nil
	}
	if m.App != "payment" {
		return c.app(m)
	}
	p, ok := m.Payload.(*Payment)
	if !ok {
		return refuse("payment must be a non-empty object")
	}
	return c.checkPayment(p)
}

func (c *contents) spendProofs(m *Message) error {
	switch {
	case m.App != "payment":
		return refuse("spend proofs in non-payment message")
	case m.PayloadLocation != "none":
		return refuse("spend proofs in message with payload")
	}
	list, _ := m.SpendProofs.([]any)
	if len(list) == 0 || len(list) > maxSpendProofs {
		return refuse(spendProofsText)
	}
	for _, e := range list {
		proof, ok := e.(map[string]any)
		if !ok {
			return refuse("spend_proof must be object")
		}
		if hasOthers(proof, "spend_proof", "address") {
			return refuse("unknown fields in spend_proof")
		}
		key, _ := proof["spend_proof"].(string)
		if !isHash(key) {
			return refuse("spend proof %q is not a valid base64", key)
		}
		address, given := proof["address"]
		a, isText := address.(string)
		switch {
		case len(c.u.Authors) == 1 && given:
			return refuse("when single-authored, must not put address in spend proof")
		case len(c.u.Authors) > 1 && !isText:
			return refuse("when multi-authored, must put address in spend_proofs")
		case len(c.u.Authors) > 1 && !c.u.hasAuthor(byteball.Address(a)):
			return refuse("spend proof address %s is not an author", a)
		case c.inputs[key]:
			return refuse("spend proof %s already used", key)
		}
		c.inputs[key] = true
	}
	return nil
}

func (m *Message) checkURI() error {
	if m.PayloadLocation != "uri" {
		switch {
		case m.PayloadURIHash != "":
			return refuse("must not contain payload_uri_hash")
		case m.PayloadURI != "":
			return refuse("must not contain payload_uri")
		}
		return nil
	}
	switch {
	case m.PayloadURI == "":
		return refuse("no payload uri")
	case m.PayloadURI != trim(m.PayloadURI):
		return refuse("payload uri must be trimmed")
	case len(m.PayloadURIHash) != HashLength:
		return refuse("wrong length of payload uri hash")
	case objecthash.StringLength(m.PayloadURI) > maxURI:
		return refuse("payload_uri too long")
	}
	if h, err := objecthash.Hash(m.PayloadURI); err != nil || h != m.PayloadURIHash {
		return refuse("wrong payload_uri hash")
	}
	return nil
}

func (c *contents) checkPayment(p *Payment) error {
	if p.Asset == "" {
		if p.Definition != nil || p.Denomination != 0 {
			return refuse("unknown fields in payment message")
		}
		if c.payment {
			return refuse("can have only one base payment")
		}
		c.payment = true
	} else if p.Definition != nil {
		return refuse("unknown fields in payment message")
	}
	switch {
	case len(p.Inputs) > MaxInputs && !c.u.unsigned():
		return refuse("too many inputs")
	case len(p.Outputs) > MaxOutputs && !c.u.isGenesis():
		return refuse("too many outputs")
	}
	if err := checkOutputs(p.Outputs); err != nil {
		return err
	}
	latest := 0
	for i := range p.Inputs {
		if err := c.input(p, i, &latest); err != nil {
			return err
		}
	}
	return nil
}

func checkOutputs(outputs []Output) error {
	var total byteball.Bytes
	var previous Output
	for _, o := range outputs {
		switch {
		case o.Amount > byteball.MaxBytes:
			return refuse("output too large: %d", uint64(o.Amount))
		case previous.Address > o.Address:
			return refuse("output addresses not sorted")
		case previous.Address == o.Address && previous.Amount > o.Amount:
			return refuse("output amounts for same address not sorted")
		}
		previous = o
		if total += o.Amount; total > byteball.MaxBytes {
			return refuse("total output too large: %d", uint64(total))
		}
	}
	return nil
}

// input checks one input; latest is the rank of the types met so far, which must not fall.
func (c *contents) input(p *Payment, i int, latest *int) error {
	in := &p.Inputs[i]
	asset := string(p.Asset)
	if asset == "" {
		asset = "base"
	}
	if asset != "base" && in.Type != "" && in.Type != "issue" {
		return refuse("non-base input can have only type=issue")
	}
	switch in.Type {
	case "issue":
		return c.issue(p, i, asset)
	case "":
		if *latest > 0 {
			return refuse("all transfers must come before hc and witnessings")
		}
		if len(in.Unit) != HashLength {
			return refuse("wrong unit length in payment input")
		}
		if in.MessageIndex < 0 || in.OutputIndex < 0 {
			return refuse("no output_index in payment input")
		}
		return c.use(fmt.Sprintf("%s-%s-%d-%d", asset, in.Unit, in.MessageIndex, in.OutputIndex))
	case "headers_commission":
		if *latest > 1 {
			return refuse("all headers commissions must come before witnessings")
		}
		*latest = 1
	default:
		*latest = 2
	}
	if in.FromMainChainIndex > in.ToMainChainIndex {
		return refuse("from_main_chain_index > input.to_main_chain_index")
	}
	if err := c.inputAddress(in); err != nil {
		return err
	}
	return c.use(fmt.Sprintf("%s-%s", in.Type, c.owner(in)))
}

// owner is whose money an issue or a commission is.
func (c *contents) owner(in *Input) byteball.Address {
	if len(c.u.Authors) == 1 {
		return c.u.Authors[0].Address
	}
	return in.Address
}

func (c *contents) use(key string) error {
	if c.inputs[key] {
		return refuse("input %s already used", key)
	}
	c.inputs[key] = true
	return nil
}

func (c *contents) issue(p *Payment, i int, asset string) error {
	in := &p.Inputs[i]
	switch {
	case i != 0:
		return refuse("issue must come first")
	case in.Amount == 0:
		return refuse("amount must be positive")
	case in.Amount > byteball.MaxBytes:
		return refuse("issue amount too large: %d", uint64(in.Amount))
	case in.SerialNumber == 0:
		return refuse("serial_number must be positive")
	case p.Asset == "" && in.SerialNumber != 1:
		return refuse("for capped asset serial_number must be 1")
	}
	if err := c.inputAddress(in); err != nil {
		return err
	}
	switch {
	case p.Asset == "" && !c.u.isGenesis():
		return refuse("only genesis can issue base asset")
	case p.Asset == "" && in.Amount != totalBytes:
		return refuse("issue must be equal to cap")
	}
	return c.use(fmt.Sprintf("%s-%d-%s-%d", asset, max(p.Denomination, 1), c.owner(in), in.SerialNumber))
}

// inputAddress checks that an issue or a commission names its owner exactly if there are several authors.
func (c *contents) inputAddress(in *Input) error {
	switch {
	case len(c.u.Authors) == 1 && in.Address != "":
		return refuse("when single-authored, must not put address in %s input", in.Type)
	case len(c.u.Authors) > 1 && in.Address == "":
		return refuse("when multi-authored, must put address in %s input", in.Type)
	case in.Address != "" && !c.u.hasAuthor(in.Address):
		return refuse("%s input address %s is not an author", in.Type, in.Address)
	}
	return nil
}
