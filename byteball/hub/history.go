package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
// order of the main chain and for each address complete up to the last, and the unstable ones, which nothing proves. Units in known and units of an index below minMCI
// are left out. With it the hub begins to watch the addresses.
// Errors: Invalid if a proof is wrong, and if one address has more than about 4000 units since minMCI, which is as far as
// the protocol reaches; those of Client.
func (c *Client) History(ctx context.Context, addresses []byteball.Address, known []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error) {
	h, err := c.collect(ctx, query{Addresses: addresses, Known: known, MinMCI: minMCI})
	return h.Proven, h.Unstable, err
}

// Prove returns those of the units that are stable, with their proofs checked, in the order of the main chain, and those
// that the hub knows but that are not stable.
func (c *Client) Prove(ctx context.Context, units ...byteball.Hash) ([]unit.Proven, []*unit.Unit, error) {
	var all History
	for part := range slices.Chunk(units, maxItems) {
		h, err := c.once(ctx, query{Units: part})
		if err != nil {
			return nil, nil, err
		}
		all = merge(all, h)
	}
	return all.Proven, all.Unstable, nil
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

// tooLarge says whether a hub refused for the number of units.
func tooLarge(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && strings.Contains(r.Text, "history is too large")
}

// collect makes a request in as many parts as its size needs.
func (c *Client) collect(ctx context.Context, q query) (History, error) {
	if len(q.Addresses) <= maxAddresses {
		h, err := c.once(ctx, q)
		if !tooLarge(err) {
			return h, err
		}
	}
	if len(q.Addresses) == 1 {
		return c.page(ctx, q)
	}
	left, right := q, q
	half := len(q.Addresses) / 2
	left.Addresses, right.Addresses = q.Addresses[:half], q.Addresses[half:]
	a, err := c.collect(ctx, left)
	if err != nil {
		return History{}, err
	}
	b, err := c.collect(ctx, right)
	if err != nil {
		return History{}, err
	}
	return merge(a, b), nil
}

// page reads the history of one address from its end: the newest units that one answer takes, then, with these named as
// known, what came before.
func (c *Client) page(ctx context.Context, q query) (History, error) {
	newest, err := c.window(ctx, q)
	if err != nil {
		return History{}, err
	}
	for _, p := range newest.Proven {
		if len(q.Known) < maxItems {
			q.Known = append(slices.Clip(q.Known), p.Unit.Unit)
		}
	}
	rest, err := c.once(ctx, q)
	if tooLarge(err) {
		return History{}, fmt.Errorf("%s has more units since main chain index %d than a hub gives (%d), begin later: %w",
			q.Addresses[0], q.MinMCI, 2*maxItems, byteball.Invalid)
	}
	return merge(newest, rest), err
}

// window finds the newest units that fit in one answer by halving the span of indexes.
func (c *Client) window(ctx context.Context, q query) (History, error) {
	last, err := c.LastMCI(ctx)
	if err != nil {
		return History{}, err
	}
	for low := q.MinMCI; ; {
		if low >= last {
			return History{}, fmt.Errorf("%s has more than %d units that are not stable: %w", q.Addresses[0], maxItems, byteball.Invalid)
		}
		low += (last-low)/2 + 1
		part := q
		part.MinMCI = low
		if h, err := c.once(ctx, part); !tooLarge(err) {
			return h, err
		}
	}
}

// merge joins two checked answers; a unit that has become stable between them counts as stable.
func merge(a, b History) History {
	proven := make(map[byteball.Hash]bool, len(a.Proven))
	for _, p := range a.Proven {
		proven[p.Unit.Unit] = true
	}
	all := History{Proven: slices.Clone(a.Proven)}
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
