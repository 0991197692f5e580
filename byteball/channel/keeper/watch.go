package keeper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Hub is the ledger as Watch uses it; hub.Client is one.
type Hub interface {
	Ledger
	LastMCI(ctx context.Context) (uint64, error)
}

// Follower brings the proven units of addresses; hub.Follower is one. It follows the order providers, too.
type Follower interface {
	Add(from uint64, addresses ...byteball.Address)
	Run(ctx context.Context, deliver func(tip uint64, units []unit.Proven) error) error
}

// Bases finds what units can hang on, and what they cost now; deal.Bases is one.
type Bases interface {
	Add(unit.Proven)
	Newest() (channel.Base, bool)
	Load(tip uint64, now time.Time) byteball.Bytes // tps fee of a unit, 0 if it cannot be told
}

// Told is one thing that happened to a channel.
type Told struct {
	ID   ID
	Text string
	Err  error // why something did not go; it is tried again
}

// Config is what Watch needs. All but Once, Tell and Seen is required.
type Config struct {
	Keeper *Keeper
	Hub    Hub
	Follow Follower
	Bases  Bases
	Every  time.Duration // how often is looked for what is due; 0 is a second
	Once   bool          // end when nothing is open
	Tell   func(Told)    // one call at a time

	Seen <-chan *unit.Unit // units that a hub shows before anything proves them; nil: none
}

// watch is one run of Watch. The mutex keeps what the ledger brings and what is due apart.
type watch struct {
	Config
	poster *Poster
	posts  *errgroup.Group

	mu     sync.Mutex
	tip    uint64 // last main chain index that was heard of
	stable uint64 // up to which all proven units have come
	start  uint64 // tip at the beginning
	seen   map[byteball.Hash]*sight
}

// atOnce is how many posts may be on their way.
const atOnce = 64

// errNothingOpen ends a run with Once.
var errNothingOpen = errors.New("nothing is open")

// Watch follows all channels of a Keeper and does what is due until ctx is over or, with Once, nothing is open: no channel
// that holds something for this side. Effects for the other side of a channel (vouchers, questions) are left to the node;
// without them the seller closes by 0.6 of the age, and the buyer takes a refund after the age.
// Errors: of the disk, of ctx, and what the hub answers to the first question.
func Watch(ctx context.Context, cfg Config) error {
	if cfg.Tell == nil {
		cfg.Tell = func(Told) {}
	}
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	w := &watch{Config: cfg, poster: NewPoster(cfg.Hub), posts: new(errgroup.Group), seen: make(map[byteball.Hash]*sight)}
	w.posts.SetLimit(atOnce)
	var err error
	if w.start, err = cfg.Hub.LastMCI(ctx); err != nil {
		return err
	}
	w.tip = w.start
	if err := w.begin(ctx); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return cfg.Follow.Run(gctx, func(tip uint64, units []unit.Proven) error { return w.chain(gctx, tip, units) })
	})
	g.Go(func() error { return w.ticks(gctx) })
	g.Go(func() error { return w.sights(gctx) })
	g.Go(func() error { return w.look(gctx) })
	err = g.Wait()
	w.posts.Wait()
	if errors.Is(err, errNothingOpen) {
		return nil
	}
	return err
}

// begin follows every channel that is not over. What an earlier run posted may be gone.
func (w *watch) begin(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range w.Keeper.IDs() {
		v, ok := w.Keeper.view(id)
		if !ok || v.phase.Over() {
			continue
		}
		w.Follow.Add(0, id.Address)
		if coming := v.phase == channel.Opening && v.known; !coming && w.Keeper.sleeps(id, channel.Tip{}) {
			continue // it has no unfinished duty
		}
		st, err := w.Keeper.State(id)
		if err != nil {
			w.unread(id, err)
			continue
		}
		if st.Own != nil {
			w.poster.Resume(st.Own)
		}
		if st.Phase == channel.Opening && st.Funding.Out.Unit != "" {
			w.seen[st.Funding.Out.Unit] = &sight{concerns: []byteball.Address{id.Address}}
		}
		if err := w.apply(ctx, id, channel.Restarted{}); err != nil {
			return err
		}
	}
	return nil
}

// chain takes in proven units. A unit concerns the channels that it pays to or that are among its authors.
func (w *watch) chain(ctx context.Context, tip uint64, units []unit.Proven) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range units {
		w.Bases.Add(p)
		delete(w.seen, p.Unit.Unit)
		concerns := slices.Sorted(maps.Keys(touched(p.Unit)))
		if err := w.tellAll(ctx, concerns, channel.UnitStable{Unit: p.Unit, MCI: p.MCI, Serial: p.Serial}); err != nil {
			return err
		}
	}
	w.tip, w.stable = max(w.tip, tip), max(w.stable, tip)
	return w.due(ctx)
}

// touched are the addresses that u pays to or is signed for.
func touched(u *unit.Unit) map[byteball.Address]bool {
	set := make(map[byteball.Address]bool)
	for a := range channel.Paid(u) {
		set[a] = true
	}
	for _, author := range u.Authors {
		set[author.Address] = true
	}
	return set
}

// ticks looks regularly for what is due: posts are repeated by the clock. It ends a run with Once.
func (w *watch) ticks(ctx context.Context) error {
	ticker := time.NewTicker(w.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		tip, err := w.Hub.LastMCI(ctx)
		w.mu.Lock()
		if err == nil {
			w.tip = max(w.tip, tip)
		}
		err = w.due(ctx)
		idle := w.idle()
		w.mu.Unlock()
		if err != nil {
			return err
		}
		if w.Once && idle {
			return errNothingOpen
		}
	}
}

// due tells every channel that is not over how long the chain is and what a unit costs. Those for which that means something
// are saved side by side, so that their writes share syncs.
func (w *watch) due(ctx context.Context) error {
	base, ok := w.Bases.Newest()
	if !ok {
		return nil
	}
	ids := w.Keeper.IDs()
	steps := make([]step, len(ids))
	tip := channel.Tip{MCI: w.tip, Base: base, Fee: w.Bases.Load(w.tip, time.Now())}
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i, id := range ids {
		if v, ok := w.Keeper.view(id); !ok || v.phase.Over() || v.resting && w.Keeper.sleeps(id, tip) {
			continue
		}
		all.Go(func() error {
			steps[i] = w.move(id, tip)
			return nil
		})
	}
	all.Wait()
	for i := range steps {
		if err := w.follow(ctx, steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// idle says whether no channel holds something for this side. A deposit that was on its way at the beginning has come by the
// time that everything up to then is proven.
func (w *watch) idle() bool {
	for _, id := range w.Keeper.IDs() {
		v, ok := w.Keeper.view(id)
		switch {
		case !ok || v.phase.Over():
		case v.phase == channel.Opening:
			if w.stable < w.start || v.known {
				return false
			}
		case id.Side == Buyer || v.promise:
			return false
		}
	}
	return true
}

// step is what came of an event; the zero value is nothing.
type step struct {
	id            ID
	before, after channel.State
	effects       []channel.Effect
	err           error
	unread        error // it was at rest, and what is saved of it is no channel
}

// apply gives a channel an event, if it is one of ours, and does what it asks for. Only the disk's failure is an error.
func (w *watch) apply(ctx context.Context, id ID, ev channel.Event) error {
	return w.follow(ctx, w.move(id, ev))
}

func (w *watch) move(id ID, ev channel.Event) step {
	before, err := w.Keeper.State(id)
	if errors.Is(err, byteball.NotFound) {
		return step{} // not one of ours
	}
	if err != nil {
		return step{id: id, unread: err}
	}
	s := step{id: id, before: before}
	if s.effects, s.err = w.Keeper.Apply(id, ev, time.Now()); s.err == nil {
		s.after, s.err = w.Keeper.State(id)
	}
	return s
}

func (w *watch) follow(ctx context.Context, s step) error {
	switch {
	case s.id == ID{} || errors.Is(s.err, errDisk):
		return s.err
	case s.unread != nil:
		w.unread(s.id, s.unread)
		return nil
	case s.err != nil:
		w.Tell(Told{ID: s.id, Text: "an event does not fit", Err: s.err})
		return nil
	}
	w.changed(s.id, s.before, s.after)
	for _, e := range s.effects {
		if p, ok := e.(channel.Post); ok {
			w.post(ctx, s.id, p.Unit)
		}
	}
	return nil
}

// unread gives up a channel that nothing can be done with, and says so.
func (w *watch) unread(id ID, err error) {
	w.Tell(Told{ID: id, Text: "what is saved of it cannot be read", Err: err})
	w.Keeper.Remove(id)
}

// changed tells people of a new phase.
func (w *watch) changed(id ID, before, after channel.State) {
	if after.Phase != before.Phase {
		text := after.Phase.String()
		if after.Reason != "" {
			text += ": " + after.Reason
		}
		w.Tell(Told{ID: id, Text: text})
	}
	if after.Nonce > before.Nonce {
		w.Tell(Told{ID: id, Text: fmt.Sprintf("signed anew, time %d", after.Nonce)})
	}
	if after.Settled != nil && before.Settled == nil && before.Own != nil {
		w.poster.Forget(before.Own.Unit)
	}
}

// post hands a unit to the hub while the run goes on.
func (w *watch) post(ctx context.Context, id ID, u *unit.Unit) {
	job := func() error {
		err := w.poster.Post(ctx, u)
		if ctx.Err() != nil {
			return nil
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil {
			return nil
		}
		w.Tell(Told{ID: id, Text: "the ledger did not take its unit", Err: err})
		w.apply(ctx, id, channel.PostRefused{Err: err})
		return nil
	}
	if !w.posts.TryGo(job) {
		w.apply(ctx, id, channel.PostRefused{Err: byteball.Transient}) // many are on their way; this one is due again later
	}
}
