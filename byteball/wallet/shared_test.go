package wallet_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// sig is the definition of the n-th key of the tests.
func sig(t interface{ Fatal(...any) }, n int) any {
	k, _ := key(t, n)
	return wallet.Definition(k)
}

func ofSet(required int, set ...any) any {
	return []any{"r of set", map[string]any{"required": float64(required), "set": set}}
}

// holder reads a proposal as it came, signs with the n-th key and sends it back.
func holder(t *testing.T, data []byte, n, want int) *wallet.Proposal {
	t.Helper()
	p, err := wallet.ReadProposal(data)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := key(t, n)
	if got, err := p.Sign(k); err != nil || got != want {
		t.Fatalf("key %d signed in %d places, %v, want %d", n, got, err, want)
	}
	back, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = wallet.ReadProposal(back); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestShared: on the real ledger, addresses of several keys are paid to and spent from by some of their holders.
func TestShared(t *testing.T) {
	secret := "open sesame"
	sum := sha256.Sum256([]byte(secret))
	hashLock := []any{"hash", map[string]any{"hash": base64.StdEncoding.EncodeToString(sum[:])}}
	_, member := key(t, 3)
	for _, test := range []struct {
		name    string
		shared  wallet.Shared
		paths   []string
		pre     map[string]string
		holders []int
	}{
		{"2 of 3", wallet.Shared{Definition: ofSet(2, sig(t, 1), sig(t, 2), sig(t, 3))}, []string{"r.0", "r.2"}, nil, []int{1, 3}},
		{"two addresses", wallet.Shared{Definition: []any{"and", []any{[]any{"address", string(must(key(t, 0)))}, sig(t, 2)}},
			Members: map[byteball.Address]any{must(key(t, 0)): sig(t, 0)}}, []string{"r.0", "r.1"}, nil, []int{0, 2}},
		{"hash lock", wallet.Shared{Definition: []any{"or", []any{[]any{"and", []any{sig(t, 1), hashLock}},
			[]any{"and", []any{sig(t, 2), []any{"age", []any{">", 1000.0}}}}}}}, []string{"r.0.0"}, map[string]string{"r.0.1": secret}, []int{1}},
		{"age", wallet.Shared{Definition: []any{"or", []any{sig(t, 1), []any{"and", []any{sig(t, 2), []any{"age", []any{">", 2.0}}}}}}},
			[]string{"r.1.0"}, nil, []int{2}},
		{"weighted", wallet.Shared{Definition: []any{"weighted and", map[string]any{"required": 50.0, "set": []any{
			map[string]any{"weight": 30.0, "value": sig(t, 1)}, map[string]any{"weight": 30.0, "value": sig(t, 2)}}}}},
			[]string{"r.0", "r.1"}, nil, []int{2, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := begin(t, 3_000_000)
			payer := newWallet(t, c, 0)
			address, err := test.shared.Address()
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range []string{"one", "two"} {
				if _, err := payer.Pay(t.Context(), ref, []unit.Output{{Address: address, Amount: 40_000}}, nil); err != nil {
					t.Fatal(err)
				}
				c.witness(6)
			}
			for range 2 { // with the definition, and without
				history, _, err := c.History(t.Context(), []byteball.Address{address}, nil, 0)
				if err != nil {
					t.Fatal(err)
				}
				coins, first, shown := wallet.Unspent(history, address)
				anchor, err := c.Anchor(t.Context(), []byteball.Address{address}, nil)
				if err != nil {
					t.Fatal(err)
				}
				p, err := test.shared.Propose(wallet.Plan{Network: byteball.Dev, Anchor: anchor, Coins: coins, Shown: shown && first <= anchor.LastBallMCI,
					Paths: test.paths, Preimages: test.pre, Outputs: []unit.Output{{Address: member, Amount: 30_000}}})
				if err != nil {
					t.Fatal(err)
				}
				data, err := p.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range test.holders {
					if _, err := p.Finish(); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "missing") {
						t.Errorf("finished too early: %v", err)
					}
					if err := p.Join(holder(t, data, n, 1)); err != nil {
						t.Fatal(err)
					}
				}
				holder(t, data, 8, 0)
				u, err := p.Finish()
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Post(t.Context(), u); err != nil {
					t.Fatal(err)
				}
				c.witness(6)
			}
			got := newWallet(t, c, 3)
			if b, err := got.Balance(t.Context()); err != nil || b.Stable != 60_000 {
				t.Errorf("the money did not arrive: %+v, %v", b, err)
			}
		})
	}
}

func must(_ *unit.Key, a byteball.Address) byteball.Address { return a }

// proposal is one of two holders.
func proposal(t interface{ Fatal(...any) }) *wallet.Proposal {
	shared := wallet.Shared{Definition: []any{"and", []any{sig(t, 1), sig(t, 2)}}}
	_, to := key(t, 3)
	p, err := shared.Propose(wallet.Plan{Network: byteball.Dev, Anchor: anchor, Coins: []wallet.Coin{coin(10, 50_000), coin(11, 9000)},
		Paths: []string{"r.0", "r.1"}, Outputs: []unit.Output{{Address: to, Amount: 30_000}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProposalAltered: whatever is changed on the way, the next holder notices, or signs exactly what he sees.
func TestProposalAltered(t *testing.T) {
	p := proposal(t)
	k, _ := key(t, 1)
	if _, err := p.Sign(k); err != nil {
		t.Fatal(err)
	}
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, to := key(t, 3)
	_, thief := key(t, 7)
	for name, change := range map[string][2]string{
		"another payee":      {`"address":"` + string(to), `"address":"` + string(thief)},
		"another amount":     {`"amount":30000`, `"amount":30001`},
		"a coin is worth":    {`"Amount":50000`, `"Amount":50001`},
		"another coin":       {`"Unit":"` + string(hash(10)), `"Unit":"` + string(hash(12))},
		"another path":       {`"r.1"`, `"r.2"`},
		"another network":    {`"network":"dev"`, `"network":"live"`},
		"unknown network":    {`"network":"dev"`, `"network":"moon"`},
		"a second message":   {`"messages":[`, `"messages":[{"app":"data","payload_location":"inline","payload_hash":"` + string(hash(1)) + `","payload":{"a":1}},`},
		"another message":    {`"app":"payment"`, `"app":"text"`},
		"an earner":          {`"parent_units"`, `"earned_headers_commission_recipients":[{"address":"` + string(thief) + `","earned_headers_commission_share":100}],"parent_units"`},
		"another version":    {`"iotverse_proposal":1`, `"iotverse_proposal":2`},
		"another time":       {`"timestamp":1700000000`, `"timestamp":1700000001`},
		"unknown field":      {`"network"`, `"hint":1,"network"`},
		"another definition": {`"shared":{"definition":["and"`, `"shared":{"definition":["or"`},
		"fees":               {`"tps_fee":40`, `"tps_fee":41`},
		"sizes":              {`"headers_commission":`, `"headers_commission":1`},
	} {
		text := strings.Replace(string(data), change[0], change[1], 1)
		if text == string(data) {
			t.Errorf("%s: nothing changed in %s", name, data)
		}
		if _, err := wallet.ReadProposal([]byte(text)); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if _, err := wallet.ReadProposal(append(data, '1')); !errors.Is(err, byteball.Invalid) {
		t.Errorf("bytes after the end are taken: %v", err)
	}
	other := proposal(t)
	if err := other.Join(p); err != nil || len(other.Missing()) != 1 {
		t.Errorf("a copy of the same proposal cannot be joined: %v", err)
	}
	shared := wallet.Shared{Definition: []any{"and", []any{sig(t, 1), sig(t, 2)}}}
	strange, err := shared.Propose(wallet.Plan{Network: byteball.Dev, Anchor: anchor, Coins: []wallet.Coin{coin(10, 50_000)},
		Paths: []string{"r.0", "r.1"}, Outputs: []unit.Output{{Address: thief, Amount: 30_000}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Join(strange); !errors.Is(err, byteball.Invalid) {
		t.Errorf("another proposal was joined: %v", err)
	}
}

// TestSharedMembers: members that name each other without end cost no more than a look.
func TestSharedMembers(t *testing.T) {
	s := wallet.Shared{Definition: []any{"address", "A"}, Members: map[byteball.Address]any{
		"A": []any{"and", []any{[]any{"address", "A"}, []any{"address", "A"}}}}}
	if _, err := s.Slots(); !errors.Is(err, byteball.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
	if _, err := s.Address(); !errors.Is(err, byteball.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

// TestSharedSlots: as many places are found as there are keys, each at the path where the ledger looks for it, so that a
// definition "and" of them is met by all of them and by no fewer.
func TestSharedSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.IntRange(1, 5).Draw(t, "keys")
		required := rapid.IntRange(1, keys).Draw(t, "required")
		var set []any
		for i := range keys {
			set = append(set, sig(t, i+1))
		}
		shared := wallet.Shared{Definition: ofSet(required, set...)}
		slots, err := shared.Slots()
		if err != nil || len(slots) != keys {
			t.Fatalf("%d slots for %d keys, %v", len(slots), keys, err)
		}
		chosen := rapid.Permutation(slots).Draw(t, "order")[:rapid.IntRange(1, keys).Draw(t, "signers")]
		var paths []string
		for _, s := range chosen {
			paths = append(paths, s.Path)
		}
		if keys == 1 || required < 1 {
			return
		}
		_, to := key(t, 9)
		p, err := shared.Propose(wallet.Plan{Network: byteball.Dev, Anchor: anchor, Coins: []wallet.Coin{coin(10, 50_000)}, Paths: paths,
			Outputs: []unit.Output{{Address: to, Amount: 30_000}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range keys {
			k, _ := key(t, i+1)
			n, err := p.Sign(k)
			if want := slices.ContainsFunc(chosen, func(s wallet.Slot) bool { return s.Key == k.PublicKey() }); err != nil || (n == 1) != want {
				t.Fatalf("key %d signed %d times, %v", i, n, err)
			}
		}
		if _, err := p.Finish(); (err == nil) != (len(chosen) >= required) {
			t.Fatalf("%d of %d signed, %d are required: %v", len(chosen), keys, required, err)
		}
	})
}

func FuzzReadProposal(f *testing.F) {
	data, err := proposal(f).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"iotverse_proposal":1,"network":"dev","shared":{"definition":["sig",{"pubkey":"A"}]},"coins":[],"unit":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := wallet.ReadProposal(data)
		if err != nil {
			return
		}
		p.Pays()
		p.Missing()
		again, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wallet.ReadProposal(again); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
	})
}
