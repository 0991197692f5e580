package enroll_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

const t0 = 1_800_000_000

// person has the two keys of a node.
type person struct {
	private ed25519.PrivateKey
	wallet  *unit.Key
	binding protocol.Binding
	address byteball.Address
}

func (p *person) Identity() protocol.Identity {
	return protocol.Identity(p.private.Public().(ed25519.PublicKey))
}
func (p *person) Sign(m []byte) ([]byte, error) { return ed25519.Sign(p.private, m), nil }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // made by the test itself
	}
	return v
}

func newPerson(seed byte) *person {
	p := &person{private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)), wallet: must(unit.NewKey(sha256.Sum256([]byte{seed, 'w'})))}
	p.binding = must(protocol.Bind(p, p.wallet))
	p.address = must(p.binding.Address())
	return p
}

var me, op = newPerson(1), newPerson(99).address

var rules = func() deal.Rules {
	m := params.Manifest{Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:6611"}, OPs: []byteball.Address{op}, T0: t0, Profile: "fast", Params: params.Fast()}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = newPerson(byte(100+i)).wallet.PublicKey(), newPerson(byte(110+i)).wallet.PublicKey()
	}
	return deal.Rules{Manifest: m, Market: m.Hash(), Network: byteball.Dev, Fund: m.FundAddress(), Verifier: envelope.Keys{}}
}()

func hashOf(parts ...any) byteball.Hash {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}

// node is an enrolment with a view, fed second by second.
type node struct {
	*enroll.Enrolment
	view  *view.View
	now   time.Time
	asked []role.Pay
	notes []role.Note
	books []books.Line
}

func newNode(e *enroll.Enrolment) *node {
	return &node{Enrolment: e, view: view.New(rules, unit.DefaultVars(byteball.Dev)), now: time.Unix(t0-20, 0)}
}

func seller() *enroll.Enrolment {
	return enroll.Seller(rules, me.binding, []committee.Stream{{Prop: "air-temperature", Cell: "u33db"}})
}

func validator() *enroll.Enrolment {
	return enroll.Validator(rules, me.binding, newPerson(2).wallet.PublicKey(), []byte("the secret of the nonces"))
}

// second lets one pass, with these units beside the order provider's.
func (n *node) second(units ...unit.Proven) {
	n.now = n.now.Add(time.Second)
	i := n.now.Unix() - (t0 - 20)
	beat := unit.Proven{MCI: uint64(10 * i), Ball: hashOf("ball", i), Serial: true, Unit: &unit.Unit{Unit: hashOf("unit", i), Timestamp: n.now.Unix(),
		Authors: []unit.Author{{Address: op}}, LastBall: hashOf("ball", i-1), LastBallUnit: hashOf("unit", i-1)}}
	n.view.Apply(role.Chain{Tip: beat.MCI + 1, Units: append(units, beat)})
	n.take(n.Chain(n.view, n.now))
}

func (n *node) take(effects []role.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case role.Pay:
			n.asked = append(n.asked, e)
		case role.Note:
			n.notes = append(n.notes, e)
		case role.Save:
			n.books = append(n.books, must(books.Decode(e.Value)))
		case role.Refused:
			panic(e.Err)
		}
	}
}

// stable is the unit that a wallet makes of a payment, proven at main chain index mci.
func stable(p role.Pay, mci uint64, at time.Time) unit.Proven {
	tps := byteball.Bytes(20)
	pay := unit.Message{App: "payment", PayloadLocation: "inline", Payload: &unit.Payment{Outputs: p.Outputs}}
	u := &unit.Unit{Unit: hashOf("bond"), Timestamp: at.Unix(), Authors: []unit.Author{{Address: me.address}}, Messages: append(slices.Clone(p.Messages), pay),
		HeadersCommission: 400, PayloadCommission: 900, TPSFee: &tps}
	return unit.Proven{Unit: u, MCI: mci, Ball: hashOf("ball of the bond"), Serial: true}
}

func TestABondIsAskedForOnce(t *testing.T) {
	for name, start := range map[string]func() *enroll.Enrolment{"seller": seller, "validator": validator} {
		t.Run(name, func(t *testing.T) {
			n := newNode(start())
			for range 10 {
				n.second()
			}
			if len(n.asked) != 1 || n.Ticket() != nil || n.Bond() != "" {
				t.Fatalf("%d bonds are asked for, ticket %v", len(n.asked), n.Ticket())
			}
			p := n.asked[0]
			if !n.Mine(role.Paid{Ref: p.Ref}) || n.Mine(role.Paid{Ref: "fund/1"}) {
				t.Errorf("reference %q is not told from others", p.Ref)
			}
			bond := stable(p, 75, n.now)
			n.take(n.Paid(role.Paid{Ref: p.Ref, Unit: bond.Unit}, n.now))
			var sum books.Amount
			for _, l := range n.books {
				sum += l.Amount
			}
			if want := books.Out(400 + 900 + 20 + rules.Manifest.Params.RegFee); sum != want {
				t.Errorf("the books say %d, want fees and the registration, %d", sum, want)
			}
			n.second(bond)
			n.second()
			if n.Ticket() == nil || n.Bond() != n.Ticket().Bond || n.Ticket().Binding.Identity != me.Identity() {
				t.Fatalf("ticket %+v", n.Ticket())
			}
			if len(n.notes) != 1 || n.notes[0].Text != "bonded" || len(n.asked) != 1 {
				t.Errorf("notes %v, %d bonds", n.notes, len(n.asked))
			}
		})
	}
}

// TestARestartAsksNothingNew: the bond is on the ledger, whose lists come after the first balls; in whatever period.
func TestARestartAsksNothingNew(t *testing.T) {
	n := newNode(validator())
	for range 5 {
		n.second()
	}
	bond := stable(n.asked[0], 45, n.now)
	for _, later := range []time.Duration{0, rules.Manifest.Params.Epoch() * time.Duration(rules.Manifest.Params.ListEpochs)} {
		again := newNode(validator())
		again.now = again.now.Add(later)
		again.second()     // the view asks for the lists
		again.second(bond) // and gets them
		for range 10 {
			again.second()
		}
		if len(again.asked) > 0 || again.Ticket() == nil {
			t.Errorf("%v later: %d bonds are asked for, ticket %v", later, len(again.asked), again.Ticket())
		}
	}
}

func TestNoMoneyNoBond(t *testing.T) {
	n := newNode(seller())
	for range 5 {
		n.second()
	}
	n.take(n.Paid(role.Paid{Ref: n.asked[0].Ref, Err: fmt.Errorf("10 MB missing: %w", protocol.Funds)}, n.now))
	if len(n.notes) != 1 || n.notes[0].Text != "no bond yet" || len(n.books) > 0 {
		t.Errorf("notes %v, books %v", n.notes, n.books)
	}
	for range 9 {
		n.second()
	}
	if len(n.asked) != 1 {
		t.Error("it asks again at once")
	}
	for range 3 {
		n.second()
	}
	if len(n.asked) != 2 || n.asked[1].Ref != n.asked[0].Ref {
		t.Errorf("asked %d times; the reference must be the same, so that nobody pays twice", len(n.asked))
	}
}

// TestNothingIsAskedInThePast: a node that reads an old ledger does not bond before it has come to the present.
func TestNothingIsAskedInThePast(t *testing.T) {
	late := newNode(seller())
	for range 10 {
		late.now = late.now.Add(time.Second)
		late.view.Apply(role.Chain{Tip: 5, Units: []unit.Proven{{MCI: uint64(late.now.Unix() - t0 + 100), Ball: hashOf("b", late.now.Unix()), Serial: true,
			Unit: &unit.Unit{Unit: hashOf("u", late.now.Unix()), Timestamp: late.now.Unix(), Authors: []unit.Author{{Address: op}}}}}})
		late.take(late.Chain(late.view, late.now.Add(time.Hour)))
	}
	if len(late.asked) > 0 {
		t.Error("it bonds an hour behind")
	}
}

func TestABondOutlivesItsTerm(t *testing.T) {
	n := newNode(validator())
	for range 5 {
		n.second()
	}
	ticket, err := committee.ParseRegistration(stable(n.asked[0], 45, n.now), &rules.Manifest, rules.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	p := rules.Manifest.Params
	if ticket.End < p.TermAge+p.DisputeAge || ticket.NonceRoot == (protocol.Hash{}) || len(ticket.Outputs) != p.Slices {
		t.Errorf("ticket %+v", ticket)
	}
	other := newNode(enroll.Validator(rules, me.binding, newPerson(2).wallet.PublicKey(), []byte("another secret")))
	for range 5 {
		other.second()
	}
	second, err := committee.ParseRegistration(stable(other.asked[0], 45, n.now), &rules.Manifest, rules.Verifier)
	if err != nil || second.NonceRoot == ticket.NonceRoot {
		t.Errorf("two secrets give the same nonces: %v", err)
	}
}

func TestLinesHaveTheirOwnKeys(t *testing.T) {
	want := books.Line{Time: 5, Kind: books.Fee, Ref: "fee/x", Amount: -7}
	effects := enroll.Lines(want)
	s, ok := effects[0].(role.Save)
	if !ok || len(effects) != 1 || string(s.Key) != "line/fee/x" || must(books.Decode(s.Value)) != want {
		t.Errorf("effects %v", effects)
	}
}
