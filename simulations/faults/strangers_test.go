package faults_test

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// record lets a market trade and settle once, and keeps every message between the two.
func record(t *testing.T) (list []envelope.Envelope) {
	w := market(t)
	w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
		list = append(list, env)
		return []envelope.Envelope{env}
	}
	w.bought(7)
	w.settle()
	return list
}

// state is what a node keeps of its deals.
func (n *node) state() map[string][]byte {
	all := maps.Clone(n.disk)
	maps.DeleteFunc(all, func(key string, _ []byte) bool {
		return !strings.HasPrefix(key, "deal/") && !strings.HasPrefix(key, "channel/")
	})
	return all
}

// try gives a node a message and says whether anything came of it.
func (n *node) try(env envelope.Envelope) bool {
	before := n.state()
	n.step(role.Received{From: env.Signer, Env: env})
	n.step(role.Heard{Env: env})
	return !maps.EqualFunc(before, n.state(), bytes.Equal)
}

// TestStrangersMoveNothing: what others say in the words of a deal, and what a deal that is over said, is refused.
func TestStrangersMoveNothing(t *testing.T) {
	said := record(t)
	w := market(t)
	w.bought(3)
	stranger := newPerson(77)
	var kinds []protocol.Kind
	for _, env := range said {
		if !slices.Contains(kinds, env.Kind()) {
			kinds = append(kinds, env.Kind())
		}
		byStranger := must(envelope.Seal(stranger, w.rules.Market, env.Body))
		for _, n := range w.nodes {
			if n.try(byStranger) {
				t.Errorf("a stranger's %s moves the %s", env.Kind(), n.name)
			}
		}
	}
	if len(kinds) < 9 {
		t.Errorf("only %v were tried", kinds)
	}
	w.bought(10)
	w.settle()
}

// TestReplaysMoveNothing: each side is told again, later, all that was ever said on the wire, by everybody.
func TestReplaysMoveNothing(t *testing.T) {
	w := market(t)
	var said []envelope.Envelope
	w.wire.tap = func(_ *node, env envelope.Envelope) []envelope.Envelope {
		said = append(said, env)
		return []envelope.Envelope{env}
	}
	w.bought(10)
	old := slices.Clone(said)
	for _, env := range old {
		for _, n := range w.nodes {
			if n.Identity() != env.Signer {
				n.step(role.Received{From: env.Signer, Env: env})
			}
		}
	}
	w.bought(10)
	w.settle()
	for _, env := range old {
		for _, n := range w.nodes {
			n.try(env)
		}
	}
	w.run(60e9)
	if n := w.laws.closed(); n != 1 {
		t.Errorf("%d channels closed", n)
	}
}

// TestForeignKindsAreRefused: a message for another role moves nothing and is counted.
func TestForeignKindsAreRefused(t *testing.T) {
	w := market(t)
	w.bought(3)
	id := w.dealer.Identity()
	for _, m := range []protocol.Message{
		&protocol.Receipts{Wid: protocol.H("w"), List: [][]byte{{1}}}, &protocol.Unserved{Wid: protocol.H("w"), Indices: []uint8{1}}, &protocol.Commit{Wid: protocol.H("w")},
		&protocol.Receipt{Wid: protocol.H("w")}, &protocol.Ask{Seller: id, Prop: "pm10", Wants: []protocol.Want{{}}}, &protocol.Accepted{Deal: protocol.H("d")},
		&protocol.Close{Deal: protocol.H("d"), Reason: "x", Data: []byte("{}")}, &protocol.Key{Deal: protocol.H("d"), Sealed: make([]byte, 80)},
	} {
		env := must(envelope.Seal(newPerson(77), w.rules.Market, m))
		for _, n := range w.nodes {
			before := len(n.refused)
			if moved := n.try(env); moved || len(n.refused) == before {
				t.Errorf("a %s for the %s: moved %t, %d refusals", m.Kind(), n.name, moved, len(n.refused)-before)
			}
		}
	}
	w.settle()
}

// TestAReceiptAfterARestart: a window of which a restarted seller knows the stamp alone takes no receipts, a stranger's or a
// member's that comes late.
func TestAReceiptAfterARestart(t *testing.T) {
	w := market(t)
	w.bought(7)
	w.dealer.crash()
	w.run(time.Second)
	for wid := range w.laws.windows {
		for _, p := range []*person{newPerson(77), newPerson(1)} {
			env := must(envelope.Seal(p, w.rules.Market, &protocol.Receipt{Wid: wid, Arrived: w.now.UnixMilli(), Tip: 1}))
			if w.dealer.try(env) {
				t.Error("a receipt of a window that is judged moves the seller")
			}
		}
	}
	w.bought(5)
	w.settle()
}

// TestAMemberCannotHoldUpARound: as many members as a quorum can do without lie in their receipts, of a main chain that will
// never be so long, or of no window at all before there is one.
func TestAMemberCannotHoldUpARound(t *testing.T) {
	for what, tip := range map[string]uint64{"the last index": math.MaxUint64, "an hour ahead": 3600} {
		t.Run(what, func(t *testing.T) {
			w := market(t)
			w.jury.lies = func(seat int, m *protocol.Receipt) {
				if seat < 2 {
					m.Tip = max(tip, m.Tip+tip)
				}
			}
			w.bought(12)
			w.settle()
		})
	}
	t.Run("no window", func(t *testing.T) {
		w := market(t)
		w.jury.mute = func(uint64) int { return 1 }
		w.until("deal agreed", time.Minute, func() bool { return w.buyer.heard("deal agreed") })
		for range 3 {
			w.start(w.window()+1, time.Second)
			for _, p := range w.jury.members {
				if w.seat(w.window(), p.Identity()) == 0 {
					env := must(envelope.Seal(p, w.rules.Market, &protocol.Receipt{Tip: 1}))
					w.dealer.step(role.Received{From: p.Identity(), Env: env})
				}
			}
		}
		w.bought(5)
		w.settle()
	})
}

// TestTheSameSeedTheSameBytes: two runs of one story say the same, byte by byte.
func TestTheSameSeedTheSameBytes(t *testing.T) {
	a, b := record(t), record(t)
	if len(a) != len(b) {
		t.Fatalf("%d messages, and %d the second time", len(a), len(b))
	}
	for i := range a {
		if !bytes.Equal(a[i].Raw, b[i].Raw) {
			t.Fatalf("message %d, a %s, differs", i, a[i].Kind())
		}
	}
}

// TestABadDiskIsAnErrorNotAPanic spoils every row that either side keeps in the middle of a deal.
func TestABadDiskIsAnErrorNotAPanic(t *testing.T) {
	w := market(t)
	w.bought(8)
	for _, n := range w.nodes {
		for key, value := range n.disk {
			for _, bad := range [][]byte{nil, {0xff}, value[:len(value)/2], append(slices.Clone(value), 0)} {
				disk := maps.Clone(n.disk)
				disk[key] = bad
				_, err := n.build(disk)
				kind, _, _ := strings.Cut(key, "/")
				evidence := kind == "stamp" && n == w.buyer // kept for others, never read
				if must := slices.Contains([]string{"deal", "channel", "batch", "position", "wc", "stamp"}, kind); must && !evidence && err == nil {
					t.Errorf("the %s starts from a spoiled %s", n.name, kind)
				}
			}
			disk := maps.Clone(n.disk)
			delete(disk, key)
			n.build(disk)
		}
	}
}
