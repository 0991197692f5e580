package validator_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

func encode(v any) []byte {
	b, err := protocol.Encode(v)
	if err != nil {
		panic(err)
	}
	return b
}

// exhibits shows all batches of a window.
func exhibits(s *sale) (list []protocol.Exhibit) {
	leaves := make([][]byte, len(s.headers))
	for i, h := range s.headers {
		leaves[i] = h.Leaf()
	}
	for i, h := range s.headers {
		list = append(list, protocol.Exhibit{WC: s.env.Raw, Head: h, Path: merkle.Path(leaves, i), Batch: s.batches[i]})
	}
	return list
}

// rewrite lets a member commit to and disclose something else than it found.
func (w *world) rewrite(bad *node, change func(*protocol.Reveal)) {
	changed := map[protocol.Hash]*protocol.Reveal{}
	w.tamper = func(n *node, _ protocol.Identity, env envelope.Envelope) []envelope.Envelope {
		if n != bad {
			return []envelope.Envelope{env}
		}
		switch m := env.Body.(type) {
		case *protocol.Commit:
			if changed[m.Wid] == nil {
				changed[m.Wid] = w.reveal(n, m.Wid)
				change(changed[m.Wid])
			}
			return []envelope.Envelope{w.seal(n.person, &protocol.Commit{Wid: m.Wid, Hash: changed[m.Wid].CommitHash()})}
		case *protocol.Reveal:
			return []envelope.Envelope{w.seal(n.person, changed[m.Wid])}
		}
		return []envelope.Envelope{env}
	}
}

// reveal reads a member's reveal from its disk.
func (w *world) reveal(n *node, wid protocol.Hash) *protocol.Reveal {
	for key, value := range n.disk {
		var v struct {
			_      struct{} `cbor:",toarray"`
			Window uint64
			Body   []byte
		}
		if !strings.HasPrefix(key, "reveal/") || protocol.Decode(value, &v) != nil {
			continue
		}
		m := new(protocol.Reveal)
		if err := protocol.Decode(v.Body, m); err == nil && m.Wid == wid {
			return m
		}
	}
	w.Fatalf("%s has no reveal of window %s", n.Identity(), wid)
	return nil
}

func only[M protocol.Message](bad *node, wait time.Duration) func(*node, envelope.Envelope) time.Duration {
	return func(n *node, env envelope.Envelope) time.Duration {
		if _, ok := env.Body.(M); ok && n == bad {
			return wait
		}
		return 0
	}
}

// One member fails in some way; the others finish without it.
func TestOneMemberFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(*world, *node)
		tickets int
		refused string
	}{
		{"dead", func(w *world, n *node) { w.at(time.Unix(t0, 0), func() { n.dead = true }) }, 6, ""},
		{"late commit", func(w *world, n *node) { w.delay = only[*protocol.Commit](n, 2500*time.Millisecond) }, 6, "comes too late"},
		{"late reveal", func(w *world, n *node) { w.delay = only[*protocol.Reveal](n, 1500*time.Millisecond) }, 6, "comes too late"},
		{"wrong custody", func(w *world, n *node) {
			w.rewrite(n, func(m *protocol.Reveal) { m.Custody = protocol.H("never saw them") })
		}, 6, ""},
		{"another's ticket", func(w *world, n *node) {
			w.rewrite(n, func(m *protocol.Reveal) { m.Ticket = protocol.H("another") })
		}, 6, "not its seat"},
		{"a wild score", func(w *world, n *node) {
			w.rewrite(n, func(m *protocol.Reveal) { m.Score = 0 })
		}, 7, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, s := play(t, params.Fast(), 1, 2, func(w *world, s *trader) { c.do(w, w.nodes[2]) })
			for window := uint64(1); window <= 2; window++ {
				stamp := s.stamp(window)
				if stamp == nil || len(stamp.Tickets) != c.tickets || stamp.I < 800 || w.signers[stamp.Wid] < w.par.Quorum {
					for _, n := range w.nodes {
						t.Log(n.notes, n.refused)
					}
					t.Fatalf("window %d: stamp %+v", window, stamp)
				}
			}
			if c.refused != "" && w.refusals(c.refused) < 5 {
				t.Errorf("%d members refused %q", w.refusals(c.refused), c.refused)
			}
		})
	}
}

// Two bodies by one member: the first counts, both are kept.
func TestTwoStampsOfOneWindow(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 1, func(w *world, s *trader) {
		w.tamper = func(n *node, _ protocol.Identity, env envelope.Envelope) []envelope.Envelope {
			m, ok := env.Body.(*protocol.Stamp)
			if n != w.nodes[2] || !ok {
				return []envelope.Envelope{env}
			}
			other := *m
			other.I = 1000
			w.at(w.now.Add(time.Millisecond), func() {
				for _, x := range w.nodes {
					w.at(w.now.Add(latency), func() { w.step(x, role.Received{From: n.Identity(), Env: w.seal(n.person, &other)}) })
				}
			})
			return []envelope.Envelope{env}
		}
	})
	if stamp := s.stamp(1); stamp == nil || stamp.I == 1000 {
		t.Fatalf("stamp %+v", stamp)
	}
	if w.refusals("signed two stamps") != 6 {
		t.Errorf("%d members saw it", w.refusals("signed two stamps"))
	}
}

// A seller that serves too few members gets no stamp; one member that was left out is served by the others.
func TestServing(t *testing.T) {
	for served, want := range map[int]int{7: 7, 6: 7, 5: 7, 0: 0} {
		w, s := play(t, params.Fast(), 1, 1, func(w *world, s *trader) {
			s.open = func(to protocol.Identity, o *protocol.Opening) *protocol.Opening {
				i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.Identity() == to })
				if i >= served {
					return nil
				}
				return o
			}
		})
		tickets := 0
		if stamp := s.stamp(1); stamp != nil {
			tickets = len(stamp.Tickets)
		}
		if tickets != want {
			for _, n := range w.nodes {
				t.Log(n.notes, n.refused)
			}
			t.Errorf("%d served: %d reveals count, want %d", served, tickets, want)
		}
	}
}

// A batch that is not the one committed to is not taken, and the member says that it was not served.
func TestForgedOpening(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 1, func(w *world, s *trader) {
		s.open = func(to protocol.Identity, o *protocol.Opening) *protocol.Opening {
			if to == w.nodes[0].Identity() {
				for i := range o.Batches {
					o.Batches[i].Salt[0] ^= 1
				}
			}
			return o
		}
	})
	if stamp := s.stamp(1); stamp == nil || len(stamp.Tickets) != 7 || stamp.I < 800 {
		t.Fatalf("stamp %+v", stamp)
	}
	if w.refusals("are not those committed to") != 1 {
		t.Error("the forged batches were taken")
	}
}

func TestNoticeWithoutMyShare(t *testing.T) {
	w, s := play(t, params.Fast(), 1, 3, func(w *world, s *trader) {
		s.skim = func(window uint64, fee channel.Payouts) {
			if window == 2 {
				delete(fee, w.nodes[4].address())
			}
		}
	})
	cheated := w.nodes[4]
	for window, want := range map[uint64]int{1: 7, 2: 6, 3: 7} {
		stamp := s.stamp(window)
		if stamp == nil || len(stamp.Tickets) != want {
			t.Fatalf("window %d: stamp %+v, want %d reveals", window, stamp, want)
		}
		if _, gave := s.rounds[window].receipts[cheated.Identity()]; gave != (window != 2) {
			t.Errorf("window %d: receipt %v", window, gave)
		}
	}
	if len(cheated.refused) < 2 || !errors.Is(cheated.refused[0], byteball.Funds) || !errors.Is(cheated.refused[1], byteball.Funds) {
		t.Errorf("refused %v", cheated.refused)
	}
}

// state is all that a validator has saved, and what it answers to a window: two equal states behave alike.
func state(n *node) map[string][]byte { return maps.Clone(n.disk) }

func TestGarbageChangesNothing(t *testing.T) {
	w := newWorld(t, params.Fast())
	s := newTrader(w, 20)
	s.trade(1, 3)
	w.run(w.cal.WindowStart(3).Add(-time.Millisecond)) // window 1 is stamped, 2 still runs
	n := w.nodes[0]
	stranger := newPerson(77)
	wc := *s.rounds[1].wc
	stamp := *s.stamp(1)
	other := s.rounds[1].env
	wid := protocol.H("no window")
	pay := encode(&protocol.Evidence{Code: 5, This: exhibits(s.rounds[1])[:1]})
	late, alien, early := wc, wc, wc
	late.T0 -= 5000
	alien.Seller = stranger.Identity()
	early.Window = 1000
	forged := exhibits(s.rounds[1])
	forged[0].Batch.Salt[0] ^= 1
	for name, env := range map[string]envelope.Envelope{
		"a window with other times":    w.seal(s.person, &late),
		"a window of the future":       w.seal(s.person, &early),
		"a window of no seller":        w.seal(stranger, &alien),
		"a window by another":          w.seal(stranger, &wc),
		"receipts for no window":       w.seal(s.person, &protocol.Receipts{Wid: wid, List: [][]byte{{1}}}),
		"an opening of no window":      w.seal(s.person, &protocol.Opening{Wid: wid, Headers: s.rounds[1].headers}),
		"unserved by a stranger":       w.seal(stranger, &protocol.Unserved{Wid: wc.ID(), Indices: []uint8{1}}),
		"a commit by a stranger":       w.seal(stranger, &protocol.Commit{Wid: wc.ID()}),
		"a reveal by a stranger":       w.seal(stranger, &protocol.Reveal{Wid: wc.ID(), Hard: []uint8{5}, Evidence: pay}),
		"a reveal without a commit":    w.seal(w.nodes[1].person, &protocol.Reveal{Wid: wc.ID()}),
		"a stamp by a stranger":        w.seal(stranger, &stamp),
		"a stamp by too few":           w.seal(stranger, &protocol.Stamped{Body: encode(&protocol.Stamp{Wid: wid, Seller: s.Identity(), Prop: prop, Window: 2, Class: protocol.Class{Cell: cell}}), Sigs: []protocol.StampSig{{Signer: stranger.Identity(), Signature: make([]byte, 64)}}}),
		"a stamp that is none":         w.seal(stranger, &protocol.Stamped{Body: []byte{1}, Sigs: []protocol.StampSig{{Signer: stranger.Identity(), Signature: make([]byte, 64)}}}),
		"a notice without a match":     w.seal(s.person, &protocol.Notice{Match: []byte{1}, ByBuyer: []byte{2}, Funding: s.funding.Out.Unit, Window: 2, Voucher: []byte("{}")}),
		"a notice by another":          w.seal(stranger, s.noticeOf(2)),
		"a notice for another funding": w.seal(s.person, func() *protocol.Notice { m := s.noticeOf(2); m.Funding = hashOf("none"); return m }()),
		"a question by a stranger":     w.seal(stranger, &protocol.Ask{Seller: s.Identity(), Prop: prop, Wants: []protocol.Want{{}}}),
		"a forged history":             w.seal(stranger, &protocol.History{Items: forged}),
		"an offer":                     w.seal(stranger, &protocol.Withdraw{Offer: wid}),
		"a voucher":                    w.seal(stranger, &protocol.Voucher{Deal: wid, Data: []byte{1}}),
		"another's commitment":         w.seal(w.nodes[3].person, other.Body),
	} {
		before, refused := state(n), len(n.refused)
		w.step(n, role.Received{From: stranger.Identity(), Env: env})
		if len(n.refused) != refused+1 {
			t.Errorf("%s: refused %d times", name, len(n.refused)-refused)
		} else if !slices.ContainsFunc([]error{byteball.Invalid, byteball.Stale, byteball.NotFound, byteball.Funds, byteball.Transient},
			func(kind error) bool { return errors.Is(n.refused[refused], kind) }) {
			t.Errorf("%s: %v is of no kind", name, n.refused[refused])
		}
		if !maps.EqualFunc(before, n.disk, bytes.Equal) {
			t.Errorf("%s: the disk changed", name)
		}
	}
	w.run(w.cal.WindowStart(6))
	for window := uint64(2); window <= 3; window++ {
		if stamp := s.stamp(window); stamp == nil || len(stamp.Tickets) != 7 {
			t.Errorf("window %d after the garbage: %+v", window, stamp)
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	run := func() string {
		w, _ := play(t, params.Fast(), 1, 2, func(w *world, s *trader) { s.values = loop(3, 45) })
		return w.transcript()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("transcripts %s and %s", a, b)
	}
}
