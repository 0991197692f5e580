package validator_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	judge "github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

// trader is a scripted seller together with its one buyer.
type trader struct {
	*world
	*person
	buyer    *person
	deal     deal.Deal
	match    [2]envelope.Envelope // the buyer's and the seller's
	funding  channel.Funded
	payer    channel.Payer
	period   time.Duration
	title    string                        // of its offer
	values   func(window, n int) []float64 // what its sensor says in a window
	rounds   map[uint64]*sale
	byWid    map[protocol.Hash]*sale
	seq      uint64
	header   protocol.Hash
	channels byte
	previous byteball.Address // what the next channel succeeds
	noticed  map[uint64]*protocol.Notice
	last     protocol.Hash

	skim   func(window uint64, fee channel.Payouts)                               // changes a fee before it is paid
	notice func(window uint64, n *protocol.Notice) *protocol.Notice               // nil: as it should be
	commit func(wc *protocol.WindowCommit)                                        // changes a commitment before it is signed
	open   func(to protocol.Identity, o *protocol.Opening) *protocol.Opening      // nil: as it should be
	list   func(window uint64, r *protocol.Receipts) *protocol.Receipts           // likewise
	shape  func(window uint64, readings []protocol.Reading) []protocol.Reading    // changes readings
	pack   func(window uint64, pack []byte) []byte                                // changes a pack before it is committed to
	after  func(window uint64, wc envelope.Envelope, members []protocol.Identity) // when the commitment is sent
}

// sale is one window of a trader.
type sale struct {
	window   uint64
	wc       *protocol.WindowCommit
	env      envelope.Envelope
	headers  []protocol.BatchHeader
	batches  []protocol.OpenBatch
	receipts map[protocol.Identity][]byte
	tip      uint64
	listed   bool
}

// newTrader registers a seller, finds it a buyer and funds their channel.
func newTrader(w *world, seed byte) *trader {
	t := &trader{world: w, person: newPerson(seed), buyer: newPerson(seed + 1), period: 100 * time.Millisecond,
		rounds: make(map[uint64]*sale), byWid: make(map[protocol.Hash]*sale), noticed: make(map[uint64]*protocol.Notice)}
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	t.values = func(_, n int) []float64 { return noise(rng, n) }
	reg := committee.Registration{Role: committee.Seller, Binding: t.binding, End: 100_000, Streams: []committee.Stream{{Prop: prop, Cell: cell}}}
	msg, err := reg.Message(&w.rules.Manifest)
	if err != nil {
		w.Fatal(err)
	}
	w.post(t.address(), msg, payment(reg.Outputs(&w.rules.Manifest, w.now)...))
	w.people[t.Identity()] = t.received
	return t
}

// noise is a sensor around 15 degrees.
func noise(rng *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Round(100*(15+.2*rng.NormFloat64())) / 100
	}
	return out
}

// agree signs a Match for windows from first on and posts its funding.
func (t *trader) agree(first uint64) {
	w := t.world
	until := time.Unix(t0+100_000, 0).UnixMilli()
	p, _ := protocol.PropertyOf(prop)
	offer := w.seal(t.person, &protocol.Offer{Binding: t.binding, Prop: prop, Title: t.title, Unit: p.Unit, Cell: cell, Period: uint32(t.period.Milliseconds()),
		Accuracy: "0.2", Price: w.par.Price, Floor: 1, ValidUntil: until})
	demand := w.seal(t.buyer, &protocol.Demand{Buyer: t.buyer.Identity(), Prop: prop, Unit: p.Unit, Cell: cell, Radius: 5000, HalfLife: 3600,
		Period: 1000, Accuracy: "0.2", Cap: w.par.Price, Windows: 100, ValidUntil: until})
	t.channels++
	key, err := unit.NewKey([32]byte{1, t.buyer.private[0], t.channels})
	if err != nil {
		w.Fatal(err)
	}
	m := &protocol.Match{Offer: offer.Raw, Demand: demand.Raw, Relevance: 1000, BuyerKey: decode64(key.PublicKey()), Change: t.buyer.address(),
		Age: w.par.RefundAge, Deposit: 20_000_000, First: first, Expiry: until, Previous: t.previous}
	t.match = [2]envelope.Envelope{w.seal(t.buyer, m), w.seal(t.person, m)}
	if t.deal, err = deal.Open(w.rules, m); err != nil {
		w.Fatal(err)
	}
	hash := w.post(t.buyer.address(), payment(unit.Output{Address: t.deal.Address, Amount: m.Deposit}))
	if t.payer, _, err = channel.NewPayer(t.deal.Terms, key); err != nil {
		w.Fatal(err)
	}
	t.funding = channel.Funded{Out: unit.OutPoint{Unit: hash}, Amount: m.Deposit}
}

// funded opens the buyer's side once the funding is stable.
func (t *trader) funded() {
	i := slices.IndexFunc(t.history, func(p unit.Proven) bool { return p.Unit.Unit == t.funding.Out.Unit })
	if i < 0 {
		t.Fatal("the funding is not stable")
	}
	f, ok := t.deal.Funding(t.history[i])
	if !ok {
		t.Fatal("the funding unit funds nothing")
	}
	var err error
	if t.payer, _, err = t.payer.Apply(f, t.now); err != nil {
		t.Fatal(err)
	}
}

// prepay pays a window's committee and shows it to all payees.
func (t *trader) prepay(window uint64) {
	com := t.world.committee(t.person, window)
	fee := t.deal.Fee(t.rules, com)
	if t.skim != nil {
		t.skim(window, fee)
	}
	t.tell(window, t.pay(fee), com)
}

// pay makes the next voucher.
func (t *trader) pay(add channel.Payouts) []byte {
	base, ok := t.view.Bases.Newest()
	if !ok {
		t.Fatal("no base")
	}
	next, effects, err := t.payer.Apply(channel.Pay{Add: add, Base: base}, t.now)
	if err != nil {
		t.Fatal(err)
	}
	t.payer = next
	for _, e := range effects {
		if s, ok := e.(channel.Send); ok {
			data, err := s.Voucher.Encode()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatal("no voucher")
	return nil
}

func (t *trader) tell(window uint64, voucher []byte, com *committee.Committee) {
	n := &protocol.Notice{Match: t.match[1].Raw, ByBuyer: t.match[0].Raw, Funding: t.funding.Out.Unit, Window: window, Voucher: voucher}
	if t.notice != nil {
		n = t.notice(window, n)
	}
	if n == nil {
		return
	}
	t.noticed[window] = n
	env := t.seal(t.person, n)
	for _, id := range members(com) {
		t.deliver(nil, id, env)
	}
}

func members(com *committee.Committee) (ids []protocol.Identity) {
	for _, m := range com.Members {
		ids = append(ids, m.Binding.Identity)
	}
	return ids
}

// measure fills the batches of a window.
func (t *trader) measure(window uint64) *sale {
	s := &sale{window: window, receipts: make(map[protocol.Identity][]byte)}
	start, p := t.cal.WindowStart(window), t.property()
	per := int(t.par.Batch / t.period)
	values := t.values(int(window), per*t.par.Batches)
	for b := range t.par.Batches {
		var readings []protocol.Reading
		for i := range per {
			at := start.Add(time.Duration(b)*t.par.Batch + time.Duration(i)*t.period)
			readings = append(readings, protocol.Reading{Time: at.UnixMilli(), Value: values[b*per+i]})
		}
		if t.shape != nil {
			readings = t.shape(window, readings)
		}
		pack, err := protocol.EncodePack(p, readings)
		if err != nil {
			t.Fatal(err)
		}
		if t.pack != nil {
			pack = t.pack(window, pack)
		}
		salt := deal.Salt([]byte("the seller's own secret"), prop, t.seq)
		h := protocol.BatchHeader{Seq: t.seq, N: uint32(len(readings)), T0: readings[0].Time, T1: readings[len(readings)-1].Time,
			Commit: protocol.BatchCommit(salt, pack), Prev: t.header}
		t.seq++
		t.header = h.Hash()
		s.headers = append(s.headers, h)
		s.batches = append(s.batches, protocol.OpenBatch{Index: uint8(b), Salt: salt, Pack: pack})
	}
	return s
}

func (t *trader) property() protocol.Property {
	p, _ := protocol.PropertyOf(prop)
	return p
}

// close commits to a window and sends it to the members.
func (t *trader) close(window uint64) {
	s := t.measure(window)
	leaves, n := make([][]byte, len(s.headers)), uint32(0)
	for i, h := range s.headers {
		leaves[i] = h.Leaf()
		n += h.N
	}
	first, last := s.headers[0], s.headers[len(s.headers)-1]
	s.wc = &protocol.WindowCommit{Seller: t.Identity(), Prop: prop, Cell: cell, Window: window, Seq0: first.Seq, Seq1: last.Seq, N: n,
		Prev: t.last, Root: merkle.Root(leaves), T0: first.T0, T1: last.T1, Aux: protocol.AuxCommit([16]byte{1}, protocol.AuxNormal)}
	if t.commit != nil {
		t.commit(s.wc)
	}
	s.env = t.seal(t.person, s.wc)
	t.last = s.wc.ID()
	t.rounds[window], t.byWid[t.last] = s, s
	ids := members(t.world.committee(t.person, window))
	for _, id := range ids {
		t.deliver(nil, id, s.env)
	}
	if t.after != nil {
		t.after(window, s.env, ids)
	}
	t.world.at(t.now.Add(t.par.Receipt), func() { t.listReceipts(s) })
}

func (t *trader) received(ev role.Received) {
	if m, ok := ev.Env.Body.(*protocol.Receipt); ok {
		s := t.byWid[m.Wid]
		s.receipts[ev.Env.Signer] = ev.Env.Raw
		s.tip = max(s.tip, m.Tip)
		if len(s.receipts) == len(t.world.committee(t.person, s.window).Members) {
			t.listReceipts(s)
		}
	}
}

// listReceipts shows the members the receipts, and waits for the ball.
func (t *trader) listReceipts(s *sale) {
	com := t.world.committee(t.person, s.window)
	if s.listed || len(s.receipts) < com.Quorum {
		return
	}
	s.listed = true
	m := &protocol.Receipts{Wid: s.wc.ID()}
	for _, id := range members(com) {
		if raw, ok := s.receipts[id]; ok {
			m.List = append(m.List, raw)
		}
	}
	if t.list != nil {
		m = t.list(s.window, m)
	}
	env := t.seal(t.person, m)
	for _, id := range members(com) {
		t.deliver(nil, id, env)
	}
	t.await(s)
}

func (t *trader) await(s *sale) {
	ball, ok := t.view.Chain.SampleBall(s.tip)
	if !ok {
		t.world.at(t.now.Add(100*time.Millisecond), func() { t.await(s) })
		return
	}
	for _, seat := range t.world.committee(t.person, s.window).Members {
		o := &protocol.Opening{Wid: s.wc.ID(), Headers: s.headers}
		common := judge.CommonSample(ball.Raw, o.Wid, t.par.Common, len(s.batches))
		drawn := append(judge.OwnSample(ball.Raw, o.Wid, seat.ID, t.par.Own, len(s.batches), common), common...)
		slices.Sort(drawn)
		for _, i := range drawn {
			o.Batches = append(o.Batches, s.batches[i])
		}
		if t.open != nil {
			o = t.open(seat.Binding.Identity, o)
		}
		if o != nil {
			t.deliver(nil, seat.Binding.Identity, t.seal(t.person, o))
		}
	}
}

// trade plays windows first..last: prepaid at their start, committed half a second after their end.
func (t *trader) trade(first, last uint64) {
	t.world.at(time.Unix(t0-10, 0), func() { t.agree(first) })
	t.world.at(time.Unix(t0-5, 0), t.funded)
	for w := first; w <= last; w++ {
		t.world.at(t.cal.WindowStart(w), func() { t.prepay(w) })
		t.world.at(t.cal.WindowStart(w+1).Add(500*time.Millisecond), func() { t.close(w) })
	}
}

// stamp is what was published of a window, nil if nothing was.
func (t *trader) stamp(window uint64) *protocol.Stamp {
	s := t.rounds[window]
	if s == nil {
		return nil
	}
	return t.stamps[s.wc.ID()]
}

// share is a member's part of a window's fee.
func (t *trader) share(n *node, window uint64) byteball.Bytes {
	return t.deal.Fee(t.rules, t.world.committee(t.person, window))[n.address()]
}

// noticeOf is a copy of what was shown for a window.
func (t *trader) noticeOf(window uint64) *protocol.Notice {
	n := *t.noticed[window]
	return &n
}
