package faults_test

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// laws are what has to hold after every step, whatever the network and the machines do.
type laws struct {
	w       *world
	seen    int // of the ledger, by the world's own view
	deals   map[protocol.Hash]*account
	dealers map[byteball.Address]*account // by channel
	windows map[protocol.Hash]*protocol.WindowCommit
	prepaid map[booking]protocol.Hash // by which deal
	lied    bool                      // the seller hid vouchers from a restored buyer, who cannot know then what it signed
}

// account is what the test knows of one deal.
type account struct {
	deal    deal.Deal
	buyer   *node
	paid    byteball.Bytes           // to the seller, in the newest voucher that was sent
	n       uint64                   // of that voucher
	claimed byteball.Bytes           // of what the previous channel owes, in that voucher
	price   map[place]byteball.Bytes // of every batch that was paid for
	got     map[place]bool           // and of which the key came
	closing *unit.Unit               // stable
	said    map[uint64]byteball.Hash // by number of the voucher, the unit that was signed
}

// booking is a window that a buyer has prepaid.
type booking struct {
	by     *node
	window uint64
}

// place is one batch.
type place struct {
	window uint64
	index  int
}

func (l *laws) init(w *world) {
	l.w, l.deals, l.dealers = w, map[protocol.Hash]*account{}, map[byteball.Address]*account{}
	l.windows, l.prepaid = map[protocol.Hash]*protocol.WindowCommit{}, map[booking]protocol.Hash{}
}

// sent looks at what the cores say to each other.
func (l *laws) sent(n *node, e role.Send) {
	switch m := e.Env.Body.(type) {
	case *protocol.Match:
		if n != l.w.dealer && l.deals[m.ID()] == nil {
			d, err := deal.Open(l.w.rules, m)
			if err != nil {
				l.w.Errorf("%s proposes what is no deal: %v", n.name, err)
				return
			}
			a := &account{deal: d, buyer: n, price: map[place]byteball.Bytes{}, got: map[place]bool{}, said: map[uint64]byteball.Hash{}}
			l.deals[d.ID], l.dealers[d.Address] = a, a
		}
	case *protocol.WindowCommit:
		l.committed(m)
	case *protocol.Voucher:
		l.voucher(l.deals[m.Deal], place{m.Window, int(m.Index)}, m.Data)
	case *protocol.Close:
		l.voucher(l.deals[m.Deal], place{0, int(protocol.Prepaid)}, m.Data)
	case *protocol.Key:
		if a := l.deals[m.Deal]; a == nil || a.price[place{m.Window, int(m.Index)}] == 0 {
			l.w.Errorf("the seller gives away the key of batch %d of window %d", m.Index, m.Window)
		}
	}
}

// voucher: a batch is paid for after its stamp only, one at a time, and nothing is taken back.
func (l *laws) voucher(a *account, at place, data []byte) {
	v, err := channel.ParseVoucher(data)
	if err != nil || a == nil {
		l.w.Errorf("a voucher that is none, or of no deal: %v", err)
		return
	}
	pay, err := channel.Read(a.deal.Terms, l.w.fundingOf(a.deal), v)
	if err != nil {
		l.w.Errorf("%v", err)
		return
	}
	signed := signedPart(v.Unit)
	if old, known := a.said[v.N]; known {
		if old != signed && !l.lied {
			l.w.Errorf("two vouchers %d of deal %s were signed", v.N, a.deal.ID)
		}
		return // said again, or handed back
	}
	a.said[v.N] = signed
	claims, _ := v.Claims.Total()
	more := pay[a.deal.PayTo] - a.paid
	if v.N < a.n || pay[a.deal.PayTo] < a.paid || (v.N == a.n && more > 0) {
		l.w.Errorf("voucher %d pays %d bytes, after voucher %d with %d", v.N, pay[a.deal.PayTo], a.n, a.paid)
	}
	more += claims - a.claimed // paid out of what the seller gets
	a.n, a.paid, a.claimed = v.N, pay[a.deal.PayTo], claims
	if by, ok := l.prepaid[booking{a.buyer, at.window}]; ok && by != a.deal.ID && !v.Final {
		l.w.Errorf("window %d is paid for in the deals %s and %s", at.window, by, a.deal.ID)
	} else if !v.Final {
		l.prepaid[booking{a.buyer, at.window}] = a.deal.ID
	}
	if at.index == int(protocol.Prepaid) {
		if most := l.w.rules.Manifest.Params.Dust * channel.MaxOutputs; more > 0 && (!v.Final || more > most) {
			l.w.Errorf("a voucher that pays for no batch gives the seller %d bytes", more)
		}
		return
	}
	s := l.w.jury.stamped(at.window)
	if s == nil || s.I < 500 || len(s.Hard) > 0 {
		l.w.Errorf("batch %v was paid for with stamp %+v", at, s)
	}
	if (a.price[at] > 0) != (more == 0) {
		l.w.Errorf("batch %v is paid for with %d bytes after %d", at, more, a.price[at])
	}
	a.price[at] += more
}

// signedPart tells units apart by what the buyer signed.
func signedPart(u *unit.Unit) byteball.Hash { return hashOf(u.ParentUnits, u.Authors[0].Authentifiers) }

// committed: no two commitments of the seller contradict each other (hard code 2, and a slice of the bond).
func (l *laws) committed(m *protocol.WindowCommit) {
	for _, old := range l.windows {
		a, b := old, m
		if a.Window > b.Window {
			a, b = b, a
		}
		if a.ID() != b.ID() && (a.Window == b.Window || b.Seq0 <= a.Seq1 || a.Prev == b.Prev || (b.Seq0 == a.Seq1+1 && b.Prev != a.ID())) {
			l.w.Errorf("the commitments to windows %d and %d contradict each other", a.Window, b.Window)
		}
	}
	l.windows[m.ID()] = m
}

// risk: of all that a buyer paid for at most one batch is still closed, in each deal and in all that are not settled.
func (l *laws) risk(n *node) {
	locked := 0
	for _, a := range l.deals {
		if a.buyer != n {
			continue
		}
		if len(a.price) > len(a.got)+1 {
			l.w.Errorf("deal %s: %d batches are paid for and %d are open", a.deal.ID, len(a.price), len(a.got))
		}
		if a.closing == nil {
			locked += len(a.price) - len(a.got)
		}
	}
	if locked > 1 {
		l.w.Errorf("%d batches of the %s are paid for and not open", locked, n.name)
	}
}

// delivered: every reading is what the sensor measured, and the batch was measured in its slot.
func (l *laws) delivered(n *node, e role.Deliver) {
	a := l.deals[e.Deal]
	if a == nil || a.buyer != n {
		l.w.Errorf("a delivery of no deal of %s", n.name)
		return
	}
	at := place{e.Window, e.Index}
	a.got[at] = true
	if e.Price == 0 || e.Price != a.price[at] || e.Integrity != l.w.jury.stamped(e.Window).I || len(e.Readings) == 0 {
		l.w.Errorf("batch %v of %d readings was delivered with integrity %d for %d bytes, %d were paid", at, len(e.Readings), e.Integrity, e.Price, a.price[at])
	}
	start, end := l.w.cal.WindowStart(e.Window).UnixMilli(), l.w.cal.WindowStart(e.Window+1).UnixMilli()
	for _, r := range e.Readings {
		if v, ok := l.w.truth[r.Time]; !ok || v != r.Value || r.Time < start || r.Time >= end {
			l.w.Errorf("batch %v says %v at %d, measured was %v", at, r.Value, r.Time, v)
		}
	}
}

// settle takes note of closings that a node is about to hear of.
func (l *laws) settle(_ *node, units []unit.Proven) {
	for _, p := range units {
		if a := l.dealers[p.Unit.Authors[0].Address]; a != nil {
			a.closing = p.Unit
		}
	}
}

// check compares the books on a node's disk with the channels beside them.
func (l *laws) check(n *node) {
	for key, value := range n.disk {
		side, addr, ok := cutChannel(key)
		if !ok {
			continue
		}
		a := l.dealers[addr]
		if a == nil {
			l.w.Errorf("%s keeps the unknown channel %s", n.name, addr)
			continue
		}
		if err := l.compare(n, a, side, value); err != nil {
			l.w.Errorf("%s: %v", n.name, err)
		}
	}
}

func cutChannel(key string) (side string, a byteball.Address, ok bool) {
	rest, ok := strings.CutPrefix(key, "channel/")
	side, addr, _ := strings.Cut(rest, "/")
	return side, byteball.Address(addr), ok
}

func (l *laws) compare(n *node, a *account, side string, state []byte) error {
	var st channel.State
	if side == "seller" {
		p, err := channel.RestorePayee(state, n.wallet)
		if err != nil {
			return err
		}
		st = p.State
		if most := a.deal.Cap(l.w.rules); st.Payouts[a.deal.PayTo] > most && !st.Phase.Over() {
			return fmt.Errorf("%d bytes are unsettled in deal %s, %d is the cap", st.Payouts[a.deal.PayTo], a.deal.ID, most)
		}
	} else {
		p, err := channel.RestorePayer(state, keyOf(n, a.deal))
		if err != nil {
			return err
		}
		st = p.State
	}
	u := st.Settled
	if u == nil && st.Newest != nil {
		u = st.Newest.Unit
	}
	if u == nil {
		return nil
	}
	return l.booked(n, a.deal, side, u)
}

// booked says whether a node's lines are what a unit that ends the channel gives and costs.
func (l *laws) booked(n *node, d deal.Deal, side string, u *unit.Unit) error {
	pay := channel.Paid(u)
	got := n.line("channel/" + hex.EncodeToString(d.ID[:]))
	if side == "seller" {
		if want := books.In(pay[d.PayTo]); got != want {
			return fmt.Errorf("the book has %d for deal %s, the unit pays %d", got, d.ID, want)
		}
		return nil
	}
	all, _ := pay.Total()
	if want := books.Out(all - pay[d.Terms.ChangeAddress]); got != want {
		return fmt.Errorf("the book has %d for deal %s, the unit pays %d", got, d.ID, want)
	}
	fees, _ := unit.Fees(u)
	if got, want := n.line("close/"+hex.EncodeToString(d.ID[:])), books.Out(fees); got != want {
		return fmt.Errorf("the book has %d for closing deal %s, the unit costs %d", got, d.ID, want)
	}
	return nil
}

// line is the amount of one line of a node's book, 0 if there is none.
func (n *node) line(ref string) books.Amount {
	value, ok := n.disk["line/"+ref]
	if !ok {
		return 0
	}
	l, err := books.Decode(value)
	if err != nil {
		n.w.Errorf("%s: %v", n.name, err)
	}
	return l.Amount
}

// keyOf finds the key of a buyer's channel.
func keyOf(n *node, d deal.Deal) unit.Signer {
	for i := range byte(250) {
		if k := channelKey(n.seed, i); k.PublicKey() == d.Terms.Buyer {
			return k
		}
	}
	n.w.Fatalf("no key for deal %s", d.ID)
	return nil
}

// closed checks, at the end, that both sides' books are the closing unit's.
func (l *laws) closed() (n int) {
	for _, a := range l.deals {
		if a.closing == nil {
			continue
		}
		n++
		if err := l.booked(l.w.dealer, a.deal, "seller", a.closing); err != nil {
			l.w.Errorf("seller at the end: %v", err)
		}
		if err := l.booked(a.buyer, a.deal, "buyer", a.closing); err != nil {
			l.w.Errorf("buyer at the end: %v", err)
		}
	}
	return n
}
