package committee_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/protocol"
)

func TestRegistrationRoundTrip(t *testing.T) {
	m := manifest()
	at := time.Unix(m.T0+1000, 0)
	for _, role := range []committee.Role{committee.Validator, committee.Seller} {
		n := newNode(string(role))
		r := registration(t, n, role, 5000)
		p := register(t, m, n, r, 77, at)
		p.Unit.Messages[0].Payload = again(t, p.Unit.Messages[0].Payload)
		ticket, err := committee.ParseRegistration(p, m, keys)
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if ticket.Bond != r.Bond(m) || ticket.ID != committee.TicketID(r.Bond(m)) || ticket.End != 5000 || ticket.MCI != 77 || !ticket.Time.Equal(at) {
			t.Errorf("%s: got %+v", role, ticket)
		}
		if ticket.Key != r.Key || ticket.NonceRoot != r.NonceRoot || len(ticket.Streams) != len(r.Streams) || ticket.Binding.Identity != n.Identity() {
			t.Errorf("%s: got %+v, want %+v", role, ticket.Registration, r)
		}
		if got, want := len(ticket.Outputs), map[committee.Role]int{committee.Validator: 10, committee.Seller: 2}[role]; got != want {
			t.Errorf("%s: %d slices, want %d", role, got, want)
		}
	}
}

func TestRegistrationRefused(t *testing.T) {
	m := manifest()
	at := time.Unix(m.T0+1000, 0)
	n := newNode("v")
	other := manifest()
	other.Name = "other"
	field := func(p unit.Proven) map[string]any { return p.Unit.Messages[0].Payload.(map[string]any) }
	money := func(p unit.Proven) *unit.Payment { return p.Unit.Messages[1].Payload.(*unit.Payment) }
	for _, c := range []struct {
		name   string
		change func(p unit.Proven)
		want   string
	}{
		{"other market", func(p unit.Proven) {
			h := other.Hash()
			field(p)["market"] = base64Of(h[:])
		}, "another market"},
		{"role", func(p unit.Proven) { field(p)["role"] = "king" }, "role"},
		{"unknown field", func(p unit.Proven) { field(p)["x"] = 1.0 }, "known"},
		{"no end", func(p unit.Proven) { delete(field(p), "end") }, "end"},
		{"half an end", func(p unit.Proven) { field(p)["end"] = 5000.5 }, "end"},
		{"negative end", func(p unit.Proven) { field(p)["end"] = -1.0 }, "end"},
		{"end of another bond", func(p unit.Proven) { field(p)["end"] = 5001.0 }, "0 outputs"},
		{"key of another bond", func(p unit.Proven) { field(p)["k"] = n.wallet.PublicKey() }, "0 outputs"},
		{"short key", func(p unit.Proven) { field(p)["k"] = "AAAA" }, "bond key"},
		{"streams of a validator", func(p unit.Proven) { field(p)["streams"] = []any{[]any{"pm10", "u281z"}} }, "none"},
		{"binding of another type", func(p unit.Proven) { field(p)["binding"] = 5.0 }, "binding"},
		{"binding cut", func(p unit.Proven) {
			s := field(p)["binding"].(string)
			field(p)["binding"] = s[:len(s)-8]
		}, "decode"},
		{"foreign author", func(p unit.Proven) { p.Unit.Authors[0].Address = op }, "wallet"},
		{"a slice less", func(p unit.Proven) { money(p).Outputs[3].Amount-- }, "9 outputs"},
		{"in another asset", func(p unit.Proven) { money(p).Asset = hash("asset") }, "0 outputs"},
		{"no fee", func(p unit.Proven) { money(p).Outputs[10].Amount-- }, "list"},
		{"fee of a later list", func(p unit.Proven) { money(p).Outputs[10].Address = committee.Reg(5) }, "list"},
	} {
		p := register(t, m, n, registration(t, n, committee.Validator, 5000), 77, at)
		c.change(p)
		_, err := committee.ParseRegistration(p, m, keys)
		if !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want Invalid with %q", c.name, err, c.want)
		}
	}
	p := register(t, m, n, registration(t, n, committee.Validator, 5000), 77, at)
	p.Serial = false
	if _, err := committee.ParseRegistration(p, m, keys); !errors.Is(err, protocol.NotFound) {
		t.Errorf("lost double spend: %v, want NotFound", err)
	}
}

func TestRegistrationSignatures(t *testing.T) {
	m := manifest()
	at := time.Unix(m.T0+1000, 0)
	n, thief := newNode("v"), newNode("thief")
	for name, change := range map[string]func(r *committee.Registration){
		"identity of another": func(r *committee.Registration) { r.Binding.Identity = thief.Identity() },
		"by identity":         func(r *committee.Registration) { r.Binding.ByID[5] ^= 1 },
		"by wallet":           func(r *committee.Registration) { r.Binding.ByWallet[5] ^= 1 },
	} {
		r := registration(t, n, committee.Validator, 5000)
		change(&r)
		if _, err := committee.ParseRegistration(register(t, m, n, r, 77, at), m, keys); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

func TestRegistrationCheck(t *testing.T) {
	n := newNode("s")
	for name, change := range map[string]func(r *committee.Registration){
		"no stream":      func(r *committee.Registration) { r.Streams = nil },
		"stream twice":   func(r *committee.Registration) { r.Streams[1] = r.Streams[0] },
		"unknown stream": func(r *committee.Registration) { r.Streams[0].Prop = "love" },
		"coarse cell":    func(r *committee.Registration) { r.Streams[0].Cell = "u28" },
		"bond key":       func(r *committee.Registration) { r.Key = n.wallet.PublicKey() },
		"no end":         func(r *committee.Registration) { r.End = 0 },
		"endless":        func(r *committee.Registration) { r.End = 1 << 53 },
	} {
		r := registration(t, n, committee.Seller, 5000)
		change(&r)
		if _, err := r.Message(manifest()); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

func FuzzParseRegistration(f *testing.F) {
	m := manifest()
	at := time.Unix(m.T0+1000, 0)
	for _, role := range []committee.Role{committee.Validator, committee.Seller} {
		n := newNode(string(role))
		p := register(f, m, n, registration(f, n, role, 5000), 77, at)
		b, err := json.Marshal(p.Unit.Messages[0].Payload)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"iv1":"registration","streams":[[1]],"end":1e300}`))
	n := newNode("validator")
	base := register(f, m, n, registration(f, n, committee.Validator, 5000), 77, at)
	pay := base.Unit.Messages[1]
	f.Fuzz(func(t *testing.T, data []byte) {
		var tree any
		if json.Unmarshal(data, &tree) != nil {
			return
		}
		p := base
		u := *base.Unit
		u.Messages = []unit.Message{{App: "data", Payload: tree}, pay}
		p.Unit = &u
		ticket, err := committee.ParseRegistration(p, m, keys)
		if err != nil {
			if !errors.Is(err, protocol.Invalid) && !errors.Is(err, protocol.NotFound) {
				t.Fatalf("error %v of another kind", err)
			}
			return
		}
		if err := ticket.Check(); err != nil || ticket.Bond != ticket.Registration.Bond(m) {
			t.Fatalf("ticket %+v does not hold: %v", ticket, err)
		}
	})
}
