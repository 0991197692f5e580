package oldnode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/internal/oldnode"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/signedmessage"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// call runs one method of the npm client obyte after the other and returns its answers. No URL will do for those that ask
// no hub.
func call(t *testing.T, url string, calls ...[]any) []json.RawMessage {
	t.Helper()
	list, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	c, err := oldnode.Command(t.Context(), t.TempDir(), "obyte.js", url, string(list))
	skip(t, err)
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	var answers []json.RawMessage
	for d := json.NewDecoder(&out); d.More(); {
		var a struct {
			Result json.RawMessage
			Error  string
		}
		if err := d.Decode(&a); err != nil || a.Error != "" {
			t.Fatalf("obyte's answer %d: %q, %v", len(answers), a.Error, err)
		}
		answers = append(answers, a.Result)
	}
	if len(answers) != len(calls) {
		t.Fatalf("%d answers to %d calls", len(answers), len(calls))
	}
	return answers
}

// embedded is the embedded ledger on a free port, with a client of it. Its order provider posts when told.
type embedded struct {
	*testing.T
	*ledger.Ledger
	op   ledger.Operator
	url  string
	hub  *hub.Client
	keys []*unit.Key
}

func newEmbedded(t *testing.T) *embedded {
	t.Helper()
	e := &embedded{T: t}
	w := &world{T: t}
	var outputs []unit.Output
	for range 3 {
		k := newKey(w)
		e.keys = append(e.keys, k)
		outputs = append(outputs, unit.Output{Address: addressOf(w, k), Amount: 1_000_000})
	}
	e.op = ledger.Operator{Signer: newKey(w)}
	genesis, err := ledger.MakeGenesis(byteball.Dev, e.op, outputs, time.Now())
	w.ok(err)
	e.Ledger, err = ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	w.ok(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.ok(err)
	e.url = "ws://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1) // the one result
	go func() { served <- e.Serve(ctx, ledger.ServerConfig{Listener: listener}) }()
	e.witness(4)
	e.hub, err = hub.Dial(t.Context(), hub.Config{URLs: []string{e.url}, Network: byteball.Dev, OPs: []byteball.Address{e.OP()}})
	w.ok(err)
	t.Cleanup(func() {
		w.ok(e.hub.Close())
		stop()
		<-served
		w.ok(e.Ledger.Close())
	})
	return e
}

func (e *embedded) witness(count int) {
	e.Helper()
	for range count {
		if _, err := e.Witness(e.op, time.Now()); err != nil {
			e.Fatal(err)
		}
	}
}

// pays lets the person of that number post a payment with a message.
func (e *embedded) pays(from int, to byteball.Address, m unit.Message) *unit.Unit {
	e.Helper()
	x, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: e.hub, Store: &store{values: map[string][]byte{}}, Key: e.keys[from]})
	if err != nil {
		e.Fatal(err)
	}
	u, err := x.Pay(e.Context(), "it", []unit.Output{{Address: to, Amount: 5_000}}, []unit.Message{m})
	if err != nil {
		e.Fatal(err)
	}
	e.witness(4)
	return u
}

// same compares an answer with what Go has.
func same(t *testing.T, what string, got json.RawMessage, want any) {
	t.Helper()
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal(data, &b) != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%s: obyte has %.500s, Go has %.500s", what, got, data)
	}
}

// TestObyteReads: the npm client obyte reads from the embedded ledger what the Go client reads.
func TestObyteReads(t *testing.T) {
	e := newEmbedded(t)
	ctx, w := t.Context(), &world{T: t}
	alice, bob := addressOf(w, e.keys[0]), addressOf(w, e.keys[1])
	profile := map[string]any{"device": "thermometer", "serial": "42"}
	attestation := e.pays(0, bob, unit.Message{App: "attestation", Payload: map[string]any{"address": string(bob), "profile": profile}})
	e.pays(1, alice, unit.Message{App: "data_feed", Payload: map[string]any{"temperature": "21.5"}})

	answers := call(t, e.url,
		[]any{"getWitnesses"}, []any{"getLastMci"}, []any{"getBalances", []any{alice, bob}}, []any{"getDefinition", alice},
		[]any{"getAttestations", map[string]any{"address": bob}}, []any{"getAttestation", map[string]any{"attestor_address": alice, "field": "serial", "value": "42"}},
		[]any{"getDataFeed", map[string]any{"oracles": []any{bob}, "feed_name": "temperature"}},
		[]any{"getJoint", attestation.Unit}, []any{"getHistory", map[string]any{"witnesses": []any{e.OP()}, "addresses": []any{alice}}})

	same(t, "witnesses", answers[0], []byteball.Address{e.OP()})
	tip, err := e.hub.LastMCI(ctx)
	w.ok(err)
	same(t, "last main chain index", answers[1], tip)
	balances, err := e.hub.Balances(ctx, alice, bob)
	w.ok(err)
	var read map[byteball.Address]struct{ Base hub.Balance }
	if err := json.Unmarshal(answers[2], &read); err != nil || len(read) != 2 || read[alice].Base != balances[alice] || read[bob].Base != balances[bob] {
		t.Errorf("balances: obyte has %s, %v, Go has %v", answers[2], err, balances)
	}
	definition, err := e.hub.Definition(ctx, alice)
	w.ok(err)
	same(t, "definition", answers[3], definition)
	same(t, "attestations", answers[4], []any{map[string]any{"unit": attestation.Unit, "attestor_address": alice, "profile": profile}})
	same(t, "attestation", answers[5], attestation.Unit)
	same(t, "data feed", answers[6], 21.5)
	var joint struct {
		Joint struct{ Unit json.RawMessage }
	}
	w.ok(json.Unmarshal(answers[7], &joint))
	if u, err := unit.Parse(joint.Joint.Unit); err != nil || u.Unit != attestation.Unit || u.CheckHashes() != nil {
		t.Errorf("joint: obyte has %.300s, %v", joint.Joint.Unit, err)
	}
	got, err := hub.Verify(answers[8], []byteball.Address{e.OP()}, 1)
	w.ok(err)
	want, _, err := e.hub.History(ctx, []byteball.Address{alice}, nil, 0)
	w.ok(err)
	if !slices.EqualFunc(got.Proven, want, func(a, b unit.Proven) bool { return a.Unit.Unit == b.Unit.Unit && a.Ball == b.Ball && a.MCI == b.MCI }) {
		t.Errorf("history: obyte has %d proven units, Go has %d", len(got.Proven), len(want))
	}
}

// TestObyteSignedMessage: obyte finds a message good that Go signed, in the version that obyte knows, and an altered one bad.
func TestObyteSignedMessage(t *testing.T) {
	w := &world{T: t}
	key := newKey(w)
	address := addressOf(w, key)
	message := func(text string) map[string]any {
		m := signedmessage.New(byteball.Live, text, "", unit.Author{Address: address, Definition: wallet.Definition(key)})
		m.Version = "3.0"
		w.ok(m.SignWith(address, "r", key))
		data, err := json.Marshal(m)
		w.ok(err)
		var tree map[string]any
		w.ok(json.Unmarshal(data, &tree))
		return tree
	}
	altered := message("I owe you 5")
	altered["signed_message"] = "I owe you 6"
	answers := call(t, "",
		[]any{"validateSignedMessage", message("zwölf € ✓ \" \\"), address, "zwölf € ✓ \" \\"},
		[]any{"validateSignedMessage", altered, address})
	same(t, "a good message", answers[0], true)
	same(t, "an altered message", answers[1], false)
}
