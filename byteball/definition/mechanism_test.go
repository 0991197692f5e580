package definition_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// form is one definition of mechanism.json.
type form struct {
	Definition any
	Address    byteball.Address
}

// mechanism holds the definitions of MECHANISM.md and the keys they are made of.
type mechanism struct {
	Keys                                   map[string]struct{ Priv, Pub string }
	Burn, Bond, Channel, HTLC, bond2, hole form
	SellerBond                             form `json:"seller_bond"`
}

var signed = [32]byte{7: 7} // what every unit of this file signs

// sign returns authentifiers from "path key" pairs.
func (m *mechanism) sign(t testing.TB, by ...string) map[string]string {
	t.Helper()
	auth := make(map[string]string)
	for _, b := range by {
		path, name, _ := strings.Cut(b, " ")
		var priv [32]byte
		if _, err := hex.Decode(priv[:], []byte(m.Keys[name].Priv)); err != nil {
			t.Fatal(err)
		}
		key, err := unit.NewKey(priv)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := key.PublicKey(), m.Keys[name].Pub; got != want {
			t.Fatalf("public key of %s: got %s, want %s", name, got, want)
		}
		sig, err := key.Sign(signed)
		if err != nil {
			t.Fatal(err)
		}
		auth[path] = base64.StdEncoding.EncodeToString(sig[:])
	}
	return auth
}

// arbiters signs as the first n arbiters below path.
func (m *mechanism) arbiters(t testing.TB, path string, n int) map[string]string {
	var by []string
	for i := range n {
		by = append(by, fmt.Sprintf("%s.%d arb%d", path, i, i))
	}
	return m.sign(t, by...)
}

func loadMechanism(t testing.TB) *mechanism {
	m := new(mechanism)
	load(t, "mechanism.json", m)
	m.bond2 = variant(t, m.Bond, m.Keys["own"].Pub, m.Keys["buyer"].Pub)
	m.hole = variant(t, m.Bond, `{"what":"input","asset":"base"}`, `{"what":"input","asset":"base","address":"this address"}`)
	return m
}

// variant is f with one text of its JSON changed.
func variant(t testing.TB, f form, from, to string) form {
	t.Helper()
	data, err := json.Marshal(f.Definition)
	if err != nil {
		t.Fatal(err)
	}
	var v form
	data = []byte(strings.ReplaceAll(string(data), `{"asset":"base","what":"input"}`, `{"what":"input","asset":"base"}`))
	changed := strings.ReplaceAll(string(data), from, to)
	if changed == string(data) {
		t.Fatalf("%s is not in %s", from, data)
	}
	if err := json.Unmarshal([]byte(changed), &v.Definition); err != nil {
		t.Fatal(err)
	}
	if v.Address, err = chash.Of(v.Definition); err != nil {
		t.Fatal(err)
	}
	return v
}

// spend builds a unit that spends coins and pays outputs, and the environment it is checked in.
type spend struct {
	coins   []coin
	outputs []unit.Output
	last    uint64 // MCI of the last ball
}

// coin is one output that a unit spends.
type coin struct {
	from   byteball.Address
	amount byteball.Bytes
	mci    uint64
}

func (s spend) env() definition.Env {
	p := &unit.Payment{Outputs: s.outputs}
	e := definition.Env{HashToSign: signed, LastBallMCI: s.last,
		Unit: &unit.Unit{Messages: []unit.Message{{App: "payment", Payload: p}}}}
	for i, c := range s.coins {
		at := unit.OutPoint{Unit: byteball.Hash(fmt.Sprint("unit ", i))}
		p.Inputs = append(p.Inputs, unit.Input{Unit: at.Unit})
		e.Inputs = append(e.Inputs, definition.ResolvedInput{OutPoint: at, Address: c.from, Amount: c.amount, MCI: c.mci, Stable: true})
	}
	return e
}

func TestMechanismAddresses(t *testing.T) {
	m := loadMechanism(t)
	for _, f := range []form{m.Burn, m.Bond, m.SellerBond, m.Channel, m.HTLC} {
		if err := definition.Validate(f.Definition, definition.Env{}); err != nil {
			t.Errorf("%s: %v", f.Address, err)
		}
		if got, err := chash.Of(f.Definition); err != nil || got != f.Address {
			t.Errorf("got %s, %v, want %s", got, err, f.Address)
		}
	}
}

func TestBurnIsUnspendable(t *testing.T) {
	m := loadMechanism(t)
	for _, last := range []uint64{1, 500_000} {
		e := spend{[]coin{{m.Burn.Address, 95_000, 0}}, nil, last}.env()
		if ok, err := definition.Evaluate(m.Burn.Definition, m.Burn.Address, nil, e); ok || err != nil {
			t.Errorf("unsigned: got %v, %v", ok, err)
		}
		_, err := definition.Evaluate(m.Burn.Definition, m.Burn.Address, m.sign(t, "r.0 own"), e)
		if got, want := fmt.Sprint(err), "bad signature at path r.0"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestBond is the table of the bond's rules: K or five arbiters may only burn, one slice at a time; the owner leaves
// after END with all of it.
func TestBond(t *testing.T) {
	m := loadMechanism(t)
	const slice, end = 100_000, 500_000
	own := func(f form, n int) (coins []coin) {
		for range n {
			coins = append(coins, coin{f.Address, slice, 10})
		}
		return coins
	}
	burn := func(amount byteball.Bytes) []unit.Output {
		return []unit.Output{{Address: m.Burn.Address, Amount: amount}}
	}
	K := m.sign(t, "r.1.0.0 bond")
	owner := m.sign(t, "r.0.0 own")
	five := m.arbiters(t, "r.1.0.1", 5)
	both := append(own(m.Bond, 1), own(m.bond2, 1)...)
	holes := append(own(m.hole, 1), own(m.Bond, 1)...)
	for _, c := range []struct {
		name string
		bond form
		auth map[string]string
		spend
		want bool
	}{
		{"K burns one slice", m.Bond, K, spend{own(m.Bond, 1), burn(95_000), 100}, true},
		{"K burns one slice in two outputs", m.Bond, K, spend{own(m.Bond, 1), append(burn(47_500), burn(47_500)...), 100}, false},
		{"K burns only 90 %", m.Bond, K, spend{own(m.Bond, 1), burn(90_000), 100}, false},
		{"K burns one byte less", m.Bond, K, spend{own(m.Bond, 1), burn(94_999), 100}, false},
		{"K takes the slice", m.Bond, K, spend{own(m.Bond, 1), nil, 100}, false},
		{"K spends two slices, burns one", m.Bond, K, spend{own(m.Bond, 2), burn(95_000), 100}, false},
		{"K spends two slices, burns both", m.Bond, K, spend{own(m.Bond, 2), burn(190_000), 100}, false},
		{"five arbiters burn one slice", m.Bond, five, spend{own(m.Bond, 1), burn(95_000), 100}, true},
		{"five arbiters take the rest", m.Bond, five, spend{own(m.Bond, 10), burn(95_000), 100}, false},
		{"four arbiters", m.Bond, m.arbiters(t, "r.1.0.1", 4), spend{own(m.Bond, 1), burn(95_000), 100}, false},
		{"owner before END", m.Bond, owner, spend{own(m.Bond, 10), nil, end - 1}, false},
		{"owner at END", m.Bond, owner, spend{own(m.Bond, 10), nil, end}, false},
		{"owner after END, all slices", m.Bond, owner, spend{own(m.Bond, 10), nil, end + 1}, true},
		{"K burns after END", m.Bond, K, spend{own(m.Bond, 1), burn(95_000), end + 1}, true},
		{"one burn for slices of two bonds, first bond", m.Bond, five, spend{both, burn(95_000), 100}, false},
		{"one burn for slices of two bonds, second bond", m.bond2, five, spend{both, burn(95_000), 100}, false},
		{"an address in the filter would let both through", m.hole, five, spend{holes, burn(95_000), 100}, true},
		{"five arbiters burn a seller's slice", m.SellerBond, m.arbiters(t, "r.1.0", 5),
			spend{[]coin{{m.SellerBond.Address, 50_000, 10}}, burn(47_500), 100}, true},
		{"four arbiters and a seller's slice", m.SellerBond, m.arbiters(t, "r.1.0", 4),
			spend{[]coin{{m.SellerBond.Address, 50_000, 10}}, burn(47_500), 100}, false},
		{"seller before END", m.SellerBond, m.sign(t, "r.0.0 seller"),
			spend{[]coin{{m.SellerBond.Address, 50_000, 10}}, nil, end}, false},
		{"seller after END", m.SellerBond, m.sign(t, "r.0.0 seller"),
			spend{[]coin{{m.SellerBond.Address, 50_000, 10}}, nil, end + 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := definition.Evaluate(c.bond.Definition, c.bond.Address, c.auth, c.env())
			if err != nil || got != c.want {
				t.Fatalf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// TestChannel: both close at any time, the buyer alone takes back what is older than N main chain units.
func TestChannel(t *testing.T) {
	m := loadMechanism(t)
	const N, funded = 20_000, 1_000
	from := func(a byteball.Address) []coin { return []coin{{a, 1_000_000, funded}} }
	mine := from(m.Channel.Address)
	close2 := m.sign(t, "r.0.0 buyer", "r.0.1 seller")
	refund := m.sign(t, "r.1.0 buyer")
	for _, c := range []struct {
		name string
		auth map[string]string
		spend
		want bool
	}{
		{"both close", close2, spend{mine, nil, funded + 1}, true},
		{"both close, late", close2, spend{mine, nil, funded + N + 1}, true},
		{"buyer alone", m.sign(t, "r.0.0 buyer"), spend{mine, nil, funded + 1}, false},
		{"seller alone", m.sign(t, "r.0.1 seller"), spend{mine, nil, funded + 1}, false},
		{"seller alone, late", m.sign(t, "r.0.1 seller"), spend{mine, nil, funded + 2*N}, false},
		{"refund too early", refund, spend{mine, nil, funded + 1}, false},
		{"refund at N", refund, spend{mine, nil, funded + N}, false},
		{"refund after N", refund, spend{mine, nil, funded + N + 1}, true},
		{"refund with one coin too young", refund,
			spend{append(from(m.Channel.Address), coin{m.Channel.Address, 5, funded + 1}), nil, funded + N + 1}, false},
		{"refund of other people's coins", refund, spend{from(m.Bond.Address), nil, funded + N + 1}, false},
		{"nobody", nil, spend{mine, nil, funded + 2*N}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := definition.Evaluate(m.Channel.Definition, m.Channel.Address, c.auth, c.env())
			if err != nil || got != c.want {
				t.Fatalf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestRefundNeedsStableFunding(t *testing.T) {
	m := loadMechanism(t)
	e := spend{[]coin{{m.Channel.Address, 1_000_000, 1_000}}, nil, 50_000}.env()
	refund := m.sign(t, "r.1.0 buyer")
	e.Inputs[0].Stable = false
	if ok, err := definition.Evaluate(m.Channel.Definition, m.Channel.Address, refund, e); ok || err != nil {
		t.Errorf("unstable funding: got %v, %v, want false", ok, err)
	}
	e.Inputs = nil
	if ok, err := definition.Evaluate(m.Channel.Definition, m.Channel.Address, refund, e); ok || err != nil {
		t.Errorf("unknown funding: got %v, %v, want false", ok, err)
	}
}

func TestWrongAuthentifiersAreErrors(t *testing.T) {
	m := loadMechanism(t)
	e := spend{[]coin{{m.Channel.Address, 1_000_000, 1_000}}, nil, 2_000}.env()
	for _, c := range []struct {
		name, want string
		auth       map[string]string
	}{
		{"other key", "bad signature at path r.0.1", m.sign(t, "r.0.0 buyer", "r.0.1 buyer")},
		{"wrong though not needed", "bad signature at path r.1.0", m.sign(t, "r.0.0 buyer", "r.0.1 seller", "r.1.0 seller")},
		{"no such path", "some authentifiers are not used, res=true, used=r.0.0,r.0.1, passed=...",
			m.sign(t, "r.0.0 buyer", "r.0.1 seller", "r.2 seller")},
		{"empty", "some authentifiers are not used, res=false, used=r.0.0, passed=...",
			func() map[string]string { a := m.sign(t, "r.0.0 buyer"); a["r.0.1"] = ""; return a }()},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := definition.Evaluate(m.Channel.Definition, m.Channel.Address, c.auth, e)
			if got := text(err); got != c.want || !errors.Is(err, byteball.Invalid) {
				t.Fatalf("got %q, want %q of kind Invalid", got, c.want)
			}
		})
	}
}

func TestHashLock(t *testing.T) {
	m := loadMechanism(t)
	e := spend{[]coin{{m.HTLC.Address, 1_000_000, 1_000}}, nil, 1_400}.env()
	sig := m.sign(t, "r.0.0 seller")
	with := func(preimage string) map[string]string {
		a := maps.Clone(sig)
		a["r.0.1"] = preimage
		return a
	}
	if ok, err := definition.Evaluate(m.HTLC.Definition, m.HTLC.Address, with("K0CEz2XpnRhZyO2tD7+7ppXhBkTVwENKGQk50Vc/4Ds="), e); !ok || err != nil {
		t.Errorf("claim: got %v, %v, want true", ok, err)
	}
	if ok, err := definition.Evaluate(m.HTLC.Definition, m.HTLC.Address, sig, e); ok || err != nil {
		t.Errorf("claim without the preimage: got %v, %v, want false", ok, err)
	}
	_, err := definition.Evaluate(m.HTLC.Definition, m.HTLC.Address, with("guess"), e)
	if got, want := text(err), "bad hash at path r.0.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
