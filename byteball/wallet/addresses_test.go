package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// chainKey is the key of an address of the tests' wallet of many: cheap to make, and 0/0 is key 0.
func chainKey(change, index uint32) (unit.Signer, error) {
	at := [2]uint32{change, index}
	if k, ok := chainKeys.Load(at); ok {
		return k.(unit.Signer), nil
	}
	k := [32]byte{31: 1, 30: 1}
	if change > 0 || index > 0 {
		k = [32]byte{29: byte(change + 1), 28: 1, 31: byte(index), 30: byte(index >> 8)}
	}
	made, err := unit.NewKey(k)
	chainKeys.Store(at, made)
	return made, err
}

var chainKeys sync.Map // of *unit.Key: making them takes longer than all else

func place(t fataler, change, index uint32) byteball.Address {
	t.Helper()
	k, err := chainKey(change, index)
	if err != nil {
		t.Fatal(err)
	}
	a, err := chash.Of(wallet.Definition(k))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func many(t fataler, c wallet.Hub, s *store, fresh bool) *wallet.Wallet {
	t.Helper()
	w, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: c, Store: s, Keys: chainKey, FreshChange: fresh, Retry: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestReceive(t *testing.T) {
	c, s := newChain(), newStore()
	w := many(t, c, s, false)
	for i := range uint32(wallet.Gap) - 1 {
		a, err := w.Receive(t.Context())
		if err != nil || a != place(t, 0, i+1) {
			t.Fatalf("address %d: got %s, %v", i+1, a, err)
		}
	}
	if _, err := w.Receive(t.Context()); !errors.Is(err, byteball.Stale) {
		t.Errorf("got %v, want Stale: a further one would not be found again", err)
	}
	c.fund(place(t, 0, 3), 1000)
	if b, err := w.Balance(t.Context()); err != nil || b.Arriving != 1000 {
		t.Errorf("got %+v, %v", b, err)
	}
	w = many(t, c, s, false)
	for range 4 {
		if _, err := w.Receive(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := funded1(t).Receive(t.Context()); !errors.Is(err, byteball.Invalid) {
		t.Errorf("a wallet of one address gives others: %v", err)
	}
}

func funded1(t fataler) *wallet.Wallet { w, _, _ := funded(t, 1000); return w }

// TestScan: a search by the words finds exactly the addresses that are used within the gap, on both chains, and no others,
// whatever was known before.
func TestScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChain()
		var used [2][]uint32
		var within byteball.Bytes
		for change := range uint32(2) {
			next, open := uint32(0), true
			for _, step := range rapid.SliceOfN(rapid.Uint32Range(1, 26), 0, 5).Draw(t, "steps") {
				index := next + step - 1
				open = open && step <= wallet.Gap
				amount := byteball.Bytes(1000 + index)
				c.fund(place(t, change, index), amount)
				if rapid.Bool().Draw(t, "stable") {
					c.settle()
				}
				if next = index + 1; open {
					used[change] = append(used[change], index)
					within += amount
				}
			}
		}
		s := newStore()
		w := many(t, c, s, false)
		for range rapid.IntRange(0, 5).Draw(t, "issued") {
			if _, err := w.Receive(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		// Addresses given out before stretch the search: compare only what a search from nothing would find.
		if rapid.Bool().Draw(t, "forgotten") {
			s = newStore()
			w = many(t, c, s, false)
			if _, err := w.Scan(context.Background()); err != nil {
				t.Fatal(err)
			}
			b, err := w.Balance(context.Background())
			if err != nil || b.Stable+b.Arriving != within {
				t.Fatalf("found %+v, %v, want %d", b, err, within)
			}
		} else if _, err := w.Scan(context.Background()); err != nil {
			t.Fatal(err)
		}
		list, err := w.Addresses(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for change := range uint32(2) {
			for _, index := range used[change] {
				if !slices.ContainsFunc(list, func(p wallet.Place) bool { return p.Change == change && p.Index == index && p.Used }) {
					t.Fatalf("%d/%d was not found", change, index)
				}
			}
		}
		if n, err := w.Scan(context.Background()); n != 0 || err != nil {
			t.Fatalf("a second search finds %d more, %v", n, err)
		}
		if again, err := many(t, c, s, false).Addresses(context.Background()); err != nil || len(again) != len(list) {
			t.Fatalf("the books forget addresses: %d, %d before, %v", len(again), len(list), err)
		}
	})
}

func authors(u *unit.Unit) (list []byteball.Address) {
	for _, a := range u.Authors {
		list = append(list, a.Address)
	}
	return list
}

// TestPayFromSeveral: one address pays where it can, else as few as can.
func TestPayFromSeveral(t *testing.T) {
	c := newChain()
	w := many(t, c, newStore(), false)
	for i, amount := range []byteball.Bytes{10_000, 20_000, 40_000, 5000} {
		if i > 0 {
			if _, err := w.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.fund(place(t, 0, uint32(i)), amount)
	}
	c.settle()
	for _, test := range []struct {
		amount  byteball.Bytes
		authors []byteball.Address
		change  byteball.Address
	}{
		{30_000, []byteball.Address{place(t, 0, 2)}, place(t, 0, 2)},
		{30_000, []byteball.Address{place(t, 0, 0), place(t, 0, 1), place(t, 0, 2)}, place(t, 0, 0)},
	} {
		u, err := w.Pay(t.Context(), fmt.Sprint(len(test.authors)), to(t, test.amount), nil)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(test.authors)
		if got := authors(u); !slices.Equal(got, test.authors) || change(u, test.change) == 0 {
			t.Errorf("paid by %v, want %v with change to %s", got, test.authors, test.change)
		}
		if several := len(u.Authors) > 1; several != (len(u.Recipients) == 1 && u.Recipients[0] == unit.Recipient{Address: u.Authors[0].Address, Share: 100}) {
			t.Errorf("headers commission goes to %v", u.Recipients)
		}
	}
	if _, err := w.Pay(t.Context(), "much", to(t, 60_000), nil); !errors.Is(err, byteball.Funds) || !strings.Contains(err.Error(), "addresses of the wallet have") {
		t.Errorf("got %v", err)
	}
	only := wallet.Order{Outputs: to(t, 1000), From: []byteball.Address{place(t, 0, 3)}, Change: place(t, 0, 9)}
	u, err := w.Send(t.Context(), "only", only)
	if err != nil || !slices.Equal(authors(u), only.From) || change(u, only.Change) == 0 {
		t.Errorf("paid by %v, %v", authors(u), err)
	}
	only.From = []byteball.Address{place(t, 0, 9)}
	if _, err := w.Send(t.Context(), "foreign", only); !errors.Is(err, byteball.Invalid) {
		t.Errorf("paid from an address that is not the wallet's: %v", err)
	}
	only.From = []byteball.Address{place(t, 0, 3)}
	if _, err := w.Send(t.Context(), "empty", only); !errors.Is(err, byteball.Funds) {
		t.Errorf("got %v, want Funds", err)
	}
}

func TestFreshChange(t *testing.T) {
	c, s := newChain(), newStore()
	w := many(t, c, s, true)
	c.fund(w.Address(), 90_000)
	c.settle()
	for i := range 4 {
		u, err := w.Pay(t.Context(), fmt.Sprint(i), to(t, 1000), nil)
		if err != nil || change(u, place(t, 1, uint32(i))) == 0 {
			t.Fatalf("payment %d: change does not go to a new address, %v", i, err)
		}
		w = many(t, c, s, true)
	}
	c.settle()
	if b, err := w.Balance(t.Context()); err != nil || b.Stable == 0 || b.Change+b.Held+b.Leaving != 0 {
		t.Errorf("got %+v, %v", b, err)
	}
	restored := many(t, c, newStore(), true)
	if n, err := restored.Scan(t.Context()); n != 4 || err != nil {
		t.Errorf("found %d, %v, want 4", n, err)
	}
}

// TestOldBooks: books of one address, as version 1 wrote them, are read.
func TestOldBooks(t *testing.T) {
	c, s := newChain(), newStore()
	c.fund(place(t, 0, 0), 50_000)
	c.settle()
	s.values["books"] = fmt.Appendf(nil, `{"Version":1,"Address":%q,"Next":7,"First":null,"Coins":[{"Unit":%q,"MessageIndex":0,"OutputIndex":0,"Amount":50000,"Stable":true}],"Pending":null}`,
		place(t, 0, 0), c.units[0].u.Unit)
	w := many(t, c, s, false)
	if b, err := w.Balance(t.Context()); err != nil || b.Stable != 50_000 {
		t.Fatalf("got %+v, %v", b, err)
	}
	if _, err := w.Pay(t.Context(), "rent", to(t, 5000), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	k, _ := key(t, 0)
	if _, err := wallet.New(wallet.Config{Network: byteball.Dev, Hub: c, Store: s, Key: k}); !errors.Is(err, byteball.Invalid) {
		t.Errorf("books of many addresses open with one key: %v", err)
	}
}

// TestHistory shows each state of money as what it is.
func TestHistory(t *testing.T) {
	c, s := newChain(), newStore()
	w := many(t, c, s, false)
	c.fund(w.Address(), 50_000, 30_000)
	c.settle()
	if _, err := w.Pay(t.Context(), "paid", to(t, 5000), nil); err != nil {
		t.Fatal(err)
	}
	c.settle()
	if _, err := w.Pay(t.Context(), "posted", to(t, 6000), nil); err != nil {
		t.Fatal(err)
	}
	c.mute = true
	c.refuse = []error{errAway}
	if _, err := w.Pay(t.Context(), "in doubt", to(t, 7000), nil); err == nil {
		t.Fatal("paid without an answer")
	}
	c.mute = false
	c.fund(place(t, 0, 0), 123)
	list, err := w.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		if m.Ref != "" && (len(m.To) != 1 || m.Out != m.In+m.To[0].Amount+m.Fees) {
			t.Errorf("%s: %d out, %d in, %d fees, %v", m.Ref, m.Out, m.In, m.Fees, m.To)
		}
		got = append(got, fmt.Sprint(m.State, " ", m.Ref))
	}
	want := []string{"stable ", "stable paid", "posted posted", "prepared in doubt", "arriving "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b, err := w.Balance(t.Context())
	if err != nil || b.Held == 0 || b.Change == 0 || b.Leaving == 0 || b.Arriving != 123 {
		t.Errorf("got %+v, %v", b, err)
	}
}

// TestPayBalances: whatever the coins, on however many addresses, a payment spends exactly what it pays and burns, no coin
// twice, by no more addresses than it spends from; and lack of money is reported only where there is none.
func TestPayBalances(t *testing.T) {
	_, payee := key(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		c := newChain()
		w := many(t, c, newStore(), rapid.Bool().Draw(t, "fresh change"))
		var coins []wallet.Coin
		var have byteball.Bytes
		places := rapid.Uint32Range(1, 18).Draw(t, "addresses")
		for i := range places {
			if i > 0 {
				if _, err := w.Receive(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			var amounts []byteball.Bytes
			for _, a := range rapid.SliceOfN(rapid.Uint64Range(1, 9000), 0, 4).Draw(t, "coins") {
				amounts = append(amounts, byteball.Bytes(a))
				have += byteball.Bytes(a)
			}
			if c.fund(place(t, 0, i), amounts...); len(amounts) > 0 {
				u := c.units[len(c.units)-1].u.Unit
				for k, a := range amounts {
					coins = append(coins, wallet.Coin{OutPoint: unit.OutPoint{Unit: u, OutputIndex: k}, Address: place(t, 0, i), Amount: a})
				}
			}
		}
		c.settle()
		want := byteball.Bytes(rapid.Uint64Range(1, 60_000).Draw(t, "amount"))
		u, err := w.Pay(context.Background(), "rent", []unit.Output{{Address: payee, Amount: want}}, nil)
		if errors.Is(err, byteball.Funds) {
			if most := byteball.Bytes(800 + 450*int(places) + 110*len(coins)); places <= unit.MaxAuthors && have > want+most {
				t.Fatalf("%d in coins are said not to suffice for %d: %v", have, want, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if in, out := spent(t, u, coins); in != out {
			t.Fatalf("spends %d for %d", in, out)
		}
		owners := map[byteball.Address]bool{}
		for _, in := range inputs(u) {
			owners[c.output(in).Address] = true
		}
		if len(owners) != len(u.Authors) || !slices.IsSorted(authors(u)) {
			t.Fatalf("%d authors spend from %d addresses", len(u.Authors), len(owners))
		}
	})
}
