package engine

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
	ledgerwallet "github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol/role"
)

// wallet is a node's money. Its units are composed by byteball/wallet; only waiting and retrying are not played, since
// this ledger answers at once. It survives a restart of the node.
type wallet struct {
	key        unit.Signer
	address    byteball.Address
	definition any
	coins      []ledgerwallet.Coin
	shown      *uint64               // main chain index of the first unit by the address
	paid       map[string]*unit.Unit // by reference
}

func newWallet(key unit.Signer) (*wallet, error) {
	definition := ledgerwallet.Definition(key)
	address, err := chash.Of(definition)
	return &wallet{key: key, address: address, definition: definition, paid: make(map[string]*unit.Unit)}, err
}

// apply takes in a stable unit: coins that came, or whose unit was on its way until now.
func (w *wallet) apply(p unit.Proven) {
	if !p.Serial {
		return
	}
	if w.shown == nil && slices.ContainsFunc(p.Unit.Authors, func(a unit.Author) bool { return a.Address == w.address }) {
		mci := p.MCI
		w.shown = &mci
	}
	own := slices.ContainsFunc(p.Unit.Authors, func(a unit.Author) bool { return a.Address == w.address })
	for _, c := range w.received(p.Unit, true) {
		i := slices.IndexFunc(w.coins, func(k ledgerwallet.Coin) bool { return k.OutPoint == c.OutPoint })
		switch {
		case i >= 0:
			w.coins[i].Stable = true
		case !own: // own change is known since it was posted; it may be spent by now
			w.coins = append(w.coins, c)
		}
	}
}

// received are the outputs of u to the wallet.
func (w *wallet) received(u *unit.Unit, stable bool) []ledgerwallet.Coin {
	var coins []ledgerwallet.Coin
	for i, m := range u.Messages {
		pay, ok := m.Payload.(*unit.Payment)
		if !ok || pay.Asset != "" {
			continue
		}
		for k, o := range pay.Outputs {
			if o.Address == w.address {
				coins = append(coins, ledgerwallet.Coin{OutPoint: unit.OutPoint{Unit: u.Unit, MessageIndex: i, OutputIndex: k}, Amount: o.Amount, Stable: stable})
			}
		}
	}
	return coins
}

// spent takes the coins of a posted unit out and its change in.
func (w *wallet) spent(u *unit.Unit) {
	for _, m := range u.Messages {
		if pay, ok := m.Payload.(*unit.Payment); ok && pay.Asset == "" {
			for _, in := range pay.Inputs {
				point := unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}
				w.coins = slices.DeleteFunc(w.coins, func(c ledgerwallet.Coin) bool { return c.OutPoint == point })
			}
		}
	}
	w.coins = append(w.coins, w.received(u, false)...)
}

// compose makes and signs a payment.
func (c *chain) compose(w *wallet, p role.Pay) (*unit.Unit, error) {
	to := []byteball.Address{w.address}
	for _, o := range p.Outputs {
		to = append(to, o.Address)
	}
	slices.Sort(to)
	anchor, err := c.e.cfg.Ledger.Anchor([]byteball.Address{w.address}, slices.Compact(to), c.e.now)
	if err != nil {
		return nil, err
	}
	definition := w.definition
	if w.shown != nil && *w.shown <= anchor.LastBallMCI {
		definition = nil
	}
	u, err := ledgerwallet.Compose(c.e.cfg.Network, anchor, w.coins, p.Outputs, p.Messages, w.address, definition, w.address)
	if err != nil {
		return nil, err
	}
	if err := u.SignWith(w.address, "r", w.key); err != nil {
		return nil, err
	}
	return u, u.Seal()
}

// pay carries out a payment and answers after a delay. The same reference never pays twice.
func (c *chain) pay(n *Node, p role.Pay) {
	w := n.wallet
	u, err := w.paid[p.Ref], error(nil)
	if u == nil {
		if u, err = c.compose(w, p); err == nil {
			err = c.e.cfg.Ledger.Post(u, c.e.now)
		}
		if err == nil {
			w.paid[p.Ref] = u
			w.spent(u)
			c.hurry()
		} else {
			u, err = nil, fmt.Errorf("pay %s: %w", p.Ref, err)
		}
	}
	c.answer(n, role.Paid{Ref: p.Ref, Unit: u, Err: err})
}

// post hands a unit of a core to the ledger and answers after a delay.
func (c *chain) post(n *Node, u *unit.Unit) {
	err := c.e.cfg.Ledger.Post(u, c.e.now)
	if err == nil {
		c.hurry()
	}
	c.answer(n, role.Posted{Unit: u.Unit, Err: err})
}

func (c *chain) answer(n *Node, ev role.Event) {
	core := n.core
	c.e.tell(n, c.e.now.Add(c.e.delay()), func() role.Event {
		if n.core != core {
			return nil
		}
		return ev
	})
}
