package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// errLarge stands for an answer that was larger than a frame.
var errLarge = errors.New("the answer is larger than a frame")

// tooLarge says whether an answer was or would be too large.
func tooLarge(err error) bool {
	var r *Refusal
	return errors.Is(err, errLarge) || errors.As(err, &r) && strings.Contains(r.Text, "history is too large")
}

// gather makes a request in as many parts as its size needs and puts the answers on s. The protocol reaches back about
// 4,000 units of an address: 2,000 in an answer, and as many that are named as known. Where that is not enough, s.from
// says where it ended.
func (c *Client) gather(ctx context.Context, q query, s *shelf) error {
	if len(q.Addresses) <= maxAddresses {
		h, err := c.inLane(ctx, q)
		if err == nil {
			s.put(h)
		}
		if !tooLarge(err) {
			return err
		}
	}
	if len(q.Addresses) == 1 {
		return c.page(ctx, q, s)
	}
	left, right := q, q
	half := len(q.Addresses) / 2
	left.Addresses, right.Addresses = q.Addresses[:half], q.Addresses[half:]
	var lefts error
	var both sync.WaitGroup
	both.Go(func() { lefts = c.gather(ctx, left, s) }) // the hub answers one while the other is checked
	err := c.gather(ctx, right, s)
	both.Wait()
	return cmp.Or(err, lefts)
}

// lanes is how many parts of a history are under way at once: each may be an answer of 6 MB.
const lanes = 3

func (c *Client) inLane(ctx context.Context, q query) (History, error) {
	select {
	case c.lanes <- struct{}{}:
	case <-ctx.Done():
		return History{}, ctx.Err()
	}
	defer func() { <-c.lanes }()
	return c.once(ctx, q)
}

// page reads the history of one address from its end: the newest units that one answer takes, then, with these named as
// known, what came before, all or as many as a second answer takes.
func (c *Client) page(ctx context.Context, q query, s *shelf) error {
	last, err := c.LastMCI(ctx)
	if err != nil {
		return err
	}
	newest, low, err := c.window(ctx, q, last)
	if err != nil {
		return err
	}
	s.put(newest)
	q.Known = slices.Clip(q.Known)
	for _, p := range newest.Proven {
		if len(q.Known) < maxItems {
			q.Known = append(q.Known, p.Unit.Unit)
		}
	}
	rest, err := c.once(ctx, q)
	if tooLarge(err) {
		var lower uint64
		if rest, lower, err = c.window(ctx, q, low); errors.Is(err, errLarge) {
			rest, lower, err = History{}, low, nil
		}
		s.ends(q.Addresses[0], lower)
	}
	if err == nil {
		s.put(rest)
	}
	return err
}

// window finds the newest units that fit in one answer by halving the span of indexes below top. It returns the index
// from which they are complete. Error: errLarge if the units above top alone are too many.
func (c *Client) window(ctx context.Context, q query, top uint64) (History, uint64, error) {
	for low := q.MinMCI; low < top; {
		low += (top-low)/2 + 1
		part := q
		part.MinMCI = low
		if h, err := c.once(ctx, part); !tooLarge(err) {
			return h, low, err
		}
	}
	return History{}, 0, fmt.Errorf("%s has more than %d units that are not stable, or in one index: %w: %w",
		q.Addresses[0], maxItems, errLarge, byteball.Invalid)
}

// shelf gathers checked answers. It holds some units whole and remembers the rest by name.
type shelf struct {
	room     int // for whole units
	mu       sync.Mutex
	list     []entry
	seen     map[byteball.Hash]bool // proven
	unstable []*unit.Unit
	from     map[byteball.Address]uint64 // of these addresses nothing below the index was had
}

// entry is a proven unit; proven.Unit is nil where there was no room for it.
type entry struct {
	mci    uint64
	unit   byteball.Hash
	proven unit.Proven
}

func newShelf(room int) *shelf {
	return &shelf{room: room, seen: map[byteball.Hash]bool{}, from: map[byteball.Address]uint64{}}
}

func (s *shelf) ends(a byteball.Address, from uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from[a] = from
}

func (s *shelf) put(h History) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range h.Proven {
		if s.seen[p.Unit.Unit] {
			continue
		}
		s.seen[p.Unit.Unit] = true
		e := entry{mci: p.MCI, unit: p.Unit.Unit}
		if len(s.list) < s.room {
			e.proven = p
		}
		s.list = append(s.list, e)
	}
	s.unstable = append(s.unstable, h.Unstable...)
}

// unproven are the units that no answer proved.
func (s *shelf) unproven() []*unit.Unit {
	had := map[byteball.Hash]bool{}
	return slices.DeleteFunc(s.unstable, func(u *unit.Unit) bool {
		drop := s.seen[u.Unit] || had[u.Unit]
		had[u.Unit] = true
		return drop
	})
}
