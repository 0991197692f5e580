package unit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// hidden is a private payment of fixed denominations with its second output opened.
func hidden(t *testing.T) (map[string]any, *unit.Opened) {
	t.Helper()
	opened := &unit.Opened{Index: 1, Address: somebody, Blinding: "0123456789abcdef"}
	h, err := objecthash.Hash(map[string]any{"address": somebody, "blinding": opened.Blinding})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"asset": string(someHash(1)), "denomination": 5.0,
		"inputs": []any{map[string]any{"unit": string(someHash(2)), "message_index": 0.0, "output_index": 1.0}},
		"outputs": []any{map[string]any{"amount": 10.0, "output_hash": string(someHash(3))},
			map[string]any{"amount": 15.0, "output_hash": string(h)}}}, opened
}

// standsFor is the message that a unit holds instead of a payload.
func standsFor(t *testing.T, payload any) *unit.Message {
	t.Helper()
	m := unit.Message{App: "payment", PayloadLocation: "none", Payload: payload,
		SpendProofs: []any{map[string]any{"spend_proof": string(someHash(4))}}}
	h, err := m.HashPayload("4.0")
	if err != nil {
		t.Fatal(err)
	}
	m.PayloadHash, m.Payload = h, nil
	return &m
}

func TestPrivatePayments(t *testing.T) {
	fixed, opened := hidden(t)
	open := map[string]any{"address": somebody, "amount": 7.0, "blinding": opened.Blinding}
	any7 := with(with(fixed, "denomination", nil), "outputs", []any{open})
	other := *opened
	other.Blinding = "fedcba9876543210"
	beyond := *opened
	beyond.Index = 2
	for _, c := range []struct {
		name    string
		payload map[string]any
		opened  *unit.Opened
		want    string
	}{
		{"fixed denominations", fixed, opened, ""},
		{"any amount", any7, nil, ""},
		{"another blinding", fixed, &other, "output hash doesn't match"},
		{"an output that is not there", fixed, &beyond, "no output at output_index"},
		{"not of the denomination", with(fixed, "denomination", 4.0), opened, "divisible by denomination"},
		{"no denomination", with(fixed, "denomination", nil), opened, "no denomination"},
		{"a denomination of any amount", with(any7, "denomination", 1.0), nil, "denomination in arbitrary-amounts asset"},
		{"two open outputs", with(any7, "outputs", []any{open, open}), nil, "found 2 open outputs, expected 1"},
		{"no blinding", with(any7, "outputs", []any{with(open, "blinding", nil)}), nil, "bad blinding"},
		{"no address", with(any7, "outputs", []any{with(open, "address", "x")}), nil, "invalid"},
		{"an unknown field", with(any7, "x", 1.0), nil, "unknown fields in payment message"},
		{"an unknown field of an output", with(any7, "outputs", []any{with(open, "x", 1.0)}), nil, "unknown fields in payment output"},
		{"too much", with(any7, "outputs", []any{with(open, "amount", 9.1e15)}), nil, "amount must be positive integer"},
		{"two inputs", with(fixed, "inputs", []any{fixed["inputs"].([]any)[0], fixed["inputs"].([]any)[0]}), opened, "must have 1 input"},
		{"a commission", with(any7, "inputs", []any{map[string]any{"type": "witnessing", "from_main_chain_index": 0.0, "to_main_chain_index": 1.0}}), nil, "only type=issue"},
		{"no asset", with(any7, "asset", "x"), nil, "invalid asset"},
	} {
		err := unit.CheckPrivate(standsFor(t, c.payload), "4.0", c.payload, c.opened)
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := unit.CheckPrivate(standsFor(t, fixed), "4.0", any7, nil); err == nil || err.Error() != "payload hash does not match" {
		t.Errorf("another payload: %v, want another hash", err)
	}
}

// Law: what several authors make and sign together is good, whoever earns the commissions, and each signature counts.
func TestSharedCommissions(t *testing.T) {
	var authors []unit.Author
	keys := map[byteball.Address]*unit.Key{}
	for i := byte(1); i < 5; i++ {
		key, err := unit.NewKey([32]byte{31: i})
		if err != nil {
			t.Fatal(err)
		}
		a := soleAuthor(t, key)
		authors, keys[a.Address] = append(authors, a), key
	}
	u, err := unit.Compose(byteball.Live, anchor(), authors, []unit.Message{paymentMessage(authors[0].Address, 5)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		shares []int
		want   string
	}{
		{[]int{100}, ""}, {[]int{60, 40}, ""}, {[]int{1, 2, 3, 94}, ""},
		{[]int{60, 41}, "sum of earned_headers_commission_share is not 100"}, {[]int{100, 0}, "earned_headers_commission_share must be positive integer"},
	} {
		u.Recipients = nil
		for i, share := range c.shares {
			u.Recipients = append(u.Recipients, unit.Recipient{Address: u.Authors[i].Address, Share: share})
		}
		if err := u.Measure(); err != nil {
			t.Fatal(err)
		}
		p := u.Messages[0].Payload.(*unit.Payment)
		for i := range p.Outputs {
			if p.Outputs[i].Address == authors[0].Address {
				p.Outputs[i].Amount = 0
			}
		}
		if err := u.Balance(100_000, authors[0].Address); err != nil {
			t.Fatal(err)
		}
		for address, key := range keys {
			if err := u.SignWith(address, "r", key); err != nil {
				t.Fatal(err)
			}
		}
		if err := u.Seal(); err != nil {
			t.Fatal(err)
		}
		err := unit.CheckForm(u)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("shares %v: %v, want %q", c.shares, err, c.want)
		}
		if err := unit.CheckFees(u, unit.DefaultVars(byteball.Live)); err != nil {
			t.Error(err)
		}
		if c.want == "" {
			checkWritten(t, u)
		}
	}
}
