package seller

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller/outbox"
)

// restore takes back what was saved: batches, the newest windows, deals with their channels.
func (c *Core) restore(saved map[string][]byte) error {
	batches := make(map[string][]outbox.Batch)
	for key, value := range saved {
		kind, rest, _ := strings.Cut(key, "/")
		var err error
		switch kind {
		case "batch":
			var b outbox.Batch
			err = protocol.Decode(value, &b)
			prop := rest[:max(0, len(rest)-9)]
			batches[prop] = append(batches[prop], b)
		case "position":
			err = c.restorePosition(rest, value)
		case "wc":
			err = c.restoreWindow(value)
		case "deal":
			err = c.restoreDeal(value, saved)
		case "used":
			c.used[byteball.Address(rest)] = true
		case "quiet":
			if len(value) != 8 {
				err = fmt.Errorf("epoch of %d bytes: %w", len(value), protocol.Invalid)
				break
			}
			c.quiet = binary.BigEndian.Uint64(value)
		}
		if err != nil {
			return fmt.Errorf("seller: saved %s: %w", kind, err)
		}
	}
	for prop, list := range batches {
		if s, ok := c.streams[prop]; ok {
			if err := s.box.Restore(list); err != nil {
				return err
			}
		}
	}
	return c.restoreStamps(saved)
}

func (c *Core) restorePosition(prop string, value []byte) error {
	var p position
	if err := protocol.Decode(value, &p); err != nil {
		return err
	}
	if s, ok := c.streams[prop]; ok {
		s.box.Resume(p.Next, p.Prev)
		s.last = p.Last
	}
	return nil
}

// restoreWindow takes back a window that was committed to. Its round is lost unless its stamp was saved too.
func (c *Core) restoreWindow(value []byte) error {
	env, err := envelope.Open(c.cfg.Rules.Verifier, c.cfg.Rules.Market, value)
	if err != nil {
		return err
	}
	wc, ok := env.Body.(*protocol.WindowCommit)
	if !ok {
		return fmt.Errorf("not a window: %w", protocol.Invalid)
	}
	if s, ok := c.streams[wc.Prop]; ok {
		s.expect(wc.Window, nil)
		r := s.rounds[wc.Window]
		s.started(r, wc, env)
		r.failed = true
	}
	return nil
}

func (c *Core) restoreStamps(saved map[string][]byte) error {
	for _, s := range c.streams {
		for w, r := range s.rounds {
			value, ok := saved[string(s.key("stamp", w))]
			if !ok {
				continue
			}
			var m protocol.Stamped
			var body protocol.Stamp
			if err := protocol.Decode(value, &m); err != nil {
				return err
			}
			if err := protocol.Decode(m.Body, &body); err != nil {
				return err
			}
			r.stamped, r.stamp, r.failed = &m, &body, false
		}
	}
	return nil
}

func (c *Core) restoreDeal(value []byte, saved map[string][]byte) error {
	var rec record
	if err := protocol.Decode(value, &rec); err != nil {
		return err
	}
	d, err := deal.OpenSigned(c.cfg.Rules, rec.ByBuyer, rec.BySeller)
	if err != nil {
		return err
	}
	s := &sale{Deal: d, c: c, byBuyer: rec.ByBuyer, bySeller: rec.BySeller, progress: rec.Progress}
	if s.payee, err = channel.RestorePayee(saved[channel.Key("seller", d.Address)], c.cfg.Wallet); err != nil {
		return err
	}
	c.add(s)
	return nil
}

// resume gives out again, at the first step, what deals left unfinished.
func (c *Core) resume() {
	for _, d := range c.sales() {
		if err := d.move(channel.Restarted{}); err != nil {
			c.emit(role.Refused{Err: err})
		}
		d.asking = d.asking || d.payee.Phase > channel.Open
		if d.payee.Settled != nil {
			d.enter(channel.Paid(d.payee.Settled)[d.PayTo]) // a watcher may have seen it while the seller was off
			d.unseal()
		}
		if d.payee.Phase <= channel.Open {
			d.tell(d.number())
		}
	}
}

// kept is how many windows a seller can still open and deliver: what its committees may ask for (MECHANISM 3.6).
const kept = 26

// forget drops windows, batches and deals that nothing hangs on any more.
func (c *Core) forget() {
	w, _ := c.cal.WindowAt(c.now)
	for _, d := range c.sales() {
		newest := d.Match.First
		if n := len(d.progress.Prepaid); n > 0 {
			newest = d.progress.Prepaid[n-1]
		}
		unfunded := d.payee.Phase == channel.Opening && c.now.UnixMilli() > d.Match.Expiry+c.par.OfferValid.Milliseconds()
		if unfunded || (d.over() && newest+kept < w && !d.awaited()) {
			d.forget()
		}
	}
	if w < kept {
		return
	}
	for _, s := range c.products() {
		for _, seq := range s.box.Forget(w - kept) {
			c.emit(role.Delete{Key: s.key("batch", seq)})
		}
		for _, old := range olderThan(s.rounds, w-kept) {
			delete(s.rounds, old)
			c.emit(role.Delete{Key: s.key("wc", old)}, role.Delete{Key: s.key("stamp", old)})
		}
	}
}

func olderThan(rounds map[uint64]*round, w uint64) []uint64 {
	var old []uint64
	for n := range rounds {
		if n < w {
			old = append(old, n)
		}
	}
	slices.Sort(old)
	return old
}
