package hub

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Limits of light/get_history (light.js:27ff).
const (
	maxItems     = 2000 // units in one answer, known units in one request
	maxAddresses = 1000 // in one request; the reference takes 2000, and a frame stays small
)

// query is one light/get_history.
type query struct {
	Witnesses []byteball.Address `json:"witnesses"`
	Addresses []byteball.Address `json:"addresses,omitempty"`
	Units     []byteball.Hash    `json:"requested_joints,omitempty"`
	Known     []byteball.Hash    `json:"known_stable_units,omitempty"`
	MinMCI    uint64             `json:"min_mci,omitempty"`
}

// History returns the units that were written by or pay to addresses: the stable ones with their proofs checked, in the
// order of the main chain and for each address complete up to the last, and the unstable ones, which nothing proves.
// Units in known and units of an index below minMCI are left out. With it the hub begins to watch the addresses. All
// units are held at once: for a long history see Sync.
// Errors: Invalid if a proof is wrong, and if more units of an address are not stable than a hub gives; those of Client.
func (c *Client) History(ctx context.Context, addresses []byteball.Address, known []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error) {
	s := newShelf(math.MaxInt)
	if err := c.gather(ctx, query{Addresses: addresses, Known: known, MinMCI: minMCI}, s); err != nil {
		return nil, nil, err
	}
	var all []unit.Proven
	for _, e := range s.list {
		all = append(all, e.proven)
	}
	if len(s.from) > 0 {
		want := map[byteball.Address]uint64{}
		for a := range s.from {
			want[a] = minMCI
		}
		left := make(map[byteball.Hash]bool, len(known))
		for _, h := range known {
			left[h] = true
		}
		err := c.deepen(ctx, s, want, func(_ uint64, units []unit.Proven) error {
			for _, p := range units {
				if !s.seen[p.Unit.Unit] && !left[p.Unit.Unit] {
					all = append(all, p)
				}
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	sortByChain(all)
	return all, s.unproven(), nil
}

// Prove returns those of the units that are stable, with their proofs checked, in the order of the main chain, and those
// that the hub knows but that are not stable. Units that the hub does not know are left out.
func (c *Client) Prove(ctx context.Context, units ...byteball.Hash) ([]unit.Proven, []*unit.Unit, error) {
	var all History
	for part := range slices.Chunk(units, maxItems) {
		h, err := c.fetch(ctx, part)
		if err != nil {
			return nil, nil, err
		}
		all = merge(all, h)
	}
	return all.Proven, all.Unstable, nil
}

// fetch asks for units by name, in two parts if they are too large for one answer.
func (c *Client) fetch(ctx context.Context, units []byteball.Hash) (History, error) {
	h, err := c.once(ctx, query{Units: units})
	if !tooLarge(err) || len(units) < 2 {
		return h, err
	}
	a, err := c.fetch(ctx, units[:len(units)/2])
	if err != nil {
		return History{}, err
	}
	b, err := c.fetch(ctx, units[len(units)/2:])
	return merge(a, b), err
}

// once makes one request and checks the answer.
func (c *Client) once(ctx context.Context, q query) (History, error) {
	ops, err := c.OPs(ctx)
	if err != nil {
		return History{}, err
	}
	q.Witnesses = ops
	body, conn, err := c.ask(ctx, "light/get_history", q)
	if err != nil {
		return History{}, err
	}
	h, err := verify(body, ops, c.cfg.Network.Majority(), c.memory)
	if err != nil {
		err = fmt.Errorf("hub %s: %w", conn.url, err)
		c.distrust(conn, err)
		return History{}, err
	}
	h.keep(q)
	if len(q.Addresses) > 0 {
		h.cut()
	}
	return h, nil
}

// keep drops what q did not ask for: a hub may send more than it was asked.
func (h *History) keep(q query) {
	addresses := make(map[byteball.Address]bool, len(q.Addresses))
	for _, a := range q.Addresses {
		addresses[a] = true
	}
	units := make(map[byteball.Hash]bool, len(q.Units)+len(q.Known))
	for _, u := range q.Known {
		units[u] = false
	}
	for _, u := range q.Units {
		units[u] = true
	}
	asked := func(u *unit.Unit, mci uint64) bool {
		if want, named := units[u.Unit]; named {
			return want
		}
		return mci >= q.MinMCI && touches(u, func(a byteball.Address) bool { return addresses[a] })
	}
	h.Proven = slices.DeleteFunc(h.Proven, func(p unit.Proven) bool { return !asked(p.Unit, p.MCI) })
	h.Unstable = slices.DeleteFunc(h.Unstable, func(u *unit.Unit) bool { return !asked(u, q.MinMCI) })
}

// cut takes for unstable what does not lie below every unit that has an index but no proof, which a hub may send that
// got a unit stable while it answered. The proven units are then complete up to the last of them.
func (h *History) cut() {
	n := len(h.Proven)
	for _, u := range h.Unstable {
		for u.MainChainIndex != nil && n > 0 && h.Proven[n-1].MCI >= *u.MainChainIndex {
			n--
		}
	}
	for _, p := range h.Proven[n:] {
		h.Unstable = append(h.Unstable, p.Unit)
	}
	h.Proven = h.Proven[:n]
}

// merge joins two checked answers; a unit that has become stable between them counts as stable.
func merge(a, b History) History {
	proven := make(map[byteball.Hash]bool, len(a.Proven))
	for _, p := range a.Proven {
		proven[p.Unit.Unit] = true
	}
	all := History{Proven: slices.Clone(a.Proven), skips: map[byteball.Hash][]byteball.Hash{}}
	maps.Copy(all.skips, a.skips)
	maps.Copy(all.skips, b.skips)
	for _, p := range b.Proven {
		if !proven[p.Unit.Unit] {
			proven[p.Unit.Unit] = true
			all.Proven = append(all.Proven, p)
		}
	}
	sortByChain(all.Proven)
	for _, u := range slices.Concat(a.Unstable, b.Unstable) {
		if !proven[u.Unit] {
			proven[u.Unit] = true
			all.Unstable = append(all.Unstable, u)
		}
	}
	return all
}
