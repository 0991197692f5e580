package seller

import (
	"encoding/binary"
	"fmt"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// A disk cannot know that it is an older copy of itself. So a seller tells its buyers after every start what it holds
// (Accepted, the number of the newest voucher), and whoever has the seller's signature under a higher number sends that back:
// proof that the disk was restored. Then all deals end: their channels close with what the buyers hold (byteball/channel,
// Recovered), nothing is given for vouchers any more, and for the rest of this epoch and two more the seller offers, agrees
// and commits to nothing. After it the chain of batches goes on beyond all numbers that the lost disk can have used, after a
// predecessor that nobody knows, so that no two commitments of it contradict each other (MECHANISM 5 and 6).

// quietEpochs is for how long a restored seller signs nothing.
const quietEpochs = 2

// tell says to the buyer what this side holds; a voucher that supersedes n goes with it.
func (d *sale) tell(n uint64) {
	v := d.payee.Newest
	if v == nil {
		d.c.send(d.Buyer, &protocol.Accepted{Deal: d.ID})
		return
	}
	if n >= v.N {
		d.c.send(d.Buyer, &protocol.Accepted{Deal: d.ID, N: v.N})
		return
	}
	data, err := v.Encode()
	if err != nil {
		d.c.emit(role.Refused{Err: err})
		return
	}
	d.c.send(d.Buyer, &protocol.Voucher{Deal: d.ID, Window: d.progress.Window, Index: protocol.Prepaid, Data: data})
}

// reminded takes the seller's own word, brought back by the buyer.
func (c *Core) reminded(m *protocol.Accepted) {
	d, ok := c.deals[m.Deal]
	if !ok || d.over() || d.payee.Restored || m.N <= d.number() {
		return
	}
	c.recover()
}

// number is that of the newest voucher on this disk, 0 if there is none.
func (d *sale) number() uint64 {
	if d.payee.Newest == nil {
		return 0
	}
	return d.payee.Newest.N
}

// recover ends what may contradict the lost disk.
func (c *Core) recover() {
	c.quiet = c.cal.EpochAt(c.now) + quietEpochs + 1
	c.emit(role.Save{Key: []byte("quiet"), Value: binary.BigEndian.AppendUint64(nil, c.quiet)})
	c.note("restored from a backup: all deals end, nothing is offered for a while", "until_epoch", c.quiet)
	for _, s := range c.products() {
		s.withdraw()
		s.fork()
	}
	for _, d := range c.sales() {
		if d.over() {
			continue
		}
		if err := d.move(channel.Recovered{}); err != nil {
			c.emit(role.Refused{Err: err})
		}
		c.send(d.Buyer, &protocol.Refuse{Deal: d.ID, Reason: "restored from a backup"})
	}
}

// fork lets the chain of batches go on where the lost disk cannot have been, and forgets what it was about to judge.
func (s *stream) fork() {
	c := s.c
	apart := protocol.H("iv1/restored", c.now.UnixMilli())
	for _, seq := range s.box.Fork(c.now, apart) {
		c.emit(role.Delete{Key: s.key("batch", seq)})
	}
	s.last = apart
	s.savePosition()
	for _, r := range s.rounds {
		r.failed = r.failed || r.stamp == nil
	}
}

// silent returns an error while a restored seller signs nothing.
func (c *Core) silent() error {
	if c.cal.EpochAt(c.now) >= c.quiet {
		return nil
	}
	return fmt.Errorf("the seller was restored from a backup and agrees to nothing before epoch %d: %w", c.quiet, protocol.Stale)
}
