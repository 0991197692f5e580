package p2p_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

const offers = "/iotverse/1/offers/air-temperature/u33"

// judge accepts what starts with 'a', rejects 'r', ignores the rest.
func judge(_ protocol.Identity, data []byte) protocol.Verdict {
	switch data[0] {
	case 'a':
		return protocol.Accept
	case 'r':
		return protocol.Reject
	}
	return protocol.Ignore
}

// listener collects what is delivered.
type listener struct {
	mu  sync.Mutex
	got map[string]int
}

func listen(t testing.TB, n *p2p.Node, topic string) *listener {
	t.Helper()
	l := &listener{got: make(map[string]int)}
	_, err := n.Subscribe(topic, judge, func(data []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got[string(data)]++
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *listener) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got[s]
}

func TestGossipReachesTen(t *testing.T) {
	if testing.Short() {
		t.Skip("ten hosts take seconds")
	}
	nodes := make([]*p2p.Node, 10)
	ears := make([]*listener, 10)
	for i := range nodes {
		nodes[i] = start(t, func(c *p2p.Config) { c.Log = nil })
		ears[i] = listen(t, nodes[i], offers)
		if i > 0 {
			join(t, nodes[i], nodes[i-1]) // a chain: the last hears the first over eight others
		}
	}
	probe := 0
	eventually(t, "the mesh stands from end to end", func() bool {
		probe++
		_ = nodes[0].Publish(t.Context(), offers, fmt.Appendf(nil, "a probe %d", probe))
		time.Sleep(200 * time.Millisecond)
		return ears[9].count(fmt.Sprintf("a probe %d", probe)) == 1
	})
	for i, n := range nodes {
		if err := n.Publish(t.Context(), offers, fmt.Appendf(nil, "a%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "everybody has everything", func() bool {
		for i, l := range ears {
			for j := range nodes {
				if want := min(1, max(i-j, j-i)); l.count(fmt.Sprintf("a%d", j)) != want {
					return false
				}
			}
		}
		return true
	})
}

func TestGossipVerdicts(t *testing.T) {
	a, b := start(t, nil), start(t, nil)
	join(t, a, b)
	ear := listen(t, b, offers)
	eventually(t, "a sees b on the topic", func() bool {
		return a.Publish(t.Context(), offers, []byte("a probe")) == nil
	})
	// a has no validator here, so it sends anything.
	for _, s := range []string{"a good", "i clock", "r form", "a good"} {
		if err := a.Publish(t.Context(), offers, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all three are judged", func() bool {
		s := b.Stats().Topics[offers]
		return ear.count("a good") == 1 && s.Ignored == 1 && s.Rejected == 1
	})
	if n := ear.count("i clock") + ear.count("r form"); n != 0 {
		t.Errorf("%d messages delivered that were not accepted", n)
	}
	c := start(t, nil)
	join(t, c, b)
	listen(t, c, offers)
	eventually(t, "b sees c on the topic", func() bool { return b.Stats().Topics[offers].Peers == 1 })
	for _, tt := range []struct {
		data string
		want error
	}{{"r own", protocol.Invalid}, {"i own", protocol.Stale}, {"", protocol.Invalid}, {string(make([]byte, p2p.MaxGossip+1)), protocol.Invalid}} {
		if err := b.Publish(t.Context(), offers, []byte(tt.data)); !errors.Is(err, tt.want) {
			t.Errorf("publish %.10q: got %v, want %v", tt.data, err, tt.want)
		}
	}
	big := append([]byte("a"), make([]byte, p2p.MaxGossip-1)...)
	if err := a.Publish(t.Context(), offers, big); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the largest message arrives", func() bool { return ear.count(string(big)) == 1 })
}

// A peer that goes on sending what is wrong for ever is not listened to any more.
func TestGossipGraylist(t *testing.T) {
	a, b := start(t, nil), start(t, nil)
	if err := a.Publish(t.Context(), offers, []byte("a probe")); !errors.Is(err, protocol.Transient) {
		t.Errorf("publish with nobody there: got %v, want Transient", err)
	}
	join(t, a, b)
	ear := listen(t, b, offers)
	eventually(t, "b hears a", func() bool {
		_ = a.Publish(t.Context(), offers, []byte("a probe"))
		return ear.count("a probe") == 1
	})
	eventually(t, "b closes its ears", func() bool {
		i := time.Now().UnixNano()
		_ = a.Publish(t.Context(), offers, fmt.Appendf(nil, "r %d", i))
		time.Sleep(50 * time.Millisecond)
		_ = a.Publish(t.Context(), offers, fmt.Appendf(nil, "a %d", i))
		time.Sleep(50 * time.Millisecond)
		return ear.count(fmt.Sprintf("a %d", i)) == 0
	})
	if got := b.Stats().Topics[offers].Rejected; got < 3 || got > 20 {
		t.Errorf("b closed its ears after %d rejected messages, want 3 to 20", got)
	}
}

func TestSubscribeTwiceAndAgain(t *testing.T) {
	n := start(t, nil)
	nothing := func([]byte) {}
	cancel, err := n.Subscribe(offers, judge, nothing)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Subscribe(offers, judge, nothing); !errors.Is(err, protocol.Invalid) {
		t.Errorf("second subscription: got %v, want Invalid", err)
	}
	cancel()
	cancel()
	if _, err := n.Subscribe(offers, judge, nothing); err != nil {
		t.Errorf("subscription after cancel: %v", err)
	}
	if _, err := n.Subscribe("", judge, nothing); !errors.Is(err, protocol.Invalid) {
		t.Errorf("topic without a name: got %v, want Invalid", err)
	}
}

// A node that only publishes can use more topics than it may join at once.
func TestPublishOverTopicLimit(t *testing.T) {
	a := start(t, func(c *p2p.Config) { c.Limits.Topics = 2 })
	b := start(t, nil)
	join(t, a, b)
	for _, topic := range []string{"one", "two", "three", "four", "one"} {
		heard := make(chan struct{}, 100)
		cancel, err := b.Subscribe(topic, judge, func([]byte) { heard <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "b hears a on "+topic, func() bool {
			_ = a.Publish(t.Context(), topic, fmt.Append(nil, "a", time.Now().UnixNano()))
			return len(heard) > 0
		})
		cancel()
	}
	if got := len(a.Stats().Topics); got > 2 {
		t.Errorf("%d topics joined, want at most 2", got)
	}
	if got := len(b.Stats().Topics); got != 0 {
		t.Errorf("%d topics left after cancel, want 0", got)
	}
}

func TestTopicLimit(t *testing.T) {
	n := start(t, func(c *p2p.Config) { c.Limits.Topics = 2 })
	for i, want := range []error{nil, nil, protocol.Transient} {
		if _, err := n.Subscribe(fmt.Sprint("topic ", i), judge, func([]byte) {}); !errors.Is(err, want) {
			t.Errorf("topic %d: got %v, want %v", i, err, want)
		}
	}
}
