package keeper_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/unit"
)

// town is a ledger whose units become stable as soon as it takes them. It takes what offers enough.
type town struct {
	load byteball.Bytes // tps fee of a unit now
	mci  uint64

	mu      sync.Mutex
	refused int
	lost    map[byteball.Hash]bool // units that it does not know any more
	taken   chan *unit.Unit        // capacity: all that a test posts
}

func newTown(mci uint64, load byteball.Bytes) *town {
	return &town{mci: mci, load: load, taken: make(chan *unit.Unit, 100)}
}

func (l *town) LastMCI(context.Context) (uint64, error) { return l.mci, nil }

func (l *town) Post(_ context.Context, u *unit.Unit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if 2**u.TPSFee < 3*l.load {
		l.refused++
		return byteball.Errorf(byteball.Transient, "tps fee must be at least %d, found %d", 3*l.load/2, *u.TPSFee)
	}
	l.taken <- u
	return nil
}

func (l *town) Joint(_ context.Context, h byteball.Hash) (unit.Joint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost[h] {
		return unit.Joint{}, byteball.Errorf(byteball.NotFound, "no unit %s", h)
	}
	return unit.Joint{}, nil
}

func (l *town) Add(uint64, ...byteball.Address) {}

// Run is a Follower that delivers what was taken.
func (l *town) Run(ctx context.Context, deliver func(uint64, []unit.Proven) error) error {
	if err := deliver(l.mci, nil); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u := <-l.taken:
			if err := deliver(l.mci+1, []unit.Proven{{Unit: u, MCI: l.mci + 1, Serial: true}}); err != nil {
				return err
			}
		}
	}
}

// bases are of one moment, in which a unit costs load.
type bases struct {
	channel.Base
	load byteball.Bytes
}

func (b bases) Add(unit.Proven)                       {}
func (b bases) Newest() (channel.Base, bool)          { return b.Base, true }
func (b bases) Load(uint64, time.Time) byteball.Bytes { return b.load }

// TestRefundOffersWhatTheLoadAsks: load has come since the newest stable unit, which knows nothing of it. The refund offers what
// gets it onto the chain as things are.
func TestRefundOffersWhatTheLoadAsks(t *testing.T) {
	for _, c := range []struct{ load, want byteball.Bytes }{{0, 400}, {1000, 3000}, {9000, 5000}} {
		k, at := open(t, &disk{}, 1)
		id := keeper.ID{Side: keeper.Buyer, Address: at[0]}
		k.Remove(keeper.ID{Side: keeper.Seller, Address: at[0]})
		l := newTown(700, min(c.load, 3000))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := keeper.Watch(ctx, keeper.Config{Keeper: k, Hub: l, Follow: l, Bases: bases{base(700), c.load}, Every: time.Millisecond, Once: true})
		cancel()
		st, gone := k.State(id)
		if err != nil || gone != nil || st.Phase != channel.Refunded {
			t.Fatalf("load %d: %v, %v, the channel is %s", c.load, err, gone, st.Phase)
		}
		if got := *st.Settled.TPSFee; got != c.want || l.refused > 0 {
			t.Errorf("load %d: the refund offers %d after %d refusals, want %d after none", c.load, got, l.refused, c.want)
		}
	}
}

// spending is a unit, not proven, by which the seller takes the deposit of a channel.
func spending(at byteball.Address, n int) *unit.Unit {
	in := unit.Input{Unit: funded(n).Out.Unit}
	return &unit.Unit{Unit: hash(77), Authors: []unit.Author{{Address: at}},
		Messages: []unit.Message{{App: "payment", Payload: &unit.Payment{Inputs: []unit.Input{in}, Outputs: []unit.Output{{Address: address(0), Amount: 1}}}}}}
}

// TestRefundWaitsForAClosing: a closing that a hub shows keeps the buyer from his refund, until the hub does not know it any more.
func TestRefundWaitsForAClosing(t *testing.T) {
	k, at := open(t, &disk{}, 1)
	id := keeper.ID{Side: keeper.Buyer, Address: at[0]}
	k.Remove(keeper.ID{Side: keeper.Seller, Address: at[0]})
	l := newTown(600, 0) // the age is over at 621
	closing := spending(at[0], 0)
	seen := make(chan *unit.Unit, 1)
	seen <- closing
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var told []string
	now := bases{Base: base(600)}
	err := keeper.Watch(ctx, keeper.Config{Keeper: k, Hub: l, Follow: l, Bases: &now, Every: time.Millisecond, Once: true, Seen: seen, Tell: func(n keeper.Told) {
		told = append(told, n.Text)
		if n.Text != "closing: the seller closed" {
			return
		}
		now.Base = base(700) // nothing but what was seen is in the way of a refund
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lost = map[byteball.Hash]bool{closing.Unit: true}
	}})
	st, gone := k.State(id)
	if err != nil || gone != nil || st.Phase != channel.Refunded || st.Seen {
		t.Errorf("%v, %v, the channel is %s, the closing seen: %v", err, gone, st.Phase, st.Seen)
	}
	want := []string{"closing: the seller closed", "refunding: the deposit is older than the age", "refunded: the deposit is older than the age"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestDepositVanishes: a deposit that a hub showed is gone. Nothing holds money, and a watch that waited for it ends.
func TestDepositVanishes(t *testing.T) {
	p, _, err := channel.NewPayer(terms(0), key(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	k := keeper.New((&disk{}).put)
	k.AddPayer(p)
	id := keeper.ID{Side: keeper.Buyer, Address: p.Address()}
	deposit := &unit.Unit{Unit: hash(5), Messages: []unit.Message{{App: "payment",
		Payload: &unit.Payment{Outputs: []unit.Output{{Address: p.Address(), Amount: terms(0).Deposit}}}}}}
	if _, err := k.Apply(id, channel.UnitSeen{Unit: deposit}, start); err != nil {
		t.Fatal(err)
	}
	l := newTown(50, 0)
	l.lost = map[byteball.Hash]bool{deposit.Unit: true}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = keeper.Watch(ctx, keeper.Config{Keeper: k, Hub: l, Follow: l, Bases: bases{Base: base(50)}, Every: time.Millisecond, Once: true})
	st, gone := k.State(id)
	if err != nil || gone != nil || st.Phase != channel.Opening || st.Funding.Out.Unit != "" {
		t.Errorf("%v, %v, the channel is %s with a deposit in unit %q", err, gone, st.Phase, st.Funding.Out.Unit)
	}
}

// asleep is a keeper of one saved channel, at rest.
func asleep(t *testing.T, key string, row []byte) *keeper.Keeper {
	t.Helper()
	k := keeper.New((&disk{}).put)
	if err := k.Load(map[string][]byte{key: row}, find); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestADepositThatVanishedMeanwhile: it was seen by an earlier run; a channel at rest is told, too, that it is gone.
func TestADepositThatVanishedMeanwhile(t *testing.T) {
	p, _, err := channel.NewPayer(terms(0), key(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	coming := funded(0)
	coming.Stable, coming.MCI = false, 0
	_, effects, err := p.Apply(coming, start)
	if err != nil {
		t.Fatal(err)
	}
	save := effects[0].(channel.Save)
	k := asleep(t, save.Key, save.Value)
	l := newTown(600, 0)
	l.lost = map[byteball.Hash]bool{coming.Out.Unit: true}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := keeper.Watch(ctx, keeper.Config{Keeper: k, Hub: l, Follow: l, Bases: bases{base(600), 0}, Every: time.Millisecond, Once: true}); err != nil {
		t.Errorf("it waits for a deposit that is gone: %v", err)
	}
	st, err := k.State(keeper.ID{Side: keeper.Buyer, Address: p.Address()})
	if err != nil || st.Phase != channel.Opening || st.Funding.Out.Unit != "" {
		t.Errorf("%v; the channel is %s with deposit %q, want that it waits for another one", err, st.Phase, st.Funding.Out.Unit)
	}
}

// TestWatchNamesWhatItCannotRead: a channel at rest that is damaged is told, once, when it is needed, and given up.
func TestWatchNamesWhatItCannotRead(t *testing.T) {
	d := &disk{}
	_, at := open(t, d, 1)
	id := keeper.ID{Side: keeper.Buyer, Address: at[0]}
	row := d.rows[id.Key()]
	i := bytes.Index(row, []byte(byteball.Dev.Name))
	row[i] = 'x' // no such network
	var told []keeper.Told
	l := newTown(700, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := keeper.Watch(ctx, keeper.Config{Keeper: asleep(t, id.Key(), row), Hub: l, Follow: l, Bases: bases{base(700), 0}, Every: time.Millisecond, Once: true,
		Tell: func(x keeper.Told) { told = append(told, x) }})
	if err != nil || len(told) != 1 || told[0].ID != id || !strings.Contains(told[0].Err.Error(), "no network") {
		t.Errorf("%v; told %v, want that %s cannot be read", err, told, id)
	}
}
