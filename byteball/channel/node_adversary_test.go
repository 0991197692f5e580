package channel_test

import (
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// quickKey is a key that signs in a microsecond: real signatures, but with nonces 1, 2, … whose points are known. They
// verify as any others, and they would give the key away; so it is for tests alone.
type quickKey struct {
	*unit.Key
	private btcec.ModNScalar
}

func newQuickKey(n byte) quickKey {
	k := quickKey{Key: key(n)}
	raw := [32]byte{0: 1, 31: n}
	k.private.SetBytes(&raw)
	return k
}

// nonce is a number below the group's order: its inverse and the x coordinate of its point.
type nonce struct{ inverse, r btcec.ModNScalar }

var nonces = func() (list [8]nonce) {
	for i := range list {
		var k btcec.ModNScalar
		var p btcec.JacobianPoint
		k.SetInt(uint32(i + 1))
		btcec.ScalarBaseMultNonConst(&k, &p)
		p.ToAffine()
		list[i].r.SetBytes(p.X.Bytes())
		list[i].inverse.InverseValNonConst(&k)
	}
	return list
}()

func (k quickKey) Sign(hash [32]byte) ([64]byte, error) { return k.SignAgain(hash, 0) }

// SignAgain signs with the nth nonce, or as others do if there are not so many.
func (k quickKey) SignAgain(hash [32]byte, n uint32) (out [64]byte, err error) {
	if n >= uint32(len(nonces)) {
		return k.Key.SignAgain(hash, n)
	}
	use := &nonces[n]
	var z, s btcec.ModNScalar
	z.SetBytes(&hash)
	s.Mul2(&k.private, &use.r).Add(&z).Mul(&use.inverse)
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	use.r.PutBytesUnchecked(out[:32])
	s.PutBytesUnchecked(out[32:])
	return out, nil
}

// another is a key that signs with another nonce.
type another struct {
	unit.Signer
	nonce uint32
}

func (a another) Sign(hash [32]byte) ([64]byte, error) {
	return a.Signer.(interface {
		SignAgain([32]byte, uint32) ([64]byte, error)
	}).SignAgain(hash, a.nonce)
}

// applier is what Payer and Payee have in common.
type applier interface {
	view() *channel.State
	apply(channel.Event, uint64) (applier, []channel.Effect, error)
	restore([]byte) (applier, error)
	nap(channel.Tip) (woken applier, slept bool, err error) // nil while it may not rest
}

type payer struct {
	channel.Payer
	key unit.Signer
}

func (p payer) view() *channel.State { return &p.State }
func (p payer) apply(ev channel.Event, mci uint64) (applier, []channel.Effect, error) {
	next, effects, err := p.Apply(ev, at(mci))
	return payer{next, p.key}, effects, err
}
func (p payer) restore(data []byte) (applier, error) {
	r, err := channel.RestorePayer(data, p.key)
	return payer{r, p.key}, err
}
func (p payer) nap(ev channel.Tip) (applier, bool, error) {
	r, ok := p.Rest()
	if !ok {
		return nil, false, nil
	}
	slept := r.Sleeps(ev)
	woken, err := r.Payer()
	return payer{woken, p.key}, slept, err
}

type payee struct {
	channel.Payee
	key unit.Signer
}

func (p payee) view() *channel.State { return &p.State }
func (p payee) apply(ev channel.Event, mci uint64) (applier, []channel.Effect, error) {
	next, effects, err := p.Apply(ev, at(mci))
	return payee{next, p.key}, effects, err
}
func (p payee) restore(data []byte) (applier, error) {
	r, err := channel.RestorePayee(data, p.key)
	return payee{r, p.key}, err
}
func (p payee) nap(ev channel.Tip) (applier, bool, error) {
	r, ok := p.Rest()
	if !ok {
		return nil, false, nil
	}
	slept := r.Sleeps(ev)
	woken, err := r.Payee()
	return payee{woken, p.key}, slept, err
}

// node runs the effects of one side. It can be killed before any of them, and then has only its disk.
type node struct {
	side    applier
	disk    []byte
	old     [][]byte             // all that disk ever held
	dead    bool                 // switched off for good
	evil    bool                 // the adversary has its keys: it does all that its side does, and more
	revived bool                 // its disk was set back
	tip     uint64               // how far it has heard of the chain
	fuse    int                  // how many more effects it runs before it is killed; negative: for ever
	seen    []byteball.Hash      // units that it saw on the ledger, since it started
	out     func(channel.Effect) // takes what leaves for other people
	watch   func(*unit.Unit)     // sees what is posted, before the ledger does
}

// run applies ev and runs the effects. It reports whether all of them were run.
func (n *node) run(d *dag, ev channel.Event) (bool, error) {
	if n.dead {
		return false, nil
	}
	next, effects, err := n.side.apply(ev, d.mci)
	if err != nil {
		return false, err
	}
	n.side = next
	for _, e := range effects {
		if n.fuse == 0 {
			n.fuse = -1
			return false, n.reboot(d, channel.Restarted{})
		}
		if n.fuse > 0 {
			n.fuse--
		}
		if err := n.do(d, e); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (n *node) do(d *dag, e channel.Effect) error {
	switch e := e.(type) {
	case channel.Save:
		n.disk, n.old = e.Value, append(n.old, e.Value)
	case channel.Post:
		n.watch(e.Unit)
		d.wrong = nil
		err := error(byteball.Invalid) // for who is evil and brings what was archived: see oldState
		if !n.evil || !d.gone[e.Unit.Unit] {
			err = d.post(e.Unit)
		}
		if d.wrong != nil && !n.evil {
			panic(broken(fmt.Sprintf("an honest side posts what the ledger can never take: %v", d.wrong)))
		}
		if err != nil {
			_, err = n.run(d, channel.PostRefused{Err: err})
			return err
		}
	case channel.Watch:
		return n.look(d)
	default:
		n.out(e)
	}
	return nil
}

// reboot loses all but the disk.
func (n *node) reboot(d *dag, how channel.Event) error {
	side, err := n.side.restore(n.disk)
	if err != nil {
		return err
	}
	n.side, n.tip, n.seen = side, 0, nil
	_, err = n.run(d, how)
	return err
}

// look tells the node what its address has on the ledger.
func (n *node) look(d *dag) error {
	for _, ev := range n.news(d) {
		if _, err := n.run(d, ev); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) news(d *dag) (events []channel.Event) {
	if n.dead {
		return nil
	}
	n.seen = slices.DeleteFunc(n.seen, func(h byteball.Hash) bool {
		if !d.known(h) {
			events = append(events, channel.Vanished{Unit: h})
		}
		return !d.known(h)
	})
	if d.deposit != nil {
		n.first(d.deposit)
		if d.mci < d.paidAt+stableAfter {
			return append(events, channel.UnitSeen{Unit: d.deposit})
		}
		if n.side.view().Phase == channel.Opening {
			events = append(events, channel.UnitStable{Unit: d.deposit, MCI: d.paidAt, Serial: !d.twice})
		}
	}
	for _, e := range d.pool {
		if n.first(e.u) {
			events = append(events, channel.UnitSeen{Unit: e.u})
		}
		if own := n.side.view().Own; e.bad && own != nil && own.Unit == e.u.Unit {
			events = append(events, channel.SerialConflict{})
		}
	}
	for _, u := range d.lost {
		if n.first(u) {
			events = append(events, channel.UnitStable{Unit: u, MCI: d.mci})
		}
	}
	if d.stable != nil {
		events = append(events, channel.UnitStable{Unit: d.stable, MCI: d.mci, Serial: true})
	}
	return events
}

// first reports whether the node sees u for the first time.
func (n *node) first(u *unit.Unit) bool {
	if slices.Contains(n.seen, u.Unit) {
		return false
	}
	n.seen = append(n.seen, u.Unit)
	return true
}

// hear tells the node how long the chain is, and the fee. It may rest before that.
func (n *node) hear(d *dag, rests bool) error {
	if n.dead {
		return nil
	}
	n.tip = d.mci
	ev := channel.Tip{MCI: d.mci, Base: base(d.mci - stableAfter), Fee: d.fee}
	if rests {
		switch woken, slept, err := n.side.nap(ev); {
		case err != nil:
			return err
		case slept:
			if next, effects, err := n.side.apply(ev, d.mci); err != nil || len(effects) > 0 || next.view().Phase != n.side.view().Phase {
				panic(broken(fmt.Sprintf("a channel at rest sleeps through %v, %v at %d", effects, err, d.mci)))
			}
			n.side = woken
			return nil
		case woken != nil:
			n.side = woken
		}
	}
	_, err := n.run(d, ev)
	return err
}
