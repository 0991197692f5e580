package hub_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// reader collects what a follower delivers and checks the order.
type reader struct {
	t    *testing.T
	mu   sync.Mutex
	tip  uint64
	any  bool
	got  []string
	stop error // to be returned by the next delivery
}

func (r *reader) deliver(tip uint64, units []unit.Proven) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return r.stop
	}
	if r.any && tip < r.tip {
		r.t.Errorf("tip fell from %d to %d", r.tip, tip)
	}
	for i, p := range units {
		if p.MCI > tip || i > 0 && p.MCI < units[i-1].MCI {
			r.t.Errorf("unit of index %d out of order, tip %d", p.MCI, tip)
		}
		r.got = append(r.got, name(p.MCI, p.Unit))
	}
	r.tip, r.any = tip, true
	return nil
}

// patience is how long a reader may stand still before a test calls it stuck; a long way takes as long as it takes.
const patience = 10 * time.Second

// waits until done, or until nothing more has come for as long as patience goes.
func (r *reader) waits(done func() bool) bool {
	type place struct {
		tip uint64
		n   int
	}
	var at place
	for deadline := time.Now().Add(patience); ; time.Sleep(quick) {
		r.mu.Lock()
		ok, now := done(), place{r.tip, len(r.got)}
		r.mu.Unlock()
		if ok {
			return true
		}
		if now != at {
			at, deadline = now, time.Now().Add(patience)
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// reaches waits until the tip is at least want.
func (r *reader) reaches(want int) {
	r.t.Helper()
	if !r.waits(func() bool { return r.any && int(r.tip) >= want }) {
		r.t.Fatalf("tip %d, want %d", r.tip, want)
	}
}

// expect wants exactly these units, in any order, and waits for them to come.
func (r *reader) expect(what string, want []string) {
	r.t.Helper()
	r.waits(func() bool { return len(r.got) >= len(want) })
	r.mu.Lock()
	defer r.mu.Unlock()
	got := slices.Sorted(slices.Values(r.got))
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: got %d units, %d different, want %d", what, len(got), len(slices.Compact(slices.Clone(got))), len(want))
	}
}

// follow runs f until the test ends or stop is called.
func follow(t *testing.T, f *hub.Follower) (r *reader, stop func() error) {
	r = &reader{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- f.Run(ctx, r.deliver) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ran
	})
	t.Cleanup(func() { stop() })
	return r, stop
}

const quick = 5 * time.Millisecond

func TestFollow(t *testing.T) {
	c := newChain(t, 30)
	s := c.serve()
	alice, a := newKey(t, 1)
	bob, b := newKey(t, 2)
	for range 10 {
		c.add(alice, b)
		c.add(bob)
		c.add(c.op)
	}
	client := dial(t, hub.Config{}, s.url)
	f := client.Follow(hub.FollowConfig{Addresses: []byteball.Address{a}, Poll: quick})
	r, _ := follow(t, f)
	r.reaches(c.proven())
	r.expect("from the start", c.expected(0, c.proven(), a))
	for i := range 20 {
		c.add([]*unit.Key{alice, bob, c.op}[i%3])
		if i == 10 {
			s.drop()
		}
	}
	c.add(c.op)
	r.reaches(c.proven())
	r.expect("as it grows, over a broken connection", c.expected(0, c.proven(), a))
	f.Add(0, b, a)
	c.add(bob)
	for range lag {
		c.add(c.op)
	}
	r.reaches(c.proven())
	time.Sleep(10 * quick)
	r.expect("with an address added later", c.expected(0, c.proven(), a, b))
	f.Remove(b, c.opAddr)
	c.answers(2) // a question that was on its way may still be about b
	before := c.expected(0, c.proven(), a, b)
	tip := c.proven()
	c.add(bob)
	for range 2 * lag {
		c.add(c.op)
	}
	r.reaches(c.proven())
	r.expect("without one removed", append(before, c.expected(tip+1, c.proven(), a)...))
	if s.saw("justsaying", "light/new_address_to_watch") < 3 {
		t.Error("the hub is not told what to watch")
	}
}

func TestFollowGoesOn(t *testing.T) {
	c := newChain(t, 40)
	s := c.serve()
	client := dial(t, hub.Config{}, s.url)
	first, stop := follow(t, client.Follow(hub.FollowConfig{From: 7, Poll: quick}))
	first.reaches(c.proven())
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v from Run, want Canceled", err)
	}
	first.expect("from index 7 on", c.expected(7, int(first.tip)))
	for range 20 {
		c.add(c.op)
	}
	second, _ := follow(t, client.Follow(hub.FollowConfig{From: first.tip + 1, Poll: quick}))
	second.reaches(c.proven())
	second.expect("from the tip on", c.expected(int(first.tip)+1, c.proven()))
	third := &reader{t: t, stop: errors.New("disk is full")}
	if err := client.Follow(hub.FollowConfig{Poll: quick}).Run(t.Context(), third.deliver); err != third.stop {
		t.Errorf("got %v, want the error of deliver", err)
	}
}

// TestFollowAsksLittle: what was delivered is not asked for again.
func TestFollowAsksLittle(t *testing.T) {
	c := newChain(t, 100)
	s := c.serve()
	r, _ := follow(t, dial(t, hub.Config{}, s.url).Follow(hub.FollowConfig{Poll: quick}))
	r.reaches(c.proven())
	c.mu.Lock()
	c.asked = nil
	c.mu.Unlock()
	asked := func() []int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.Clone(c.asked)
	}
	for deadline := time.Now().Add(10 * time.Second); len(asked()) < 3 && time.Now().Before(deadline); time.Sleep(quick) {
	}
	if len(asked()) == 0 || slices.Max(asked()) > lag {
		t.Errorf("answers of %v units where at most %d are new", asked(), lag)
	}
}

func TestFollowWakes(t *testing.T) {
	c := newChain(t, 20)
	s := c.serve()
	r, _ := follow(t, dial(t, hub.Config{}, s.url).Follow(hub.FollowConfig{Poll: patience + 2*time.Second})) // too late
	r.reaches(c.proven())
	for range 3 {
		c.add(c.op)
		s.news()
		r.reaches(c.proven())
	}
}

// TestFollowLarge: more units than one answer takes, at the start and after a pause.
func TestFollowLarge(t *testing.T) {
	c := newChain(t, 5)
	c.limit = 40
	alice, a := newKey(t, 1)
	bob, b := newKey(t, 2)
	for range 30 {
		c.add(alice)
		c.add(bob)
		c.add(c.op)
	}
	s := c.serve()
	client := dial(t, hub.Config{}, s.url)
	r, stop := follow(t, client.Follow(hub.FollowConfig{Addresses: []byteball.Address{a, b}, Poll: quick}))
	r.reaches(c.proven())
	r.expect("at the start", c.expected(0, c.proven(), a, b))
	stop()
	from := int(r.tip) + 1
	for range 60 {
		c.add(c.op)
		c.add(alice)
	}
	again, _ := follow(t, client.Follow(hub.FollowConfig{From: uint64(from), Addresses: []byteball.Address{a, b}, Poll: quick}))
	again.reaches(c.proven())
	again.expect("after a pause", c.expected(from, c.proven(), a, b))

	h, _, err := client.History(t.Context(), []byteball.Address{a, b}, nil, uint64(from))
	if err != nil || len(h) == 0 || !slices.IsSortedFunc(h, func(x, y unit.Proven) int { return int(x.MCI) - int(y.MCI) }) {
		t.Errorf("history in parts: %d units, %v", len(h), err)
	}
	all, _, err := client.History(t.Context(), []byteball.Address{a}, nil, 0)
	var got []string
	for _, p := range all {
		got = append(got, name(p.MCI, p.Unit))
	}
	want := slices.DeleteFunc(c.expected(0, c.proven(), a), func(n string) bool { return !slices.Contains(got, n) })
	if err != nil || len(got) < 80 || len(want) != len(got) {
		t.Errorf("history deeper than get_history reaches: %d units, %d of them expected, %v", len(got), len(want), err)
	}
}

// TestFollowLeaps: the follower itself falls behind by more than one answer.
func TestFollowLeaps(t *testing.T) {
	c := newChain(t, 10)
	c.limit = 30
	alice, a := newKey(t, 1)
	s := c.serve()
	r, _ := follow(t, dial(t, hub.Config{}, s.url).Follow(hub.FollowConfig{Addresses: []byteball.Address{a}, Poll: quick}))
	r.reaches(c.proven())
	c.mu.Lock()
	c.limit = 0 // nothing gets through
	c.mu.Unlock()
	for range 25 {
		c.add(alice)
		c.add(c.op)
	}
	c.mu.Lock()
	c.limit = 30
	c.mu.Unlock()
	r.reaches(c.proven())
	r.expect("after a leap", c.expected(0, c.proven(), a))
}

// TestFollowBehind: a hub that lags behind the one before gives nothing twice and hides nothing.
func TestFollowBehind(t *testing.T) {
	c := newChain(t, 40)
	alice, a := newKey(t, 1)
	for range 5 {
		c.add(alice)
		c.add(c.op)
	}
	for range lag {
		c.add(c.op)
	}
	late := &chain{t: t, net: c.net, defs: c.defs, op: c.op, opAddr: c.opAddr, limit: 2000, units: slices.Clone(c.units[:30]), balls: slices.Clone(c.balls[:30])}
	first, second := c.serve(), late.serve()
	client := dial(t, hub.Config{}, first.url, second.url)
	f := client.Follow(hub.FollowConfig{Poll: quick})
	r, _ := follow(t, f)
	r.reaches(c.proven())
	tip := c.proven()
	first.drop()
	for client.Hub() != second.url {
		time.Sleep(quick)
	}
	f.Add(0, a)
	time.Sleep(20 * quick)
	r.expect("behind", c.expected(0, tip))
	late.mu.Lock()
	late.units, late.balls = slices.Clone(c.units), slices.Clone(c.balls)
	late.mu.Unlock()
	for range lag {
		late.add(c.op)
	}
	r.reaches(late.proven())
	r.expect("caught up", late.expected(0, late.proven(), a))

	ahead := dial(t, hub.Config{}, second.url).Follow(hub.FollowConfig{From: 1000, Poll: quick})
	none, _ := follow(t, ahead)
	time.Sleep(10 * quick)
	if none.any {
		t.Error("a hub behind the first index that is wanted was followed")
	}
}

func TestProve(t *testing.T) {
	c := newChain(t, 20)
	client := dial(t, hub.Config{}, c.serve().url)
	proven, unstable, err := client.Prove(t.Context(), c.units[5].Unit, c.units[19].Unit, wrongHash)
	if err != nil || len(proven) != 1 || len(unstable) != 1 || proven[0].MCI != 5 || proven[0].Ball != c.balls[5] {
		t.Errorf("got %d proven, %d unstable, %v, want 1 and 1", len(proven), len(unstable), err)
	}
}

func BenchmarkFollowPoll(b *testing.B) {
	c := newChain(b, 200)
	client := dial(b, hub.Config{}, c.serve().url)
	from := uint64(c.proven())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := client.History(b.Context(), []byteball.Address{c.opAddr}, nil, from); err != nil {
			b.Fatal(err)
		}
	}
}
