package wallet_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// chain is a ledger reduced to what a wallet sees of it, with the faults of real ones on demand.
type chain struct {
	mu     sync.Mutex
	units  []*entry
	stable uint64 // last stable main chain index
	fee    byteball.Bytes
	posts  int

	away   bool           // nothing gets through
	mute   bool           // posts are taken, but the answer is lost
	refuse []error        // of the next posts
	lies   int            // so many posts are refused as wrong and kept all the same, to be shown much later
	secret []*unit.Unit   // those
	least  byteball.Bytes // tps fee below which a post is refused for the moment
}

type entry struct {
	u      *unit.Unit
	mci    uint64 // 0 while unstable
	serial bool
}

// refusal is a hub's definite no.
type refusal struct {
	text string
	kind error
}

func (r refusal) Error() string   { return "hub refused: " + r.text }
func (r refusal) Refused() string { return r.text }
func (r refusal) Unwrap() error   { return r.kind }

var errAway = fmt.Errorf("hub is not reachable: %w", byteball.Transient)

func newChain() *chain { return &chain{stable: 5, fee: 10} }

func (c *chain) Anchor(_ context.Context, _, _ []byteball.Address) (unit.Anchor, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return unit.Anchor{}, errAway
	}
	a := anchor
	a.LastBallMCI, a.TPSFee, a.Timestamp = c.stable, c.fee, anchor.Timestamp+int64(c.posts)
	if n := len(c.units); n > 0 {
		a.Parents = []byteball.Hash{c.units[n-1].u.Unit}
	}
	return a, nil
}

func (c *chain) Post(_ context.Context, u *unit.Unit) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return errAway
	}
	c.posts++
	if slices.ContainsFunc(c.units, func(e *entry) bool { return e.u.Unit == u.Unit }) {
		return nil
	}
	if len(c.refuse) > 0 {
		err := c.refuse[0]
		c.refuse = c.refuse[1:]
		if err != nil {
			return err
		}
	}
	if *u.TPSFee < c.least {
		return refusal{"tps fee on address must be higher", byteball.Transient}
	}
	if err := unit.CheckForm(u); err != nil {
		return refusal{err.Error(), byteball.Invalid}
	}
	if err := c.check(u); err != nil {
		return err
	}
	if c.lies > 0 {
		c.lies--
		c.secret = append(c.secret, u)
		return refusal{"this is wrong", byteball.Invalid}
	}
	c.units = append(c.units, &entry{u, 0, true})
	if c.mute {
		return errAway
	}
	return nil
}

// check looks at money and definitions.
func (c *chain) check(u *unit.Unit) error {
	for _, a := range u.Authors {
		known := slices.ContainsFunc(c.units, func(e *entry) bool { return e.mci > 0 && e.serial && wrote(e.u, a.Address) })
		if known == (a.Definition != nil) {
			return refusal{"definition missing or given twice", byteball.Invalid}
		}
	}
	fees, err := unit.Fees(u)
	if err != nil {
		return err
	}
	p := u.Messages[0].Payload.(*unit.Payment)
	for _, o := range p.Outputs {
		fees += o.Amount
	}
	for _, in := range p.Inputs {
		o := c.output(in)
		if o == nil || !wrote(u, o.Address) {
			return refusal{"input not found", byteball.Invalid}
		}
		if c.isSpent(in) {
			return refusal{"The transaction would be non-serial (a double spend)", byteball.Stale}
		}
		fees -= o.Amount
	}
	if fees != 0 {
		return refusal{"inputs and outputs do not balance", byteball.Invalid}
	}
	return nil
}

func wrote(u *unit.Unit, by byteball.Address) bool {
	return slices.ContainsFunc(u.Authors, func(a unit.Author) bool { return a.Address == by })
}

func (c *chain) output(in unit.Input) *unit.Output {
	for _, e := range c.units {
		if e.u.Unit == in.Unit {
			return &e.u.Messages[in.MessageIndex].Payload.(*unit.Payment).Outputs[in.OutputIndex]
		}
	}
	return nil
}

func (c *chain) isSpent(in unit.Input) bool {
	return slices.ContainsFunc(c.units, func(e *entry) bool {
		return e.serial && slices.Contains(e.u.Messages[0].Payload.(*unit.Payment).Inputs, in)
	})
}

func (c *chain) History(_ context.Context, addresses []byteball.Address, _ []byteball.Hash, minMCI uint64) ([]unit.Proven, []*unit.Unit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return nil, nil, errAway
	}
	var proven []unit.Proven
	var unstable []*unit.Unit
	for _, e := range c.units {
		mine := slices.ContainsFunc(addresses, func(a byteball.Address) bool { return wrote(e.u, a) }) ||
			slices.ContainsFunc(e.u.Messages[0].Payload.(*unit.Payment).Outputs, func(o unit.Output) bool { return slices.Contains(addresses, o.Address) })
		switch {
		case !mine:
		case e.mci == 0:
			unstable = append(unstable, e.u)
		case e.mci >= minMCI:
			proven = append(proven, unit.Proven{Unit: e.u, Ball: hash(int(e.mci)), MCI: e.mci, Serial: e.serial})
		}
	}
	return proven, unstable, nil
}

// settle makes all units stable.
func (c *chain) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.units {
		if e.mci == 0 {
			c.stable++
			e.mci = c.stable
		}
	}
}

// fund pays to an address out of nowhere.
func (c *chain) fund(to byteball.Address, amounts ...byteball.Bytes) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &unit.Payment{}
	for _, a := range amounts {
		p.Outputs = append(p.Outputs, unit.Output{Address: to, Amount: a})
	}
	u := &unit.Unit{Unit: hash(1000 + len(c.units)), Authors: []unit.Author{{Address: "SOMEBODY ELSE"}},
		Messages: []unit.Message{{App: "payment", Payload: p}}}
	c.units = append(c.units, &entry{u, 0, true})
}

// void makes an accepted unit, and what spends of it, lose a double spend against another.
func (c *chain) void(loser byteball.Hash, winner *unit.Unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost := map[byteball.Hash]bool{loser: true}
	for _, e := range c.units {
		p := e.u.Messages[0].Payload.(*unit.Payment)
		if lost[e.u.Unit] || slices.ContainsFunc(p.Inputs, func(in unit.Input) bool { return lost[in.Unit] }) {
			lost[e.u.Unit] = true
			e.serial = false
		}
	}
	c.units = append(c.units, &entry{winner, 0, true})
}

// store is a map that can fail like a disk.
type store struct {
	values map[string][]byte
	fail   int          // the fail-th Put from now breaks; 0: none
	step   func() error // asked before and after each Put, if there is one
}

func newStore() *store { return &store{values: map[string][]byte{}} }

func (s *store) Get(key string) ([]byte, error) {
	if v, ok := s.values[key]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("no %s: %w", key, byteball.NotFound)
}

func (s *store) Put(key string, value []byte) error {
	if s.fail > 0 {
		if s.fail--; s.fail == 0 {
			return fmt.Errorf("disk is full")
		}
	}
	if s.step == nil {
		s.values[key] = slices.Clone(value)
		return nil
	}
	if err := s.step(); err != nil {
		return err
	}
	s.values[key] = slices.Clone(value)
	return s.step()
}

func (s *store) Delete(key string) error {
	delete(s.values, key)
	return nil
}
