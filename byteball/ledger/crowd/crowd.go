// Package crowd is many people who pay at the same time: what an embedded ledger is measured with. Each has an address of
// one key; they share some websockets, sign a batch of payments beforehand and then post all of it without waiting for
// answers in between. Called by the benchmarks of the ledger and of the program; it leaves out whatever a wallet needs to
// survive refusals: the first one ends the measurement.
package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	wealth byteball.Bytes = 1e11  // of each at the beginning
	gift   byteball.Bytes = 1000  // in each payment
	fee    byteball.Bytes = 50000 // offered for each payment's share of the load; what is too much comes back
)

// MostPeople is how many a crowd can have.
const MostPeople = 4000

type person struct {
	*unit.Key
	definition any
	address    byteball.Address
	coin       unit.OutPoint
	amount     byteball.Bytes
	last       *unit.Unit
}

// Crowd is a number of people with money. It is not safe for concurrent use.
type Crowd struct {
	Acknowledged func(byteball.Hash) // hears of each unit that was accepted, from several goroutines; may be nil

	net    byteball.Network
	people []*person
	lines  []*line
	client *hub.Client
	nonce  uint64 // makes each payee another
	shown  bool   // the definitions are on the chain
}

// New makes n people, 1 to MostPeople, the same ones each time. Error: Invalid for another n.
func New(net byteball.Network, n int) (*Crowd, error) {
	if n < 1 || n > MostPeople {
		return nil, byteball.Errorf(byteball.Invalid, "a crowd of %d, want 1 to %d", n, MostPeople)
	}
	c := &Crowd{net: net}
	for i := range n {
		key, err := unit.NewKey([32]byte{0: 3, 30: byte(i >> 8), 31: byte(i)})
		if err != nil {
			return nil, err
		}
		p := &person{Key: key, definition: []any{"sig", map[string]any{"pubkey": key.PublicKey()}}}
		if p.address, err = chash.Of(p.definition); err != nil {
			return nil, err
		}
		c.people = append(c.people, p)
	}
	return c, nil
}

// Outputs is what the genesis unit pays to the crowd.
func (c *Crowd) Outputs() []unit.Output {
	var list []unit.Output
	for _, p := range c.people {
		list = append(list, unit.Output{Address: p.address, Amount: wealth})
	}
	return list
}

// Connect lets the crowd find its coins in the genesis unit and opens so many websockets to a hub. Close ends them.
// Errors: Invalid for another genesis; those of hub.Dial.
func (c *Crowd) Connect(ctx context.Context, url string, genesis *unit.Unit, lines int) (err error) {
	if err := c.find(genesis); err != nil {
		return err
	}
	if c.client, err = hub.Dial(ctx, hub.Config{Network: c.net, URLs: []string{url}}); err != nil {
		return err
	}
	for range lines {
		l, err := dial(ctx, url)
		if err != nil {
			return err
		}
		c.lines = append(c.lines, l)
	}
	return nil
}

func (c *Crowd) find(genesis *unit.Unit) error {
	owner := map[byteball.Address]*person{}
	for _, p := range c.people {
		owner[p.address] = p
	}
	var p *unit.Payment
	if genesis != nil && len(genesis.Messages) > 0 {
		p, _ = genesis.Messages[0].Payload.(*unit.Payment)
	}
	if p == nil {
		return byteball.Errorf(byteball.Invalid, "the genesis unit pays nobody")
	}
	for k, o := range p.Outputs {
		if q := owner[o.Address]; q != nil {
			q.coin, q.amount = unit.OutPoint{Unit: genesis.Unit, OutputIndex: k}, o.Amount
			delete(owner, o.Address)
		}
	}
	if len(owner) > 0 {
		return byteball.Errorf(byteball.Invalid, "the genesis unit pays nothing to %d people of the crowd", len(owner))
	}
	return nil
}

// Close ends all connections.
func (c *Crowd) Close() {
	for _, l := range c.lines {
		l.ws.Close()
	}
	if c.client != nil {
		c.client.Close()
	}
}

// Prepare waits until the order provider has covered all units, and lets each of the crowd sign a chain of so many
// payments on top of that, each to a new address. Errors: those of hub.Client.Anchor; ctx's.
func (c *Crowd) Prepare(ctx context.Context, each int) error {
	a, err := c.calm(ctx)
	if err != nil {
		return err
	}
	var g errgroup.Group
	payees := c.nonce
	c.nonce += uint64(each * len(c.people))
	for i, p := range c.people {
		l := c.lines[i%len(c.lines)]
		g.Go(func() error {
			for k := range each {
				data, err := p.pay(c.net, a, k == 0, c.shown, payees+uint64(i*each+k))
				if err != nil {
					return err
				}
				l.add(k, data)
			}
			return nil
		})
	}
	return g.Wait()
}

// calm returns an anchor whose only parent includes whatever the crowd has posted; its last ball includes the first batch,
// which shows all definitions.
func (c *Crowd) calm(ctx context.Context) (unit.Anchor, error) {
	from := []byteball.Address{c.people[0].address}
	posted := c.people[0].last
	least := uint64(1)
	for {
		a, err := c.client.Anchor(ctx, from, from)
		if err == nil && len(a.Parents) == 1 && (posted == nil || a.Parents[0] != posted.Unit) {
			if posted == nil || c.shown {
				return a, nil
			}
			if least == 1 {
				least, err = c.client.LastMCI(ctx)
			}
			if c.shown = a.LastBallMCI >= least && least > 1; c.shown {
				return a, nil
			}
		}
		if err != nil && ctx.Err() != nil {
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// pay makes the frame of one payment; all but the first of a batch stand on the one before.
func (p *person) pay(net byteball.Network, a unit.Anchor, first, shown bool, payee uint64) ([]byte, error) {
	if !first {
		a.Parents = []byteball.Hash{p.last.Unit}
	}
	a.TPSFee = fee
	to, err := chash.Of([]any{"sig", map[string]any{"pubkey": fmt.Sprint(payee)}})
	if err != nil {
		return nil, err
	}
	author := unit.Author{Address: p.address, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if !shown {
		author.Definition = p.definition
	}
	u, err := unit.Compose(net, a, []unit.Author{author}, []unit.Message{{App: "payment", Payload: &unit.Payment{
		Inputs:  []unit.Input{{Unit: p.coin.Unit, MessageIndex: p.coin.MessageIndex, OutputIndex: p.coin.OutputIndex}},
		Outputs: []unit.Output{{Address: to, Amount: gift}, {Address: p.address}},
	}}})
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return u.Balance(p.amount, p.address) },
		func() error { return u.SignWith(p.address, "r", p) },
		u.Seal,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.keep(u)
	return json.Marshal([]any{"request", map[string]any{"command": "post_joint", "tag": string(u.Unit), "params": map[string]any{"unit": u}}})
}

// keep notes the change of a payment as the next coin.
func (p *person) keep(u *unit.Unit) {
	p.last = u
	for i := range u.Messages {
		pay, ok := u.Messages[i].Payload.(*unit.Payment)
		if !ok {
			continue
		}
		for k, o := range pay.Outputs {
			if o.Address == p.address {
				p.coin, p.amount = unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, o.Amount
			}
		}
	}
}

// Post posts all that was prepared and returns when each unit is acknowledged. Errors: the first refusal; a connection that
// broke.
func (c *Crowd) Post(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range c.lines {
		g.Go(func() error { return l.send(ctx) })
		g.Go(func() error { return l.hear(ctx, c.Acknowledged) })
	}
	return g.Wait()
}
