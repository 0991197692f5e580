package wallet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Bounds of a proposal's JSON.
const (
	MaxProposal     = 1 << 20 // bytes
	proposalVersion = 1
)

// Proposal is a payment from a shared address on its way from holder to holder: one makes it (Propose), each signs it
// (Sign), one joins what came back (Join) and posts the unit (Finish). It travels as JSON (Marshal, ReadProposal) and holds
// nothing secret but a preimage, if there is one. It pays bytes and does nothing else, so what a holder agrees to is all in
// Pays. That its coins exist is the proposer's word; if they do not, the ledger refuses the unit.
type Proposal struct {
	shared  Shared
	address byteball.Address
	network byteball.Network
	mci     uint64 // of the last ball
	coins   []Coin
	unit    *unit.Unit
	slots   []Slot // those that are used, in the order of their paths
}

// Plan is what Propose makes a payment of.
type Plan struct {
	Network   byteball.Network
	Anchor    unit.Anchor
	Coins     []Coin            // of the shared address, to choose from (Unspent)
	Shown     bool              // the ledger knows the address's definition at the anchor's last ball
	Paths     []string          // where the signatures will stand
	Preimages map[string]string // authentifiers that are no signatures, by path
	Outputs   []unit.Output
	Change    byteball.Address // empty means back to the shared address
}

// Propose composes a payment from s, as Compose does, that holds places for the signatures at p.Paths.
// Errors: Funds; Invalid for a path that is none, or a definition that is none.
func (s Shared) Propose(p Plan) (*Proposal, error) {
	address, err := s.Address()
	if err != nil {
		return nil, err
	}
	author := unit.Author{Address: address, Authentifiers: maps.Clone(p.Preimages)}
	if author.Authentifiers == nil {
		author.Authentifiers = map[string]string{}
	}
	for _, path := range p.Paths {
		author.Authentifiers[path] = unit.PlaceholderSig
	}
	if !p.Shown {
		author.Definition = s.Definition
	}
	if p.Change == "" {
		p.Change = address
	}
	coins := slices.Clone(p.Coins)
	for i := range coins {
		coins[i].Address = address
	}
	coins, least := order(coins, nil)
	d := &draft{net: p.Network, anchor: p.Anchor, outputs: p.Outputs, change: p.Change, authors: []unit.Author{author}}
	u, err := d.pick(coins, least)
	if err != nil {
		return nil, err
	}
	spent := spends(u)
	coins = slices.DeleteFunc(coins, func(c Coin) bool { return !slices.Contains(spent, c.OutPoint) })
	q := &Proposal{shared: s, address: address, network: p.Network, mci: p.Anchor.LastBallMCI, coins: coins, unit: u}
	return q, q.check()
}

// proposalJSON is the form in which a proposal travels.
type proposalJSON struct {
	Version int        `json:"iotverse_proposal"`
	Network string     `json:"network"`
	Shared  Shared     `json:"shared"`
	MCI     uint64     `json:"last_ball_mci"`
	Coins   []Coin     `json:"coins"`
	Unit    *unit.Unit `json:"unit"`
}

// Marshal writes p for its other holders.
func (p *Proposal) Marshal() ([]byte, error) {
	return json.Marshal(proposalJSON{proposalVersion, p.network.Name, p.shared, p.mci, p.coins, p.unit})
}

// ReadProposal reads what Marshal wrote and checks all that can be checked without the ledger: that the coins cover what is
// paid and the fees exactly, that no change is hidden, and each signature that is in.
// Error: Invalid, saying what is wrong.
func ReadProposal(data []byte) (*Proposal, error) {
	if len(data) > MaxProposal {
		return nil, byteball.Errorf(byteball.Invalid, "proposal of %d bytes, at most %d", len(data), MaxProposal)
	}
	var j proposalJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return nil, byteball.Errorf(byteball.Invalid, "this is no proposal: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, byteball.Errorf(byteball.Invalid, "this is no proposal: bytes after its end")
	}
	network, ok := byteball.NetworkByName(j.Network)
	switch {
	case j.Version != proposalVersion:
		return nil, byteball.Errorf(byteball.Invalid, "proposal of version %d, this program reads %d", j.Version, proposalVersion)
	case !ok:
		return nil, byteball.Errorf(byteball.Invalid, "proposal for network %.20q, which is unknown", j.Network)
	case j.Unit == nil:
		return nil, byteball.Errorf(byteball.Invalid, "proposal without a unit")
	}
	address, err := j.Shared.Address()
	if err != nil {
		return nil, err
	}
	p := &Proposal{shared: j.Shared, address: address, network: network, mci: j.MCI, coins: j.Coins, unit: j.Unit}
	return p, p.check()
}

// check fills the slots and compares everything with everything.
func (p *Proposal) check() error {
	u := p.unit
	switch {
	case len(u.Authors) != 1 || u.Authors[0].Address != p.address:
		return byteball.Errorf(byteball.Invalid, "proposal: the unit is not by %s alone", p.address)
	case u.Version != p.network.Version || u.Alt != p.network.Alt:
		return byteball.Errorf(byteball.Invalid, "proposal: unit of version %.20q, network %s has %s", u.Version, p.network.Name, p.network.Version)
	case len(u.Messages) != 1 || len(u.Recipients) > 0:
		return byteball.Errorf(byteball.Invalid, "proposal: the unit does more than pay: %d messages, %d earners of commissions", len(u.Messages), len(u.Recipients))
	}
	if pay, ok := u.Messages[0].Payload.(*unit.Payment); !ok || pay.Asset != "" {
		return byteball.Errorf(byteball.Invalid, "proposal: the unit's message is no payment in bytes")
	}
	if err := p.fill(); err != nil {
		return err
	}
	if err := p.sums(); err != nil {
		return err
	}
	if err := p.measured(); err != nil {
		return err
	}
	return p.verify()
}

// fill finds the slot of each authentifier.
func (p *Proposal) fill() error {
	slots, err := p.shared.Slots()
	if err != nil {
		return err
	}
	p.slots = nil
	auth := p.unit.Authors[0].Authentifiers
	for _, path := range slices.Sorted(maps.Keys(auth)) {
		i := slices.IndexFunc(slots, func(s Slot) bool { return s.Path == path })
		if i < 0 {
			return byteball.Errorf(byteball.Invalid, "proposal: no key of %s stands at path %.40q", p.address, path)
		}
		p.slots = append(p.slots, slots[i])
	}
	if len(p.slots) == 0 {
		return byteball.Errorf(byteball.Invalid, "proposal: no path to sign at")
	}
	return nil
}

// sums compares the coins with what the unit spends, pays and costs.
func (p *Proposal) sums() error {
	worth := map[unit.OutPoint]byteball.Bytes{}
	var in, out byteball.Bytes
	for _, c := range p.coins {
		if _, twice := worth[c.OutPoint]; twice || c.Address != p.address {
			return byteball.Errorf(byteball.Invalid, "proposal: coin %s/%d/%d is there twice or of another address", c.Unit, c.MessageIndex, c.OutputIndex)
		}
		worth[c.OutPoint] = c.Amount
		var err error
		if in, err = byteball.Add(in, c.Amount); err != nil {
			return err
		}
	}
	pay := p.unit.Messages[0].Payload.(*unit.Payment)
	for _, o := range pay.Outputs {
		var err error
		if out, err = byteball.Add(out, o.Amount); err != nil {
			return err
		}
	}
	points := spends(p.unit)
	for _, o := range points {
		if _, ok := worth[o]; !ok {
			return byteball.Errorf(byteball.Invalid, "proposal: the unit spends %s/%d/%d, which is not among its coins", o.Unit, o.MessageIndex, o.OutputIndex)
		}
		delete(worth, o)
	}
	fees, err := unit.Fees(p.unit)
	if err != nil {
		return err
	}
	if len(worth) > 0 || len(pay.Inputs) != len(points) || in < fees || in-fees != out {
		return byteball.Errorf(byteball.Invalid, "proposal: coins of %s for outputs of %s and fees of %s", in, out, fees)
	}
	return nil
}

// measured checks payload hashes and sizes, by making them again.
func (p *Proposal) measured() error {
	again := *p.unit
	again.Messages = slices.Clone(p.unit.Messages)
	if err := again.Measure(); err != nil {
		return err
	}
	u := p.unit
	same := again.HeadersCommission == u.HeadersCommission && again.PayloadCommission == u.PayloadCommission && again.OversizeFee == u.OversizeFee
	for i := range u.Messages {
		same = same && u.Messages[i].Payload != nil && u.Messages[i].PayloadHash == again.Messages[i].PayloadHash
	}
	if !same {
		return byteball.Errorf(byteball.Invalid, "proposal: sizes or payload hashes of the unit are wrong")
	}
	return nil
}

// verify checks the signatures that are in.
func (p *Proposal) verify() error {
	hash, err := p.unit.HashToSign()
	if err != nil {
		return err
	}
	for _, s := range p.slots {
		if a := p.at(s); s.Key != "" && a != unit.PlaceholderSig && !unit.VerifySig(hash, a, s.Key) {
			return byteball.Errorf(byteball.Invalid, "proposal: bad signature at path %s, key %s", s.Path, s.Key)
		}
	}
	return nil
}

func (p *Proposal) at(s Slot) string { return p.unit.Authors[0].Authentifiers[s.Path] }

// Address is the shared address that pays.
func (p *Proposal) Address() byteball.Address { return p.address }

// Pays lists what is paid to other addresses than the shared one, and the fees.
func (p *Proposal) Pays() (outputs []unit.Output, fees byteball.Bytes) {
	for _, c := range pays(p.unit, func(a byteball.Address) bool { return a != p.address }) {
		outputs = append(outputs, unit.Output{Address: c.Address, Amount: c.Amount})
	}
	fees, _ = unit.Fees(p.unit) // check has added them up
	return outputs, fees
}

// Missing lists the slots that wait for their signature.
func (p *Proposal) Missing() []Slot {
	var list []Slot
	for _, s := range p.slots {
		if p.at(s) == unit.PlaceholderSig {
			list = append(list, s)
		}
	}
	return list
}

// Sign puts the signature of key in each place that waits for it, and returns in how many. Errors: those of key.
func (p *Proposal) Sign(key unit.Signer) (int, error) {
	hash, err := p.unit.HashToSign()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range p.Missing() {
		if s.Key != key.PublicKey() {
			continue
		}
		sig, err := key.Sign(hash)
		if err != nil {
			return n, err
		}
		p.unit.Authors[0].Authentifiers[s.Path] = base64.StdEncoding.EncodeToString(sig[:])
		n++
	}
	return n, nil
}

// Join takes over the signatures of q, another holder's copy of the same proposal. Error: Invalid if it is another one.
func (p *Proposal) Join(q *Proposal) error {
	mine, err := p.unit.HashToSign()
	if err != nil {
		return err
	}
	theirs, err := q.unit.HashToSign()
	if err != nil || mine != theirs || !slices.Equal(p.slots, q.slots) {
		return byteball.Errorf(byteball.Invalid, "these are two different proposals: they cannot be joined")
	}
	for _, s := range p.Missing() {
		p.unit.Authors[0].Authentifiers[s.Path] = q.at(s)
	}
	return nil
}

// Finish returns the unit for posting, once the signatures satisfy the definition, as far as that can be known without the
// ledger: an operator that asks the ledger counts as not met. Error: Invalid, saying what is missing.
func (p *Proposal) Finish() (*unit.Unit, error) {
	if list := p.Missing(); len(list) > 0 {
		return nil, byteball.Errorf(byteball.Invalid, "%d signatures are missing, the first at path %s by key %s", len(list), list[0].Path, list[0].Key)
	}
	if err := p.shared.evaluate(p.unit, p.mci, p.coins); err != nil {
		return nil, fmt.Errorf("proposal: %w", err)
	}
	u := *p.unit
	if err := u.Seal(); err != nil {
		return nil, err
	}
	return &u, unit.CheckForm(&u)
}
