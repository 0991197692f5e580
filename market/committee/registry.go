package committee

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Registry is the list of bonds that the ledger shows: it learns registrations and spends of bonds from proven units and
// says who may serve. It has one user at a time.
type Registry struct {
	m       *params.Manifest
	v       protocol.Verifier
	chain   *Chain
	tickets map[protocol.Hash]*Ticket
	slices  map[unit.OutPoint]*Ticket
	drawn   map[drawing]*Committee // answers of Committee since the last change
	lists   []byteball.Address     // of epoch listed
	listed  uint64
}

// drawing is what a committee depends on besides the tickets.
type drawing struct {
	seller protocol.Identity
	shard  uint32
	epoch  uint64
	ball   protocol.Hash
}

const maxDrawn = 4096

// NewRegistry makes an empty registry over a chain that the caller feeds.
func NewRegistry(m *params.Manifest, v protocol.Verifier, chain *Chain) *Registry {
	return &Registry{m: m, v: v, chain: chain, tickets: map[protocol.Hash]*Ticket{}, slices: map[unit.OutPoint]*Ticket{}, drawn: map[drawing]*Committee{}}
}

// Add learns from a proven unit; the units of a bond's address come after the one that registered it. It returns the new
// ticket, or nil where the unit registers none. Error: Invalid for a registration that does not hold.
func (r *Registry) Add(p unit.Proven) (*Ticket, error) {
	if p.Unit == nil || !p.Serial {
		return nil, nil
	}
	r.spend(p)
	t, err := ParseRegistration(p, r.m, r.v)
	if errors.Is(err, protocol.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if old, ok := r.tickets[t.ID]; ok {
		if !t.before(old) {
			return nil, nil
		}
		r.remove(old)
	}
	clear(r.drawn)
	r.tickets[t.ID] = t
	for _, o := range t.Outputs {
		r.slices[o] = t
	}
	return t, nil
}

func (t *Ticket) before(o *Ticket) bool {
	return cmp.Or(cmp.Compare(t.MCI, o.MCI), cmp.Compare(t.Unit, o.Unit)) < 0
}

func (r *Registry) spend(p unit.Proven) {
	for _, msg := range p.Unit.Messages {
		pay, ok := msg.Payload.(*unit.Payment)
		if !ok {
			continue
		}
		for _, in := range pay.Inputs {
			t, ok := r.slices[unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}]
			if ok && in.Type == "" && (t.live || p.MCI < t.spent) {
				t.live, t.spent = false, p.MCI
				clear(r.drawn)
			}
		}
	}
}

func (r *Registry) remove(t *Ticket) {
	clear(r.drawn)
	delete(r.tickets, t.ID)
	for _, o := range t.Outputs {
		delete(r.slices, o)
	}
}

// Serves says whether the bond counts in epoch e (MECHANISM 1): registered before the cut of e and Delay epochs ago, or in
// the chain's first units; inside its term; unspent at the cut; END beyond the dispute time.
func (r *Registry) Serves(t *Ticket, e uint64) bool {
	b, ok := r.chain.EpochBall(e)
	return ok && r.counts(t, e, b.MCI)
}

func (r *Registry) counts(t *Ticket, e, cut uint64) bool {
	p := &r.m.Params
	registered := r.m.Calendar().EpochAt(t.Time)
	early := t.MCI <= p.Genesis
	due := t.MCI < cut && e >= registered+uint64(p.Delay)
	return (early || due) && e < registered+uint64(p.Delay+p.Term) &&
		(t.live || t.spent > cut) && t.End >= p.DisputeAge && t.End-p.DisputeAge >= cut
}

// Tickets returns the validators' tickets of epoch e by ID. Error: Transient while the ball of e is not known.
func (r *Registry) Tickets(e uint64) ([]*Ticket, error) {
	b, ok := r.chain.EpochBall(e)
	if !ok {
		return nil, fmt.Errorf("epoch %d: its ball is not stable yet, or before the chain that is known: %w", e, protocol.Transient)
	}
	var list []*Ticket
	for _, t := range r.tickets {
		if t.Role == Validator && r.counts(t, e, b.MCI) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, byID)
	return list, nil
}

func byID(a, b *Ticket) int { return slices.Compare(a.ID[:], b.ID[:]) }

// Seller returns the bond under which a seller may sell a stream in epoch e, and whether there is one: of several, the one
// registered first.
func (r *Registry) Seller(id protocol.Identity, s Stream, e uint64) (*Ticket, bool) {
	var first *Ticket
	for _, t := range r.tickets {
		if t.Role == Seller && t.Binding.Identity == id && slices.Contains(t.Streams, s) && r.Serves(t, e) && (first == nil || t.before(first)) {
			first = t
		}
	}
	return first, first != nil
}

// Own returns the bonds of an identity in a role, serving or not, in the order of registration.
func (r *Registry) Own(id protocol.Identity, as Role) []*Ticket {
	var list []*Ticket
	for _, t := range r.tickets {
		if t.Binding.Identity == id && t.Role == as {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *Ticket) int { return cmp.Or(cmp.Compare(a.MCI, b.MCI), cmp.Compare(a.Unit, b.Unit)) })
	return list
}

// Ticket returns the bond at an address, whether it serves or not.
func (r *Registry) Ticket(bond byteball.Address) (*Ticket, bool) {
	t, ok := r.tickets[TicketID(bond)]
	return t, ok
}

// Committee draws the committee of a seller's stream in epoch e; it remembers the answer. Errors: Transient while the ball
// of e is not known, NotFound without validators.
func (r *Registry) Committee(seller protocol.Identity, s Stream, e uint64) (*Committee, error) {
	b, _ := r.chain.EpochBall(e)
	key := drawing{seller, Shard(s.Prop, s.Cell, r.m.Params.ShardBits), e, b.Raw}
	if c, ok := r.drawn[key]; ok {
		return c, nil
	}
	tickets, err := r.Tickets(e)
	if err != nil {
		return nil, err
	}
	c, err := Draw(Seed(e, b), key.shard, seller, tickets, &r.m.Params)
	if err != nil {
		return nil, err
	}
	if len(r.drawn) >= maxDrawn {
		clear(r.drawn)
	}
	r.drawn[key] = c
	return c, nil
}

// Forget drops bonds that can never serve in epoch e or later.
func (r *Registry) Forget(e uint64) {
	b, ok := r.chain.EpochBall(e)
	if !ok {
		return
	}
	for _, t := range r.tickets {
		old := e >= r.m.Calendar().EpochAt(t.Time)+uint64(r.m.Params.Delay+r.m.Params.Term)
		if old || (!t.live && t.spent <= b.MCI) || t.End < b.MCI {
			r.remove(t)
		}
	}
}

// Watch returns the addresses whose proven units the registry needs in epoch e: the lists and every bond it knows.
func (r *Registry) Watch(e uint64) []byteball.Address {
	if r.lists == nil || r.listed != e {
		r.lists, r.listed = Lists(r.m, e), e
	}
	list := slices.Clone(r.lists)
	for _, t := range r.tickets {
		list = append(list, t.Bond)
	}
	slices.Sort(list)
	return list
}
