package ledger_test

import (
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// taking signs a unit of p that takes a coin and commissions, worth earned.
func (w *world) taking(p person, a unit.Anchor, coin ledger.Coin, earned byteball.Bytes, inputs ...unit.Input) *unit.Unit {
	w.Helper()
	author := unit.Author{Address: p.address, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if _, _, err := w.Definition(p.address); err != nil {
		author.Definition = p.definition
	}
	a.TPSFee += 100
	u, err := unit.Compose(byteball.Dev, a, []unit.Author{author}, []unit.Message{{App: "payment", Payload: &unit.Payment{
		Inputs:  append([]unit.Input{{Unit: coin.Unit, MessageIndex: coin.MessageIndex, OutputIndex: coin.OutputIndex}}, inputs...),
		Outputs: []unit.Output{{Address: p.address}},
	}}})
	if err != nil {
		w.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return u.Balance(coin.Amount+earned, p.address) },
		func() error { return u.SignWith(p.address, "r", p) },
		u.Seal,
	} {
		if err := step(); err != nil {
			w.Fatal(err)
		}
	}
	return u
}

// take posts a unit that claims extra beside what was earned, and returns what the ledger says.
func (w *world) take(p person, a unit.Anchor, kind string, from, to uint64, extra byteball.Bytes) string {
	w.Helper()
	coins, err := w.Unspent(p.address)
	if err != nil || len(coins) == 0 {
		w.Fatalf("no coins (%v)", err)
	}
	headers, payload, err := w.Commissions(p.address, from, to)
	if err != nil {
		w.Fatal(err)
	}
	earned := headers
	if kind == "witnessing" {
		earned = payload
	}
	if err := w.Post(w.taking(p, a, coins[0], earned+extra, unit.Input{Type: kind, FromMainChainIndex: from, ToMainChainIndex: to}), w.now); err != nil {
		return err.Error()
	}
	return ""
}

// Commissions become money once, in ranges that do not overlap, when the last ball has passed them: headers commissions by
// one index, the order provider's payload commissions by 101 (paid_witnessing.js, mc_outputs.js).
func TestCommissionsAreTaken(t *testing.T) {
	alice := someone(t, 1)
	w := newWorld(t, "", alice)
	op := someone(t, 200)
	w.witness(4)
	w.post(w.draft(alice, to(alice, 1000)))
	w.witness(115)
	w.post(w.draft(alice, to(alice, 1000)))
	w.witness(4)
	for _, c := range []struct {
		name   string
		who    person
		kind   string
		from   uint64
		before uint64 // the last ball: where the range ends
		to     uint64 // where it ends if before is 0
		want   string
	}{
		{"headers after the last ball", alice, "headers_commission", 0, 0, 10_000, "to_main_chain_index > last_ball_mci"},
		{"headers at the last ball", alice, "headers_commission", 0, 0, 0, "headers_commission to_main_chain_index is too large"},
		{"nothing earned", alice, "headers_commission", 0, 0, 1, "zero headers_commission commission"},
		{"somebody who is no order provider", alice, "witnessing", 0, 0, 3, "zero witnessing commission"},
		{"headers", alice, "headers_commission", 0, 1, 0, ""},
		{"headers again", alice, "headers_commission", 0, 1, 0, "headers_commission ranges must not overlap"},
		{"payload too early", op, "witnessing", 0, 100, 0, "witnessing to_main_chain_index is too large"},
		{"payload", op, "witnessing", 0, 101, 0, ""},
		{"payload again", op, "witnessing", 3, 101, 0, "witnessing ranges must not overlap"},
	} {
		a, err := w.Anchor([]byteball.Address{c.who.address}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		to := c.to
		if c.before > 0 || to == 0 {
			to = a.LastBallMCI - c.before
		}
		if got := w.take(c.who, a, c.kind, c.from, to, 0); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		w.witness(4)
	}
	a, err := w.Anchor([]byteball.Address{op.address}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	to := a.LastBallMCI - 101
	if got := w.take(op, a, "witnessing", to, to, 1); !strings.HasPrefix(got, "inputs and outputs do not balance") {
		t.Errorf("a byte too much: %q", got)
	}
	sums, err := w.Audit()
	if err != nil {
		t.Fatal(err)
	}
	if sums.Taken == 0 {
		t.Error("nothing was taken")
	}
	balanced(t, sums)
}
