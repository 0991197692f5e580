package faults_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// backup is a copy of a machine's disk, wallet included.
type backup struct {
	disk map[string][]byte
	paid map[string]*unit.Unit
}

func (n *node) backup() backup { return backup{maps.Clone(n.disk), maps.Clone(n.paid)} }

// replace puts an older copy into a machine and starts it.
func (n *node) replace(b backup) {
	n.core, n.life = nil, n.life+1
	n.disk, n.paid = maps.Clone(b.disk), maps.Clone(b.paid)
	n.note("restored from a backup")
	n.boot()
}

// TestARestoredBackupContradictsNothing: one side goes on from an older copy of its disk. The laws see to it that no voucher
// and no window is signed that contradicts what the lost disk signed; the channel closes with what the other side holds.
func TestARestoredBackupContradictsNothing(t *testing.T) {
	for side, name := range []string{"seller", "buyer"} {
		for _, copied := range []int{-1, 0, 1, 4, 7} {
			for _, lost := range []int{1, 3, 12} {
				t.Run(fmt.Sprintf("%s, copy after %d batches, %d more are lost", name, copied, lost), func(t *testing.T) {
					w := market(t)
					stage := "channel open"
					if copied < 0 {
						stage = "deal agreed" // the copy does not know that the deposit is paid
					}
					w.until(stage, time.Minute, func() bool { return w.buyer.heard(stage) && w.dealer.heard(stage) })
					if copied > 0 {
						w.bought(copied)
					}
					n := w.nodes[side]
					old := n.backup()
					w.bought(lost)
					a := w.only()
					n.replace(old)
					w.until("the channel is closed", 90*time.Second, func() bool { return a.closing != nil })
					w.want(n, "restored from a backup")
					if got := channel.Paid(a.closing)[a.deal.PayTo]; got != a.paid {
						w.explain()
						t.Errorf("the seller gets %d bytes, the newest voucher pays %d", got, a.paid)
					}
					w.bought(3) // life goes on
					w.settle()
				})
			}
		}
	}
}

// TestARestoredBuyerMeetsASellerThatIsAway: it signs nothing for its old deal, and takes the deposit back in the end.
func TestARestoredBuyerMeetsASellerThatIsAway(t *testing.T) {
	w := market(t)
	w.bought(3)
	old := w.buyer.backup()
	w.bought(4)
	a := w.only()
	w.dealer.down = 24 * time.Hour
	w.dealer.crash()
	before := a.n
	w.buyer.replace(old)
	w.until("the refund is stable", 20*time.Minute, func() bool { return a.closing != nil })
	if a.n != before {
		t.Errorf("voucher %d was signed, after %d by the lost disk", a.n, before)
	}
}

// TestALiarGainsNothingByHidingAVoucher: the seller denies the newest vouchers to a restored buyer. It gets what the best one
// pays, and has delivered for it.
func TestALiarGainsNothingByHidingAVoucher(t *testing.T) {
	w := market(t)
	w.bought(3)
	old, oldSeller := w.buyer.backup(), w.dealer.backup()
	w.bought(2)
	a := w.only()
	most := a.paid
	w.laws.lied = true
	w.buyer.replace(old)
	w.dealer.replace(oldSeller) // as good as a lie: it holds what the buyer has on disk
	w.until("trade goes on or ends", time.Minute, func() bool { return a.closing != nil || len(w.buyer.got) > 8 })
	w.settle()
	if got := channel.Paid(a.closing)[a.deal.PayTo]; got > max(most, a.paid) {
		t.Errorf("the seller gets %d bytes, the best voucher pays %d", got, most)
	}
}

// TestAChannelKeyIsNotUsedTwice: a buyer goes on from a copy of its disk, or from its words alone, when all deals since are
// over and forgotten. Its next channel key is one that the lost disk has used with this seller, and no ledger takes a second
// closing or refund of the same address. The seller remembers the address; if its disk is an older copy, too, the ledger tells.
func TestAChannelKeyIsNotUsedTwice(t *testing.T) {
	for _, who := range []string{"the seller remembers", "the ledger tells"} {
		t.Run(who, func(t *testing.T) {
			w := market(t)
			w.bought(5)
			first := w.only().deal.Address
			w.buyer.step(role.Stop{})
			w.until("the buyer is done", time.Minute, func() bool { return w.buyer.done })
			w.run(30 * w.par.Window())
			if who == "the ledger tells" {
				delete(w.dealer.disk, "used/"+string(first))
				w.dealer.replace(w.dealer.backup())
			}
			w.buyer.done = false
			w.buyer.replace(backup{map[string][]byte{}, map[string]*unit.Unit{}})
			w.bought(5)
			maps.DeleteFunc(w.laws.deals, func(_ protocol.Hash, a *account) bool { return a.deal.Address == first }) // its books are lost
			w.settle()
			for _, p := range w.ledger.history {
				for i, m := range p.Unit.Messages {
					pay, ok := m.Payload.(*unit.Payment)
					for k := 0; ok && k < len(pay.Outputs); k++ {
						at := unit.OutPoint{Unit: p.Unit.Unit, MessageIndex: i, OutputIndex: k}
						if _, spent := w.ledger.spent[at]; !spent && w.laws.dealers[pay.Outputs[k].Address] != nil {
							w.explain()
							t.Errorf("a deposit of %s is locked at %s for ever", pay.Outputs[k].Amount, pay.Outputs[k].Address)
						}
					}
				}
			}
		})
	}
}
