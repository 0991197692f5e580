package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// FirstSince returns the first unit of the order providers with a timestamp at or after t, proven. It looks for it backwards
// along skip lists, so it reaches any past, which History does not: of a long chain it asks for a few dozen units. That no
// earlier unit fits is the hub's word. Errors: NotFound if there is none yet; those of the requests.
func (c *Client) FirstSince(ctx context.Context, t time.Time) (unit.Proven, error) {
	ops, err := c.OPs(ctx)
	if err != nil {
		return unit.Proven{}, err
	}
	s := search{c: c, ops: ops, since: (t.UnixMilli() + 999) / 1000, seen: make(map[byteball.Hash]*unit.Joint)}
	at, err := s.newest(ctx)
	if err != nil {
		return unit.Proven{}, err
	}
	at, before, err := s.leap(ctx, at)
	if err != nil {
		return unit.Proven{}, err
	}
	first, err := s.walk(ctx, at)
	if err == nil && first == "" { // the oldest unit is somebody else's: the provider's comes after it
		first, err = s.walk(ctx, before)
	}
	if err != nil {
		return unit.Proven{}, err
	}
	if first == "" {
		return unit.Proven{}, fmt.Errorf("no unit of an order provider near %s: %w", at, byteball.Transient)
	}
	proven, _, err := c.Prove(ctx, first)
	if err != nil {
		return unit.Proven{}, err
	}
	for _, p := range proven {
		if p.Unit.Unit == first && p.Serial && p.Unit.Timestamp >= s.since {
			return p, nil
		}
	}
	return unit.Proven{}, fmt.Errorf("hub could not prove unit %s: %w", first, byteball.Transient)
}

// search goes back from the end of the chain.
type search struct {
	c     *Client
	ops   []byteball.Address
	since int64 // Unix seconds
	seen  map[byteball.Hash]*unit.Joint
}

// recent is how far behind the tip the newest proven unit of an order provider is looked for.
const recent = 100

// newest returns a proven unit of the order providers that is not older than the time looked for.
func (s *search) newest(ctx context.Context) (byteball.Hash, error) {
	tip, err := s.c.LastMCI(ctx)
	if err != nil {
		return "", err
	}
	units, _, err := s.c.History(ctx, s.ops, nil, tip-min(tip, recent))
	if err != nil {
		return "", err
	}
	for _, p := range slices.Backward(units) {
		if p.Unit.Timestamp >= s.since && s.byOP(p.Unit) {
			return p.Unit.Unit, nil
		}
	}
	return "", fmt.Errorf("no unit of an order provider since %s: %w", time.Unix(s.since, 0).UTC().Format(time.RFC3339), byteball.NotFound)
}

func (s *search) byOP(u *unit.Unit) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return slices.Contains(s.ops, a.Address) })
}

func (s *search) joint(ctx context.Context, h byteball.Hash) (*unit.Joint, error) {
	if j, ok := s.seen[h]; ok {
		return j, nil
	}
	j, err := s.c.Joint(ctx, h)
	if err != nil {
		return nil, err
	}
	s.seen[h] = &j
	return &j, nil
}

// maxSteps bounds a search: what a lying hub can make it do.
const maxSteps = 4096

// leap goes back by skip lists, last balls and parents as far as units are not older than the time looked for. before is
// where the last step began.
func (s *search) leap(ctx context.Context, from byteball.Hash) (at, before byteball.Hash, err error) {
	at, before = from, from
	for range maxSteps {
		j, err := s.joint(ctx, at)
		if err != nil {
			return "", "", err
		}
		next, oldest := at, j.Unit.Timestamp
		for _, h := range slices.Concat(j.SkiplistUnits, []byteball.Hash{j.Unit.LastBallUnit}, j.Unit.ParentUnits) {
			if h == "" || h == at {
				continue
			}
			back, err := s.joint(ctx, h)
			if err != nil {
				return "", "", err
			}
			ts := back.Unit.Timestamp
			if ts >= s.since && !passes(j.Unit, back.Unit) && (ts < oldest || ts == oldest && next == at) {
				next, oldest = h, ts
			}
		}
		if next == at {
			return at, before, nil
		}
		at, before = next, at
	}
	return "", "", fmt.Errorf("hub shows a chain without end: %w", byteball.Invalid)
}

// passes says whether a step back from a unit would pass by the next one with a skip list: those of the main chain whose
// index is divisible by ten have one, and all long steps begin there.
func passes(from, to *unit.Unit) bool {
	if from.MainChainIndex == nil || to.MainChainIndex == nil || *from.MainChainIndex%10 == 0 {
		return false
	}
	return *to.MainChainIndex < *from.MainChainIndex/10*10
}

// walk looks among at and its ancestors that are not too old for the first one of an order provider; empty if none is.
func (s *search) walk(ctx context.Context, at byteball.Hash) (byteball.Hash, error) {
	var first *unit.Unit
	queue, visited := []byteball.Hash{at}, map[byteball.Hash]bool{at: true}
	for len(queue) > 0 && len(visited) < maxSteps {
		j, err := s.joint(ctx, queue[0])
		if err != nil {
			return "", err
		}
		queue = queue[1:]
		if j.Unit.Timestamp < s.since {
			continue
		}
		if s.byOP(j.Unit) && (first == nil || earlier(j.Unit, first)) {
			first = j.Unit
		}
		for _, h := range j.Unit.ParentUnits {
			if !visited[h] {
				visited[h] = true
				queue = append(queue, h)
			}
		}
	}
	if first == nil {
		return "", nil
	}
	return first.Unit, nil
}

// earlier orders stable units by main chain index, where the hub tells it, else by time.
func earlier(a, b *unit.Unit) bool {
	if a.MainChainIndex != nil && b.MainChainIndex != nil && *a.MainChainIndex != *b.MainChainIndex {
		return *a.MainChainIndex < *b.MainChainIndex
	}
	return a.Timestamp < b.Timestamp
}
