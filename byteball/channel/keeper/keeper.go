// Package keeper holds all channels of one node and keeps them from harm. Keeper has both sides of any number of channels,
// read from disk and written to it: an event of a channel returns its effects only once the new state is durable, and
// events of different channels go on side by side, so that a store which groups its writes syncs once for many vouchers.
// Watch follows the channels on the ledger and does what is due, without the rest of the node: closes before the deadline,
// refunds after the age, posts again what fees kept off, signs anew what vanished. Only stable units count; of others, which a hub shows or does not
// know any more, it tells the channels, as UnitSeen and Vanished.
//
// A node may have ten thousand channels, of which few have anything to do. Those that had something last are awake, 1,024
// and all that are just settled; they take 4 to 6 kB each, by their payees. The others are at rest (channel.Resting): as
// their bytes on disk and what tells when a deadline comes, 1 to 2 kB. They are woken, and checked, by the first event that
// means something to them; that takes some 0.1 ms. So a start is little more than reading the rows.
//
// Left out: how vouchers travel, what they pay for, the rules of a channel (package channel). Callers: iotverse wallet watch
// and wallet channels, iotverse bench; protocol/node uses Poster.
package keeper

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
)

// Side is who somebody is in a channel.
type Side string

// The two sides. One node may be both, even in one channel.
const (
	Buyer  Side = "buyer"
	Seller Side = "seller"
)

// ID names one side of a channel.
type ID struct {
	Side    Side
	Address byteball.Address
}

func (id ID) String() string { return string(id.Side) + " of " + string(id.Address) }

// Key returns where the channel is saved, as channel.Key does.
func (id ID) Key() string { return channel.Key(string(id.Side), id.Address) }

func parseKey(key string) (ID, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 || channel.Key(parts[1], byteball.Address(parts[2])) != key || (parts[1] != string(Buyer) && parts[1] != string(Seller)) {
		return ID{}, fmt.Errorf("keeper: %.80q is no channel: %w", key, byteball.Invalid)
	}
	return ID{Side(parts[1]), byteball.Address(parts[2])}, nil
}

// Put writes a channel's state and returns once it is durable. It is called by many at a time.
type Put = func(id ID, value []byte) error

// errDisk is of every error that Put gave.
var errDisk = errors.New("keeper: not saved")

// Keeper is safe for concurrent use. Events of one channel wait for each other, those of different channels do not.
type Keeper struct {
	put   Put
	mu    sync.RWMutex
	sides map[ID]*side
	awake ring
}

// New makes a Keeper without channels.
func New(put Put) *Keeper { return &Keeper{put: put, sides: make(map[ID]*side)} }

// Load takes in what is saved, by the keys of channel.Key; all channels are at rest. A row that is no channel, or another one,
// is left out, and the error says so; the others are kept. What else a row says is checked when it is woken.
// Errors: Invalid; those of find.
func (k *Keeper) Load(rows map[string][]byte, find channel.FindKey) error {
	var errs []error
	for key, data := range rows {
		id, err := parseKey(key)
		if err == nil {
			err = k.load(id, data, find)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("saved %s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

func (k *Keeper) load(id ID, data []byte, find channel.FindKey) error {
	rest := channel.RestPayee
	if id.Side == Buyer {
		rest = channel.RestPayer
	}
	r, is, err := rest(data, find)
	switch {
	case err != nil:
		return err
	case is != id.Address:
		return fmt.Errorf("it is that of %s: %w", is, byteball.Invalid)
	}
	k.add(id, &side{id: id, resting: true, rest: r})
	return nil
}

func (k *Keeper) add(id ID, s *side) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sides[id] = s
}

// Check reads every channel that is at rest in full. One that cannot be read is left out, and the error says so.
func (k *Keeper) Check() error {
	var errs []error
	for _, id := range k.IDs() {
		if _, err := k.State(id); err != nil {
			errs = append(errs, fmt.Errorf("saved %s: %w", id.Key(), err))
			k.Remove(id)
		}
	}
	return errors.Join(errs...)
}

// AddPayer takes in a channel that was just made; what NewPayer wants to be done is the caller's.
func (k *Keeper) AddPayer(p channel.Payer) { k.added(&side{id: ID{Buyer, p.Address()}, payer: &p}) }

// AddPayee is AddPayer for the seller's side.
func (k *Keeper) AddPayee(p channel.Payee) { k.added(&side{id: ID{Seller, p.Address()}, payee: &p}) }

func (k *Keeper) added(s *side) {
	k.add(s.id, s)
	k.awake.enter(s)
}

// Remove forgets a channel; its row stays with the caller.
func (k *Keeper) Remove(id ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sides, id)
}

// IDs returns all channels, in order.
func (k *Keeper) IDs() []ID {
	k.mu.RLock()
	defer k.mu.RUnlock()
	list := make([]ID, 0, len(k.sides))
	for id := range k.sides {
		list = append(list, id)
	}
	slices.SortFunc(list, func(a, b ID) int {
		return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Address, b.Address))
	})
	return list
}

func (k *Keeper) find(id ID) (*side, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if s, ok := k.sides[id]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("keeper: no channel %s: %w", id, byteball.NotFound)
}

// State returns what one side knows of a channel. Errors: NotFound; Invalid if what was loaded is no such channel.
func (k *Keeper) State(id ID) (channel.State, error) {
	s, err := k.find(id)
	if err != nil {
		return channel.State{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := k.wake(s); err != nil {
		return channel.State{}, err
	}
	return s.state(), nil
}

// view is what can be told of a channel without waking it.
type view struct {
	phase          channel.Phase
	known, promise bool // a deposit was seen, there is a voucher
	resting        bool
}

// view returns the zero value for a channel that is not there.
func (k *Keeper) view(id ID) (v view, ok bool) {
	s, err := k.find(id)
	if err != nil {
		return v, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resting {
		return view{s.rest.Phase, s.rest.Known, s.rest.Promise, true}, true
	}
	st := s.state()
	return view{st.Phase, st.Funding.Out.Unit != "", st.Newest != nil, false}, true
}

// sleeps tells a channel at rest how long the chain is. It is false if that means something to it, or it is awake.
func (k *Keeper) sleeps(id ID, ev channel.Tip) bool {
	s, err := k.find(id)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resting && s.rest.Sleeps(ev)
}

// Apply gives a channel an event, saves what comes of it and returns what is left to do: all effects but Save, which is
// durable by then. On an error the channel is as it was. Errors: those of channel.Payer and Payee; NotFound; Invalid if what
// was loaded is no such channel; that of Put, after which the channel takes no more events, since nobody knows what the
// disk holds.
func (k *Keeper) Apply(id ID, ev channel.Event, now time.Time) ([]channel.Effect, error) {
	s, err := k.find(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch tip, ok := ev.(channel.Tip); {
	case !ok:
		s.used.Store(true)
	case s.resting && s.rest.Sleeps(tip):
		return nil, nil
	}
	if err := k.wake(s); err != nil {
		return nil, err
	}
	if s.failed != nil {
		return nil, s.failed
	}
	payer, payee, effects, err := s.apply(ev, now)
	if err != nil {
		return nil, err
	}
	rest := effects[:0:0]
	for _, e := range effects {
		save, ok := e.(channel.Save)
		if !ok {
			rest = append(rest, e)
			continue
		}
		if err := k.put(id, save.Value); err != nil {
			s.failed = fmt.Errorf("%w: channel %s: %w", errDisk, id, err)
			return nil, s.failed
		}
	}
	s.payer, s.payee = payer, payee
	return rest, nil
}
