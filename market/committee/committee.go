// Package committee decides who judges (MECHANISM 1 and 2): bonds and their registration on the ledger, the balls of the
// order providers that seed each epoch, the list of tickets, and the draw of a committee from them. All of it is a pure
// function of proven units, so that every node finds the same committee. It leaves out the round that a committee plays
// (package round), merit draws and slashing. Roles feed it with the units that their ledger client has proven.
package committee

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Committee judges the windows of one seller in one epoch. Its tickets belong to the registry: read only.
type Committee struct {
	Members     []*Ticket // k seats by rank; the first proposes
	Spares      []*Ticket // the next ranks, for one retry
	Aggregator  *Ticket   // of the shard
	Quorum      int       // q signatures make a stamp
	Provisional bool      // fewer than three tickets exist: price at most half
}

// Seed is H("iv1/seed", e, ball): what the draws of epoch e hang on.
func Seed(e uint64, b Ball) protocol.Hash { return protocol.H("iv1/seed", e, b.Raw[:]) }

// Shard is the first bits (0..24) of H("iv1/shard", prop, geohash3) as a number. The cell has three characters or more.
func Shard(prop, cell string, bits int) uint32 {
	if bits <= 0 {
		return 0
	}
	h := protocol.H("iv1/shard", prop, cell[:min(3, len(cell))])
	first := uint32(h[0])<<24 | uint32(h[1])<<16 | uint32(h[2])<<8 | uint32(h[3])
	return first >> (32 - min(bits, 32))
}

// Draw draws the committee of a seller: the pool has the lowest H("iv1/pool", seed, shard, ticket), the seats the lowest
// H("iv1/seat", seed, seller, ticket) of the pool, the aggregator the lowest H("iv1/agg", seed, shard, ticket). With fewer
// tickets than seats it takes the largest odd number there is. Error: NotFound without tickets.
func Draw(seed protocol.Hash, shard uint32, seller protocol.Identity, tickets []*Ticket, p *params.Params) (*Committee, error) {
	if len(tickets) == 0 {
		return nil, fmt.Errorf("committee of seller %s: no ticket is registered: %w", seller, protocol.NotFound)
	}
	id := seller.ID()
	pool := lowest(tickets, p.Pool, func(t *Ticket) protocol.Hash { return protocol.H("iv1/pool", seed[:], shard, t.ID[:]) })
	ranked := lowest(pool, 2*p.Members, func(t *Ticket) protocol.Hash { return protocol.H("iv1/seat", seed[:], id[:], t.ID[:]) })
	agg := lowest(tickets, 1, func(t *Ticket) protocol.Hash { return protocol.H("iv1/agg", seed[:], shard, t.ID[:]) })
	k := min(p.Members, len(ranked))
	k -= 1 - k%2
	return &Committee{
		Members: ranked[:k:k], Spares: ranked[k:], Aggregator: agg[0],
		Quorum: params.Quorum(k), Provisional: len(tickets) < 3,
	}, nil
}

// lowest returns the n tickets with the lowest keys, in their order.
func lowest(tickets []*Ticket, n int, key func(*Ticket) protocol.Hash) []*Ticket {
	type ranked struct {
		key protocol.Hash
		t   *Ticket
	}
	list := make([]ranked, len(tickets))
	for i, t := range tickets {
		list[i] = ranked{key(t), t}
	}
	slices.SortFunc(list, func(a, b ranked) int { return bytes.Compare(a.key[:], b.key[:]) })
	first := make([]*Ticket, min(n, len(list)))
	for i := range first {
		first[i] = list[i].t
	}
	return first
}

// Seat returns the member with a ticket, and whether there is one.
func (c *Committee) Seat(ticket protocol.Hash) (*Ticket, bool) {
	i := slices.IndexFunc(c.Members, func(t *Ticket) bool { return t.ID == ticket })
	if i < 0 {
		return nil, false
	}
	return c.Members[i], true
}

// SeatOf returns the first seat of an identity, and whether it has one.
func (c *Committee) SeatOf(id protocol.Identity) (*Ticket, bool) {
	i := slices.IndexFunc(c.Members, func(t *Ticket) bool { return t.Binding.Identity == id })
	if i < 0 {
		return nil, false
	}
	return c.Members[i], true
}

// Payees returns the members' addresses, one for each seat.
func (c *Committee) Payees() []byteball.Address {
	list := make([]byteball.Address, len(c.Members))
	for i, t := range c.Members {
		list[i] = t.Payee
	}
	return list
}

// Retry returns the committee of the one retry: the first spares sit in the missing seats (MECHANISM 2). Seats for which no
// spare is left stay with their member.
func (c *Committee) Retry(missing []protocol.Hash) *Committee {
	next := *c
	next.Members = slices.Clone(c.Members)
	for i, t := range next.Members {
		if slices.Contains(missing, t.ID) && len(next.Spares) > 0 {
			next.Members[i], next.Spares = next.Spares[0], next.Spares[1:]
		}
	}
	return &next
}
