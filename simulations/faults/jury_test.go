package faults_test

import (
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// jury is the committee: seven members that check what they get, sign receipts, and stamp a window as the test says.
type jury struct {
	members map[protocol.Identity]*person
	rounds  map[protocol.Hash]*session
	last    *protocol.Stamp
	relabel func(*protocol.Class)             // what the committee finds; nil: the offer's labels are right
	shown   map[protocol.Hash]channel.Payouts // by deal: what the newest voucher shown to a member pays
	read    map[string]bool                   // vouchers

	integrity func(window uint64) uint16          // 0 comes with hard code 5
	reasons   func(window uint64) []uint8         // soft codes
	mute      func(window uint64) int             // how many members stay silent
	takes     time.Duration                       // from the opening to the vote
	gossips   bool                                // they publish the stamp and do not tell the seller
	lies      func(seat int, m *protocol.Receipt) // what a member claims; nil: the truth
}

// session is one window before the jury.
type session struct {
	wc    *protocol.WindowCommit
	mute  int
	tip   uint64
	body  *protocol.Stamp
	voted map[protocol.Identity]bool
	votes map[protocol.Identity][]byte // of those who publish
}

func (w *world) openJury() {
	w.jury = jury{members: map[protocol.Identity]*person{}, rounds: map[protocol.Hash]*session{}, shown: map[protocol.Hash]channel.Payouts{}, read: map[string]bool{},
		takes: time.Second, integrity: func(uint64) uint16 { return 930 }, reasons: func(uint64) []uint8 { return nil }, mute: func(uint64) int { return 0 }}
	for i := range byte(7) {
		p := newPerson(1 + i)
		w.jury.members[p.Identity()] = p
		reg := committee.Registration{Role: committee.Validator, Binding: p.binding, Key: newPerson(50 + i).wallet.PublicKey(), NonceRoot: protocol.H("n"), End: 100_000}
		w.pay(p.address, reg.Outputs(&w.rules.Manifest, w.now), must(reg.Message(&w.rules.Manifest)))
	}
}

func (b *jury) received(w *world, to protocol.Identity, env envelope.Envelope) {
	p := b.members[to]
	if p == nil {
		w.Errorf("a %s for somebody unknown", env.Kind())
		return
	}
	switch m := env.Body.(type) {
	case *protocol.Notice:
		b.notice(w, m)
	case *protocol.WindowCommit:
		b.receipt(w, p, m)
	case *protocol.Receipts:
		b.list(w, m)
	case *protocol.Opening:
		b.vote(w, p, m)
	default:
		w.Errorf("a %s for a member", env.Kind())
	}
}

// notice checks that the voucher shown is one of its deal, and never pays less than the one before.
func (b *jury) notice(w *world, m *protocol.Notice) {
	if b.read[string(m.Voucher)] {
		return // shown to another member
	}
	b.read[string(m.Voucher)] = true
	d, err := deal.OpenSigned(w.rules, m.ByBuyer, m.Match)
	if err != nil {
		w.Errorf("notice: %v", err)
		return
	}
	v, err := channel.ParseVoucher(m.Voucher)
	if err != nil {
		w.Errorf("notice: %v", err)
		return
	}
	pay, err := channel.Read(d.Terms, w.fundingOf(d), v)
	if err != nil {
		w.Errorf("notice: %v", err)
		return
	}
	for a, had := range b.shown[d.ID] {
		if pay[a] < had {
			w.Errorf("a payee was shown %d bytes and now %d", had, pay[a])
		}
	}
	b.shown[d.ID] = pay
}

// fundingOf finds the deposit of a deal on the ledger.
func (w *world) fundingOf(d deal.Deal) channel.Funding {
	for _, p := range w.ledger.history {
		if f, ok := d.Funding(p); ok {
			return channel.Funding{Out: f.Out, MCI: f.MCI}
		}
	}
	return channel.Funding{}
}

func (b *jury) silent(w *world, p *person, s *session) bool {
	seat := w.seat(s.wc.Window, p.Identity())
	return seat < 0 || seat < s.mute
}

// seat is a member's place in the committee of a window, -1 if it has none.
func (w *world) seat(window uint64, id protocol.Identity) int {
	return slices.IndexFunc(w.committee(window).Members, func(t *committee.Ticket) bool { return t.Binding.Identity == id })
}

func (w *world) committee(window uint64) *committee.Committee {
	com, err := w.view.Committee(w.dealer.Identity(), prop, cell, w.cal.EpochOf(window))
	if err != nil {
		w.Fatalf("%v", err)
	}
	return com
}

func (b *jury) receipt(w *world, p *person, m *protocol.WindowCommit) {
	s := b.rounds[m.ID()]
	if s == nil {
		for _, old := range b.rounds {
			if old.wc.Window == m.Window && old.wc.Prop == m.Prop {
				w.Errorf("the seller committed to window %d twice", m.Window)
			}
		}
		s = &session{wc: m, mute: b.mute(m.Window), voted: map[protocol.Identity]bool{}, votes: map[protocol.Identity][]byte{}}
		b.rounds[m.ID()] = s
	}
	if b.silent(w, p, s) {
		return
	}
	r := &protocol.Receipt{Wid: m.ID(), Arrived: w.now.UnixMilli(), Tip: w.ledger.mci + 1}
	if b.lies != nil {
		b.lies(w.seat(m.Window, p.Identity()), r)
	}
	b.answer(w, p, r)
}

// answer sends the seller what a member says; only the wire between the two cores is bad.
func (b *jury) answer(w *world, p *person, m protocol.Message) {
	env := must(envelope.Seal(p, w.rules.Market, m))
	w.after(latency, func() {
		if !w.dealer.cut {
			w.dealer.step(role.Received{From: p.Identity(), Env: env})
		}
	})
}

func (b *jury) list(w *world, m *protocol.Receipts) {
	com := w.committee(b.rounds[m.Wid].wc.Window)
	if len(m.List) < com.Quorum {
		w.Errorf("%d receipts, the quorum is %d", len(m.List), com.Quorum)
	}
	gave := map[protocol.Identity]bool{}
	for _, raw := range m.List {
		env := must(envelope.Open(w.rules.Verifier, w.rules.Market, raw))
		r, ok := env.Body.(*protocol.Receipt)
		if _, member := com.SeatOf(env.Signer); !ok || !member || gave[env.Signer] || r.Wid != m.Wid {
			w.Errorf("a %s by %s does not belong among the receipts of a window", env.Kind(), env.Signer)
			return
		}
		gave[env.Signer] = true
		b.rounds[m.Wid].tip = max(b.rounds[m.Wid].tip, r.Tip)
	}
}

// vote signs the stamp some time after the opening.
func (b *jury) vote(w *world, p *person, m *protocol.Opening) {
	s := b.rounds[m.Wid]
	if s == nil {
		w.Errorf("an opening of an unknown window")
		return
	}
	proven, faults, err := judge.CheckOpening(s.wc, m)
	if err != nil || len(faults) > 0 || len(proven) != len(m.Batches) || len(proven) < min(w.par.Common, s.wc.Batches()) {
		w.Errorf("opening of window %d: %d batches of %d proven, faults %v, %v", s.wc.Window, len(proven), len(m.Batches), faults, err)
	}
	if b.silent(w, p, s) || s.voted[p.Identity()] {
		return
	}
	s.voted[p.Identity()] = true
	w.after(b.takes, func() {
		if s.body == nil {
			s.body = b.stamp(w, s)
		}
		if b.gossips {
			b.gossip(w, p, s)
			return
		}
		b.answer(w, p, s.body)
	})
}

// gossip finishes the stamp without the seller.
func (b *jury) gossip(w *world, p *person, s *session) {
	env := must(envelope.Seal(p, w.rules.Market, s.body))
	s.votes[p.Identity()] = env.Signature
	if len(s.votes) < w.committee(s.wc.Window).Quorum {
		return
	}
	done := role.Heard{Env: must(envelope.Seal(p, w.rules.Market, judge.Assemble(env.Payload, s.votes)))}
	topic := protocol.StampTopic(committee.Shard(prop, cell, w.par.ShardBits))
	for _, n := range w.nodes {
		w.after(latency, func() {
			if n.topics[topic] && !n.cut {
				n.step(done)
			}
		})
	}
}

func (b *jury) stamp(w *world, s *session) *protocol.Stamp {
	com := w.committee(s.wc.Window)
	ball, ok := w.view.Chain.SampleBall(s.tip)
	if !ok {
		w.Errorf("window %d was opened before its ball", s.wc.Window)
	}
	v := &judge.Verdict{I: b.integrity(s.wc.Window), Reasons: b.reasons(s.wc.Window), C: 1000, T: 1000, Class: protocol.Class{Prop: prop, Unit: "Cel", Cell: cell, T1: s.wc.T1, Period: 250, Accuracy: "0.1", Coverage: 1000}}
	if b.relabel != nil {
		b.relabel(&v.Class)
	}
	if v.I == 0 {
		v.Hard = []uint8{5}
	}
	for _, t := range com.Members {
		v.Counted = append(v.Counted, &protocol.Reveal{Wid: s.wc.ID(), Ticket: t.ID, Score: v.I})
	}
	slices.SortFunc(v.Counted, func(a, b *protocol.Reveal) int { return slices.Compare(a.Ticket[:], b.Ticket[:]) })
	body, err := judge.StampBody(&w.rules.Manifest, s.wc, ball.Hash, v, judge.Before(&w.rules.Manifest, s.wc, b.last), 1)
	if err != nil {
		w.Fatalf("%v", err)
	}
	b.last = body
	return body
}

// stamped is the stamp of a window, nil if the jury has not signed one.
func (b *jury) stamped(window uint64) *protocol.Stamp {
	for _, s := range b.rounds {
		if s.wc.Window == window {
			return s.body
		}
	}
	return nil
}

// shares says what the committee's members have been shown of a deal.
func (b *jury) sharesOf(d deal.Deal) (sum byteball.Bytes) {
	for a, n := range b.shown[d.ID] {
		if a != d.PayTo {
			sum += n
		}
	}
	return sum
}
