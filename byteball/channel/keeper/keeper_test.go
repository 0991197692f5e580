package keeper_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestManySideBySide: payments in many channels at once; what is on disk afterwards is what each side says, and another keeper reads it.
func TestManySideBySide(t *testing.T) {
	d := &disk{}
	k, at := open(t, d, 8)
	var all sync.WaitGroup
	for _, a := range at {
		all.Go(func() {
			for range 5 {
				if err := pay(k, a, 1000); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	again := keeper.New(d.put)
	if err := again.Load(d.rows, find); err != nil {
		t.Fatal(err)
	}
	if got, want := len(again.IDs()), 2*len(at); got != want {
		t.Fatalf("%d sides are read, want %d", got, want)
	}
	for _, id := range again.IDs() {
		st, err := again.State(id)
		if err != nil || st.Phase != channel.Open || st.Payouts[address(0)] != 5000 || st.Newest.N != 5 {
			t.Errorf("%s: phase %s, payouts %v, %v", id, st.Phase, st.Payouts, err)
		}
		s, err := again.Status(id)
		if err != nil || s.Spent != 5000 || s.Unsettled != 5000 || s.Deposit != 2_000_000 || s.Over {
			t.Errorf("%+v, %v", s, err)
		}
		if id.Side == keeper.Seller && (s.Deadline != 20+360 || s.Own != 5000 || s.Peer != address(1)) {
			t.Errorf("seller: %+v", s)
		}
		if id.Side == keeper.Buyer && (s.Deadline != 20+600+1 || s.Own != 2_000_000-5000 || s.Peer != address(0)) {
			t.Errorf("buyer: %+v", s)
		}
	}
}

// TestStatusOfALine: both ends of a line of channels name each other.
func TestStatusOfALine(t *testing.T) {
	k, at := open(t, &disk{}, 1)
	if err := pay(k, at[0], 1000); err != nil {
		t.Fatal(err)
	}
	next, err := terms(0).Successor(key(1, 1).PublicKey(), 2_000_000)
	if err != nil {
		t.Fatal(err)
	}
	heir, _, err := channel.NewPayer(next, key(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	k.AddPayer(heir)
	for _, side := range []keeper.Side{keeper.Buyer, keeper.Seller} {
		id := keeper.ID{Side: side, Address: at[0]}
		if _, err := k.Apply(id, channel.Succeeded{Next: heir.Address(), Base: base(40)}, start.Add(45*time.Second)); err != nil {
			t.Fatal(err)
		}
		if s, err := k.Status(id); err != nil || s.Successor != heir.Address() || !strings.HasSuffix(s.Next, "goes on in channel "+string(heir.Address())) {
			t.Errorf("%s: %+v, %v", side, s, err)
		}
	}
	if s, err := k.Status(keeper.ID{Side: keeper.Buyer, Address: heir.Address()}); err != nil || s.Previous != at[0] || s.Successor != "" {
		t.Errorf("the successor: %+v, %v", s, err)
	}
}

// TestNothingGoesOutUnsaved: no effect comes back if the state is not on disk, and the channel takes nothing more.
func TestNothingGoesOutUnsaved(t *testing.T) {
	d := &disk{}
	k, at := open(t, d, 2)
	d.fail = errDisk
	buyer := keeper.ID{Side: keeper.Buyer, Address: at[0]}
	ev := channel.Pay{Add: channel.Payouts{address(0): 1000}, Base: base(30)}
	for range 2 {
		effects, err := k.Apply(buyer, ev, start)
		if !errors.Is(err, errDisk) || effects != nil {
			t.Errorf("effects %v, error %v, want none and %v", effects, err, errDisk)
		}
		d.fail = nil // the disk seems to be well again, but nobody knows what it holds
	}
	if st, err := k.State(buyer); err != nil || st.Newest != nil {
		t.Errorf("the voucher that was not saved is remembered: %v, %v", st.Newest, err)
	}
	if err := pay(k, at[1], 1000); err != nil {
		t.Errorf("another channel: %v", err)
	}
}

// TestBadRows: what cannot be read is named and harms no other channel.
func TestBadRows(t *testing.T) {
	d := &disk{}
	_, at := open(t, d, 3)
	rows := maps.Clone(d.rows)
	key := func(side keeper.Side, n int) string { return keeper.ID{Side: side, Address: at[n]}.Key() }
	rows[key(keeper.Buyer, 0)] = []byte("spoiled")
	rows[key(keeper.Seller, 0)] = d.rows[key(keeper.Seller, 1)]
	rows[key(keeper.Buyer, 1)] = d.rows[key(keeper.Seller, 1)]
	rows["channel/judge/x"] = nil
	k := keeper.New(d.put)
	err := k.Load(rows, find)
	if !errors.Is(err, byteball.Invalid) {
		t.Errorf("error %v, want Invalid", err)
	}
	for _, bad := range []string{key(keeper.Buyer, 0), key(keeper.Seller, 0), key(keeper.Buyer, 1), "channel/judge/x"} {
		if err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("the error does not name %s", bad)
		}
	}
	if got := len(k.IDs()); got != 3 {
		t.Errorf("%d channels are kept, want 3", got)
	}
	nobody := func(string) (unit.Signer, error) { return nil, byteball.NotFound }
	if err := keeper.New(d.put).Load(d.rows, nobody); !errors.Is(err, byteball.NotFound) {
		t.Errorf("without keys: %v, want NotFound", err)
	}
	if _, err := k.Apply(keeper.ID{Side: keeper.Buyer, Address: address(5)}, channel.Restarted{}, start); !errors.Is(err, byteball.NotFound) {
		t.Errorf("an unknown channel: %v, want NotFound", err)
	}
}

// forgetful is a ledger that loses units.
type forgetful struct {
	has   map[byteball.Hash]bool
	posts int
	err   error
}

func (l *forgetful) Post(_ context.Context, u *unit.Unit) error {
	if l.err != nil {
		return l.err
	}
	l.posts++
	l.has[u.Unit] = true
	return nil
}

func (l *forgetful) Joint(_ context.Context, h byteball.Hash) (unit.Joint, error) {
	switch {
	case l.err != nil:
		return unit.Joint{}, l.err
	case !l.has[h]:
		return unit.Joint{}, byteball.NotFound
	}
	return unit.Joint{}, nil
}

// TestPoster: a unit that was taken is not posted twice; when it is gone it has to be signed anew.
func TestPoster(t *testing.T) {
	l := &forgetful{has: map[byteball.Hash]bool{}}
	p := keeper.NewPoster(l)
	u := &unit.Unit{Unit: hash(1)}
	post := func(want error, posts int) {
		t.Helper()
		if err := p.Post(t.Context(), u); !errors.Is(err, want) || l.posts != posts {
			t.Errorf("error %v after %d posts, want %v after %d", err, l.posts, want, posts)
		}
	}
	l.err = byteball.Transient
	post(byteball.Transient, 0)
	l.err = nil
	post(nil, 1)
	post(nil, 1)
	l.err = byteball.Transient // the hub is away: nothing is known
	post(byteball.Transient, 1)
	l.err = nil
	delete(l.has, u.Unit)
	post(byteball.Transient, 1)
	l.has[u.Unit] = true // it was another hub that is a little behind
	post(nil, 1)
	delete(l.has, u.Unit)
	post(byteball.Transient, 1)
	post(byteball.Invalid, 1)
	post(nil, 2) // from then on it is a new one
	p.Forget(u.Unit)
	delete(l.has, u.Unit)
	post(nil, 3)

	other := &unit.Unit{Unit: hash(2)}
	p.Resume(other) // an earlier run posted it, and it was archived
	if a, b := p.Post(t.Context(), other), p.Post(t.Context(), other); !errors.Is(a, byteball.Transient) || !errors.Is(b, byteball.Invalid) {
		t.Errorf("%v, then %v; want Transient, then Invalid", a, b)
	}
}
