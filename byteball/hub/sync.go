package hub

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	maxWhole = 20_000 // units that a Sync holds at once; of the others it remembers the names and asks again
	portion  = 5_000  // units of one delivery, about
)

// Sync delivers the proven units of addresses from main chain index from on, up to the last index that the hub can prove
// when it begins, in the order of the main chain and in batches of about 5,000. Each batch is complete up to its tip:
// whoever stores tip with what it made of the units goes on after a cut with from = tip+1.
//
// There is no limit to the length of a history. Where get_history does not reach (more than about 4,000 units of one
// address), Sync reads the ledger itself below, every unit of it: that takes long, but nothing can be left out of it but
// by a false main chain index. It holds at most 20,000 units whole, and 100 bytes of each unit that get_history gives.
// Errors: what deliver returns; Transient if the hub falls behind or is lost; Invalid if it lies; those of Client.
func (c *Client) Sync(ctx context.Context, from uint64, addresses []byteball.Address, deliver Deliver) error {
	ops, err := c.OPs(ctx)
	if err != nil {
		return err
	}
	tip, anchor, err := c.newest(ctx, ops)
	if err != nil {
		return err
	}
	want := make(map[byteball.Address]uint64, len(addresses))
	for _, a := range addresses {
		want[a] = from
	}
	if tip < from {
		return nil
	}
	return c.past(ctx, want, tip, anchor, deliver)
}

// newest returns the highest main chain index that the hub can prove, and a unit there.
func (c *Client) newest(ctx context.Context, ops []byteball.Address) (uint64, byteball.Hash, error) {
	last, err := c.LastMCI(ctx)
	if err != nil {
		return 0, "", err
	}
	for span := uint64(16); ; span *= 2 {
		low := last - min(span, last)
		h, err := c.once(ctx, query{Addresses: ops, MinMCI: low})
		if err != nil {
			return 0, "", err
		}
		if n := len(h.Proven); n > 0 {
			return h.Proven[n-1].MCI, h.Proven[n-1].Unit.Unit, nil
		}
		if low == 0 {
			return 0, "", fmt.Errorf("hub %s can prove no unit yet: %w", c.Hub(), byteball.Transient)
		}
	}
}

// past delivers all proven units of addresses from their first index up to tip, from a hub that can prove anchor, a unit
// there. The last batch has the tip tip, and there is one even if it is empty.
func (c *Client) past(ctx context.Context, want map[byteball.Address]uint64, tip uint64, anchor byteball.Hash, deliver Deliver) error {
	groups := map[uint64][]byteball.Address{}
	for a, first := range want {
		if first <= tip {
			groups[first] = append(groups[first], a)
		}
	}
	s := newShelf(maxWhole)
	for _, first := range slices.Sorted(maps.Keys(groups)) {
		slices.Sort(groups[first])
		if err := c.gather(ctx, query{Addresses: groups[first], Units: []byteball.Hash{anchor}, MinMCI: first}, s); err != nil {
			return err
		}
	}
	if len(groups) > 0 && !s.seen[anchor] {
		return c.behind(fmt.Errorf("hub %s cannot prove unit %s, seen before at main chain index %d; it is behind: %w",
			c.Hub(), anchor, tip, byteball.Transient))
	}
	s.list = slices.DeleteFunc(s.list, func(e entry) bool { return e.mci > tip })
	slices.SortStableFunc(s.list, func(a, b entry) int { return cmp.Compare(a.mci, b.mci) })
	// with each batch from the ledger itself go the units that get_history gave of the same indexes
	err := c.deepen(ctx, s, want, func(to uint64, units []unit.Proven) error {
		more, err := c.take(ctx, s, to)
		if err != nil {
			return err
		}
		return deliver(to, wanted(merge(History{Proven: units}, History{Proven: more}).Proven, want))
	})
	for err == nil && len(s.list) > portion {
		to := s.list[portion].mci
		err = c.deliver(ctx, s, to, want, deliver)
	}
	if err != nil {
		return err
	}
	return c.deliver(ctx, s, tip, want, deliver)
}

func (c *Client) deliver(ctx context.Context, s *shelf, to uint64, want map[byteball.Address]uint64, deliver Deliver) error {
	units, err := c.take(ctx, s, to)
	if err != nil {
		return err
	}
	return deliver(to, wanted(units, want))
}

func wanted(units []unit.Proven, want map[byteball.Address]uint64) []unit.Proven {
	return slices.DeleteFunc(units, func(p unit.Proven) bool { return !touches(p.Unit, since(want, p.MCI)) })
}

// take takes the units up to index to from s, sorted by index, and asks again for those that are not there whole.
func (c *Client) take(ctx context.Context, s *shelf, to uint64) ([]unit.Proven, error) {
	n, _ := slices.BinarySearchFunc(s.list, to+1, func(e entry, mci uint64) int { return cmp.Compare(e.mci, mci) })
	var units []unit.Proven
	var lacking []byteball.Hash
	for _, e := range s.list[:n] {
		if e.proven.Unit == nil {
			lacking = append(lacking, e.unit)
		} else {
			units = append(units, e.proven)
		}
	}
	clear(s.list[:n])
	s.list = s.list[n:]
	for part := range slices.Chunk(lacking, batch) {
		more, _, err := c.known(ctx, part)
		if err != nil {
			return nil, err
		}
		units = append(units, more...)
	}
	sortByChain(units)
	return units, nil
}

// deepen delivers what lies below s.from: the units of those addresses from the index in want on, in batches in the order
// of the main chain.
func (c *Client) deepen(ctx context.Context, s *shelf, want map[byteball.Address]uint64, deliver Deliver) error {
	if len(s.from) == 0 {
		return nil
	}
	low, end := ^uint64(0), uint64(0)
	for a, first := range s.from {
		low, end = min(low, want[a]), max(end, first)
	}
	ops, err := c.OPs(ctx)
	if err != nil {
		return err
	}
	_, anchor, err := c.newest(ctx, ops)
	if err != nil {
		return err
	}
	posts, err := c.descend(ctx, anchor, low)
	if err != nil {
		return err
	}
	ours := func(p unit.Proven) bool {
		return touches(p.Unit, func(a byteball.Address) bool { return p.MCI < s.from[a] && p.MCI >= want[a] })
	}
	for _, top := range slices.Backward(posts) {
		to := min(top.mci, end-1)
		if to < low {
			continue
		}
		units, err := c.scan(ctx, top, low, to, ours)
		if err == nil {
			err = deliver(to, units)
		}
		if err != nil || to == end-1 {
			return err
		}
		low = to + 1
	}
	return fmt.Errorf("hub %s cannot prove main chain index %d: %w", c.Hub(), end, byteball.Transient)
}
