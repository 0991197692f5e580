package validator_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/validator"
)

// keys counts the keys on a disk under a prefix.
func (n *node) keys(prefix string) (count int) {
	for key := range n.disk {
		if strings.HasPrefix(key, prefix) {
			count++
		}
	}
	return count
}

func TestReputationFollowsTheStamps(t *testing.T) {
	w, s := play(t, params.Fast(), 4, 8, func(w *world, s *trader) { // over the border of an epoch
		s.open = func(_ protocol.Identity, o *protocol.Opening) *protocol.Opening {
			if o.Wid == s.rounds[6].wc.ID() {
				return nil // no stamp
			}
			return o
		}
		s.rounds[6] = &sale{wc: &protocol.WindowCommit{}}
	})
	want := reputation.Newcomer
	for _, c := range []struct {
		window  uint64
		prev    *protocol.Stamp
		missing uint64
	}{{4, nil, 0}, {5, s.stamp(4), 0}, {7, s.stamp(5), 1}, {8, s.stamp(7), 0}} {
		want = reputation.Before(&w.rules.Manifest, c.prev, c.missing, c.window)
		if got := s.stamp(c.window); got == nil || got.A != want.A || got.B != want.B {
			t.Fatalf("window %d: stamp %+v, want the record %+v", c.window, got, want)
		}
	}
	if s.stamp(6) != nil {
		t.Error("window 6 has a stamp")
	}
}

func TestBooksShowTheNewestVoucher(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 3, nil)
	for _, n := range w.nodes {
		line, err := books.Decode(n.disk["line/channel/"+hex.EncodeToString(s.deal.ID[:])])
		if err != nil {
			t.Fatal(err)
		}
		want := byteball.Bytes(0)
		for window := uint64(1); window <= 3; window++ {
			want += s.share(n, window)
		}
		if line.Amount != books.In(want) || line.Kind != books.Voucher || want == 0 {
			t.Errorf("line %+v, want %d", line, want)
		}
		if n.keys("line/bond/") != 1 {
			t.Error("the registration is not in the books")
		}
	}
}

// A seller that owes too much is not judged until a closing is on the ledger.
func TestCredit(t *testing.T) {
	p := params.Fast()
	p.Credit = 2
	var last byteball.Bytes
	_, s := play(t, p, 1, 7, func(w *world, s *trader) {
		w.at(w.cal.WindowStart(4).Add(2*time.Second), func() {
			last = s.settle(s.payer.Payouts)
			s.agree(5)
		})
		w.at(w.cal.WindowStart(5).Add(-time.Millisecond), s.funded)
	})
	for window, want := range map[uint64]bool{1: true, 2: true, 3: false, 4: false, 5: true, 6: true, 7: false} {
		if got := s.stamp(window) != nil; got != want {
			t.Errorf("window %d: stamped %v, want %v", window, got, want)
		}
	}
	if last == 0 {
		t.Error("the closing paid nothing")
	}
}

// settle makes a unit stable that closes the channel and pays pay.
func (t *trader) settle(pay channel.Payouts) (sum byteball.Bytes) {
	p := &unit.Payment{Inputs: []unit.Input{{Unit: t.funding.Out.Unit, MessageIndex: t.funding.Out.MessageIndex, OutputIndex: t.funding.Out.OutputIndex}}}
	for a, amount := range pay {
		p.Outputs = append(p.Outputs, unit.Output{Address: a, Amount: amount})
		sum += amount
	}
	t.post(t.deal.Address, unit.Message{App: "payment", Payload: p})
	return sum
}

// Windows that a closing does not pay, or a refund, stay owed: buyer and seller may be one.
func TestCreditIsPaidByPaymentOnly(t *testing.T) {
	for what, paid := range map[string]byteball.Bytes{"nothing is paid": 0, "half is paid": 2} {
		t.Run(what, func(t *testing.T) {
			p := params.Fast()
			p.Credit = 2
			_, s := play(t, p, 1, 7, func(w *world, s *trader) {
				w.at(w.cal.WindowStart(4).Add(2*time.Second), func() {
					pay := channel.Payouts{s.buyer.address(): 1_000_000}
					for a, amount := range s.payer.Payouts {
						if paid > 0 {
							pay[a] = amount / 4 // of the four windows that were prepaid two were judged
						}
					}
					s.settle(pay)
					s.agree(5)
				})
				w.at(w.cal.WindowStart(5).Add(-time.Millisecond), s.funded)
			})
			for window, want := range map[uint64]bool{1: true, 2: true, 3: false, 4: false, 5: paid > 0, 6: false, 7: false} {
				if got := s.stamp(window) != nil; got != want {
					t.Errorf("window %d: stamped %v, want %v", window, got, want)
				}
			}
		})
	}
}

// Vouchers of a channel that is closed are worth nothing.
func TestAClosedChannelPaysForNothing(t *testing.T) {
	_, s := play(t, params.Fast(), 1, 6, func(w *world, s *trader) {
		w.at(w.cal.WindowStart(3).Add(2*time.Second), func() { s.settle(s.payer.Payouts) })
	})
	for window := uint64(1); window <= 6; window++ {
		if got, want := s.stamp(window) != nil, window <= 3; got != want {
			t.Errorf("window %d: stamped %v, want %v", window, got, want)
		}
	}
}

// A window that was never committed leaves its fee to the next one, and to none after.
func TestFeeOfAWindowWithoutStampIsCarried(t *testing.T) {
	w := newWorld(t, params.Fast())
	s := newTrader(w, 20)
	w.at(time.Unix(t0-10, 0), func() { s.agree(1) })
	w.at(time.Unix(t0-5, 0), s.funded)
	for _, window := range []uint64{1, 2} {
		w.at(w.cal.WindowStart(window), func() { s.prepay(window) })
	}
	for _, window := range []uint64{1, 3, 4} {
		w.at(w.cal.WindowStart(window+1).Add(500*time.Millisecond), func() { s.close(window) })
	}
	w.run(w.cal.WindowStart(7))
	for window, want := range map[uint64]bool{1: true, 3: true, 4: false} {
		if got := s.stamp(window) != nil; got != want {
			t.Errorf("window %d: stamped %v, want %v", window, got, want)
		}
	}
}

// A window in the middle has no stamp; those after it were prepaid before anybody knew. Its fee serves a later one, once.
func TestFeeIsCarriedOverStampedWindows(t *testing.T) {
	w := newWorld(t, params.Fast())
	s := newTrader(w, 20)
	w.at(time.Unix(t0-10, 0), func() { s.agree(6) })
	w.at(time.Unix(t0-5, 0), s.funded)
	for _, window := range []uint64{6, 7, 8, 11} { // one epoch
		w.at(w.cal.WindowStart(window), func() { s.prepay(window) })
	}
	for _, window := range []uint64{7, 8, 9, 10, 11} {
		w.at(w.cal.WindowStart(window+1).Add(500*time.Millisecond), func() { s.close(window) })
	}
	w.run(w.cal.WindowStart(14))
	for window, want := range map[uint64]bool{7: true, 8: true, 9: true, 10: false, 11: true} {
		if got := s.stamp(window) != nil; got != want {
			t.Errorf("window %d: stamped %v, want %v", window, got, want)
		}
	}
}

// A member whose ledger lags behind hears of a payment before it sees the channel that makes it.
func TestNoticeBeforeItsFundingIsHeld(t *testing.T) {
	w := newWorld(t, params.Fast())
	s := newTrader(w, 20)
	late := w.nodes[2]
	late.lag = 2 * time.Second
	start := w.cal.WindowStart(1)
	w.at(start.Add(-1500*time.Millisecond), func() { s.agree(1) })
	w.at(start.Add(-500*time.Millisecond), s.funded)
	w.at(start, func() { s.prepay(1) })
	w.at(start.Add(500*time.Millisecond), func() {
		for key := range late.disk {
			if strings.HasPrefix(key, "line/channel/") {
				t.Error("a payment is booked out of a channel that may not exist")
			}
		}
	})
	w.at(w.cal.WindowStart(2).Add(500*time.Millisecond), func() { s.close(1) })
	w.run(w.cal.WindowStart(4))
	if _, gave := s.rounds[1].receipts[late.Identity()]; !gave || s.stamp(1) == nil {
		t.Errorf("receipt %v, stamp %v, refused %v", gave, s.stamp(1), late.refused)
	}
}

func TestStopFinishesTheRounds(t *testing.T) {
	w := newWorld(t, params.Fast())
	s := newTrader(w, 20)
	s.trade(1, 2)
	stop := w.cal.WindowStart(2).Add(time.Second) // window 1 is being judged
	w.at(stop, func() {
		for _, n := range w.nodes {
			w.step(n, role.Stop{})
			if n.done {
				t.Error("done with a round in progress")
			}
		}
	})
	w.run(w.cal.WindowStart(5))
	if s.stamp(1) == nil || s.stamp(2) != nil {
		t.Errorf("stamps %v, %v", s.stamp(1), s.stamp(2))
	}
	for _, n := range w.nodes {
		if !n.done {
			t.Error("not done")
		}
	}
}

// reveals counts for each validator and window how many different reveals left it.
func (w *world) watchReveals(t *testing.T) {
	first := map[string]string{}
	w.tamper = func(n *node, _ protocol.Identity, env envelope.Envelope) []envelope.Envelope {
		if m, ok := env.Body.(*protocol.Reveal); ok {
			key := fmt.Sprintf("%x %x", n.Identity(), m.Wid)
			if old, known := first[key]; known && old != string(env.Payload) {
				t.Errorf("two reveals of window %s by %s", m.Wid, n.Identity())
			}
			first[key] = string(env.Payload)
		}
		return []envelope.Envelope{env}
	}
}

func TestRestartInARound(t *testing.T) {
	for _, c := range []struct {
		name   string
		when   time.Duration // after the end of window 2
		absent bool
	}{
		{"before the receipt", 400 * time.Millisecond, false},
		{"after the receipt", 515 * time.Millisecond, true},
		{"after the round", 5500 * time.Millisecond, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, s := play(t, params.Fast(), 1, 4, func(w *world, s *trader) {
				w.watchReveals(t)
				w.at(w.cal.WindowStart(3).Add(c.when), func() { w.boot(w.nodes[3]) })
			})
			for window := uint64(1); window <= 4; window++ {
				want := 7
				if c.absent && window == 2 {
					want = 6
				}
				if stamp := s.stamp(window); stamp == nil || len(stamp.Tickets) != want {
					t.Errorf("window %d: stamp %+v, want %d reveals", window, stamp, want)
				}
			}
		})
	}
}

// Law: whenever validators are killed and started again, none signs two reveals or two stamps of one window, and all that
// was saved can be read.
func TestRestartsAtAnyTime(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 2))
		_, s := play(t, params.Fast(), 1, 4, func(w *world, s *trader) {
			w.watchReveals(t)
			s.values = loop(seed, 37)
			for range 12 {
				n, at := w.nodes[rng.IntN(7)], w.cal.WindowStart(1).Add(time.Duration(rng.Int64N(int64(25*time.Second))))
				w.at(at, func() { w.boot(n) })
				if rng.IntN(2) == 0 { // twice in a row, between two steps
					w.at(at.Add(time.Duration(rng.Int64N(int64(time.Second)))), func() { w.boot(n) })
				}
			}
		})
		stamps := 0
		for window := uint64(1); window <= 4; window++ {
			if s.stamp(window) != nil {
				stamps++
			}
		}
		t.Logf("seed %d: %d of 4 windows stamped", seed, stamps)
	}
}

// A validator that lost its disk gets the history of a seller from the others when the next epoch begins.
func TestHistoryComesFromTheOthers(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 7, func(w *world, s *trader) {
		w.at(w.cal.WindowStart(6).Add(-100*time.Millisecond), func() {
			w.nodes[1].disk = make(map[string][]byte)
			w.boot(w.nodes[1])
		})
	})
	for window := uint64(1); window <= 7; window++ {
		wid := s.rounds[window].wc.ID()
		want := w.nodes[0].keys("history/" + hex.EncodeToString(wid[:]))
		for i, n := range w.nodes {
			if got := n.keys("history/" + hex.EncodeToString(wid[:])); got != want || got < 4 {
				t.Errorf("validator %d has %d batches of window %d, want %d", i, got, window, want)
			}
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	p := params.Fast()
	p.History, p.Dispute = 12, 1 // a judgement can be repeated for 6 windows, from what was seen in the 12 before it
	w, s := play(t, p, 1, 20, nil)
	for window := uint64(1); window <= 20; window++ {
		if stamp := s.stamp(window); stamp == nil || len(stamp.Tickets) != 7 || stamp.I < 800 {
			t.Errorf("window %d: stamp %+v", window, stamp)
		}
	}
	w.run(w.cal.WindowStart(40))
	for _, n := range w.nodes {
		if h, r, s, d := n.keys("history/"), n.keys("reveal/"), n.keys("signed/"), n.keys("docket/"); h+r+s+d > 0 {
			t.Fatalf("%d batches, %d reveals, %d stamps and %d dockets are kept for ever", h, r, s, d)
		}
	}
}

func TestConfig(t *testing.T) {
	w := newWorld(t, params.Fast())
	good := w.nodes[0].cfg
	for name, change := range map[string]func(*validator.Config){
		"secret":  func(c *validator.Config) { c.Secret = nil },
		"device":  func(c *validator.Config) { c.Device = 1001 },
		"signer":  func(c *validator.Config) { c.Signer = w.nodes[1] },
		"nothing": func(c *validator.Config) { c.Signer = nil },
	} {
		cfg := good
		change(&cfg)
		if _, err := validator.New(cfg, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := w.nodes[0].core.Step("an event of another role", w.now); err == nil {
		t.Error("a strange event is taken")
	}
}

// A disk with spoiled values is an error that names the key, never a panic.
func TestSpoiledDisk(t *testing.T) {
	w, _ := play(t, params.Fast(), 1, 2, nil)
	n := w.nodes[0]
	kinds := map[string]bool{}
	for key, value := range n.disk {
		kind, _, _ := strings.Cut(key, "/")
		if kind == "line" || kind == "ball" || kinds[kind] { // rows of others
			continue
		}
		kinds[kind] = true
		for _, bad := range [][]byte{nil, {0}, value[:len(value)/2], bytes.Repeat([]byte{0x9f}, 40)} {
			_, err := validator.New(n.cfg, map[string][]byte{key: bad})
			if err == nil || !strings.Contains(err.Error(), kind) {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	if len(kinds) < 5 {
		t.Errorf("kinds %v", kinds)
	}
	if _, err := validator.New(n.cfg, map[string][]byte{"line/fee": {1}}); err != nil {
		t.Errorf("a line of the books: %v", err)
	}
}

// Sellers of one property are one another's yardstick once three others were judged.
func TestNeighboursAreUsed(t *testing.T) {
	w := newWorld(t, params.Fast())
	var sellers []*trader
	for i := range 4 {
		s := newTrader(w, byte(20+2*i))
		s.trade(1, 4)
		sellers = append(sellers, s)
	}
	w.run(w.cal.WindowStart(7))
	for i, s := range sellers {
		for window := uint64(1); window <= 4; window++ {
			stamp := s.stamp(window)
			if stamp == nil || stamp.I < 800 || len(stamp.Tickets) != 7 {
				t.Fatalf("seller %d, window %d: stamp %+v", i, window, stamp)
			}
			for _, n := range w.nodes {
				if got := w.reveal(n, stamp.Wid).Neighbor; window > 1 && got != 7 {
					t.Errorf("seller %d, window %d: neighbours %b, want three", i, window, got)
				}
			}
		}
	}
}

// With fewer validators the committee is the largest odd number of them, and under three the stamp is provisional.
func TestSmallCommittees(t *testing.T) {
	for validators, want := range map[int]int{1: 1, 2: 1, 4: 3, 6: 5} {
		w := newWorldOf(t, params.Fast(), validators)
		s := newTrader(w, 20)
		s.trade(1, 2)
		w.run(w.cal.WindowStart(5))
		for window := uint64(1); window <= 2; window++ {
			stamp := s.stamp(window)
			if stamp == nil || len(stamp.Tickets) != want || stamp.Provisional != (validators < 3) {
				t.Errorf("%d validators, window %d: stamp %+v", validators, window, stamp)
			}
		}
	}
}

// Whatever is on the disk, a validator starts from it or says what is wrong.
func FuzzRestore(f *testing.F) {
	w, _ := play(f, params.Fast(), 1, 1, nil)
	n := w.nodes[0]
	for key, value := range n.disk {
		f.Add(key, value)
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		core, err := validator.New(n.cfg, map[string][]byte{key: value})
		if err != nil {
			return
		}
		if _, err := core.Step(role.Woken{}, w.now); err != nil {
			t.Fatal(err)
		}
	})
}
