package p2p_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

// Libraries that keep a goroutine for the life of the process; none of them belongs to a node.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// echo makes n accept everything on deal.
func echo(t testing.TB, n *p2p.Node) {
	t.Helper()
	if err := n.Handle(deal, p2p.MaxFrame, func(context.Context, protocol.Identity, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// Two nodes that know only a relay find each other in the DHT, with TCP and with QUIC.
func TestFindThroughBootstrap(t *testing.T) {
	for _, listen := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		relay := start(t, func(c *p2p.Config) { c.Relay, c.Listen = true, []string{listen} })
		known := func(c *p2p.Config) { c.Peers, c.Listen = relay.Addrs(), []string{listen} }
		a, b := start(t, known), start(t, known)
		echo(t, b)
		eventually(t, listen+": a reaches b", func() bool {
			return a.Send(within(t, 5*time.Second), b.Identity(), deal, []byte("hello")) == nil
		})
	}
}

// Two nodes that cannot dial one another (one speaks TCP, the other QUIC, and neither will be reachable) talk over the slot
// that one has at a relay, gossip included.
func TestReachThroughRelay(t *testing.T) {
	relay := start(t, func(c *p2p.Config) {
		c.Relay, c.Listen = true, []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	})
	var tcp, udp []string
	for _, a := range relay.Addrs() {
		if strings.Contains(a, "/tcp/") {
			tcp = append(tcp, a)
		} else {
			udp = append(udp, a)
		}
	}
	hidden := start(t, func(c *p2p.Config) { c.Peers, c.NAT, c.Listen = udp, true, []string{} })
	echo(t, hidden)
	caller := start(t, func(c *p2p.Config) { c.Peers, c.NAT, c.Listen = tcp, true, []string{} })
	frame := make([]byte, 300_000) // more than libp2p's usual 128 kB for a relayed connection
	eventually(t, "the caller reaches the hidden node", func() bool {
		return caller.Send(within(t, 5*time.Second), hidden.Identity(), deal, frame) == nil
	})
	ear := listen(t, hidden, offers)
	eventually(t, "gossip reaches the hidden node", func() bool {
		_ = caller.Publish(t.Context(), offers, []byte("a"))
		return ear.count("a") == 1
	})
}

// Nodes that meet nowhere but at a relay find those who listen to the same topic, also from a node that only publishes.
func TestTopicThroughBootstrap(t *testing.T) {
	relay := start(t, func(c *p2p.Config) { c.Relay = true })
	known := func(c *p2p.Config) { c.Peers = relay.Addrs() }
	a, b, c := start(t, known), start(t, known), start(t, known)
	earB, earC := listen(t, b, offers), listen(t, c, offers)
	i := 0
	eventually(t, "b and c hear a", func() bool {
		i++
		_ = a.Publish(t.Context(), offers, []byte("a"+strings.Repeat("x", i)))
		time.Sleep(100 * time.Millisecond)
		msg := "a" + strings.Repeat("x", i)
		return earB.count(msg) == 1 && earC.count(msg) == 1
	})
	if len(relay.Stats().Topics) != 0 {
		t.Error("the relay joined a topic")
	}
}

// Who comes to a topic finds those who were there before, whether they listen or only publish: their own next search may be
// minutes away. So a buyer that is started again hears the offers.
func TestNewcomerFindsPublisher(t *testing.T) {
	relay := start(t, func(c *p2p.Config) { c.Relay = true })
	at := func(c *p2p.Config) { c.Peers = relay.Addrs() }
	early := func(c *p2p.Config) { at(c); p2p.SearchLate(c, time.Hour) }
	publisher, listener := start(t, early), start(t, early)
	const topic = "/iotverse/1/offers/x/u33"
	if err := publisher.Publish(t.Context(), topic, []byte("nobody is there")); !errors.Is(err, protocol.Transient) {
		t.Fatalf("got %v, want Transient", err)
	}
	nothing := func([]byte) {}
	accept := func(protocol.Identity, []byte) protocol.Verdict { return protocol.Accept }
	if _, err := listener.Subscribe(topic, accept, nothing); err != nil {
		t.Fatal(err)
	}
	newcomer := start(t, at)
	if _, err := newcomer.Subscribe(topic, accept, nothing); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*p2p.Node{publisher, listener} {
		eventually(t, "the newcomer has found everybody", func() bool { return slices.Contains(newcomer.Peers(), other.Identity()) })
	}
}

// Nodes of another market share no DHT: they are not found.
func TestOtherMarketIsNotFound(t *testing.T) {
	relay := start(t, func(c *p2p.Config) { c.Relay = true })
	here := start(t, func(c *p2p.Config) { c.Peers = relay.Addrs() })
	there := start(t, func(c *p2p.Config) { c.Market = protocol.Hash{9} })
	echo(t, there)
	eventually(t, "the relay is connected", func() bool { return len(here.Peers()) == 1 })
	if err := here.Send(within(t, 5*time.Second), there.Identity(), deal, []byte("hello")); !errors.Is(err, protocol.Transient) {
		t.Errorf("got %v, want Transient", err)
	}
}

// A node that dies and comes back with the same key and address is connected again, from both sides, and hears gossip.
func TestRestart(t *testing.T) {
	key := newKey(t, false)
	listenOn := []string{"/ip4/127.0.0.1/tcp/" + freePort(t)}
	b, err := p2p.New(t.Context(), p2p.Config{Key: key, Listen: listenOn})
	if err != nil {
		t.Fatal(err)
	}
	a := start(t, func(c *p2p.Config) { c.Market, c.Peers = protocol.Hash{}, b.Addrs() })
	echo(t, b)
	eventually(t, "a reaches b", func() bool {
		return a.Send(within(t, 5*time.Second), key.Identity(), deal, []byte("1")) == nil
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(within(t, 2*time.Second), key.Identity(), deal, []byte("2")); !errors.Is(err, protocol.Transient) {
		t.Errorf("b is away: got %v, want Transient", err)
	}
	again := start(t, func(c *p2p.Config) { c.Market, c.Key, c.Listen = protocol.Hash{}, key, listenOn })
	echo(t, again)
	ear := listen(t, again, offers)
	eventually(t, "a reaches b again", func() bool {
		return a.Send(within(t, 5*time.Second), key.Identity(), deal, []byte("3")) == nil
	})
	eventually(t, "b hears a again", func() bool {
		return a.Publish(t.Context(), offers, []byte("a back")) == nil && ear.count("a back") == 1
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestNewRefuses(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, port, err := net.SplitHostPort(busy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*p2p.Config)
		text   string
	}{
		{"no key", func(c *p2p.Config) { c.Key = nil }, "no key"},
		{"busy port", func(c *p2p.Config) { c.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/" + port} }, "port in use"},
		{"not an address", func(c *p2p.Config) { c.Listen = []string{"localhost:4001"} }, "should look like"},
		{"peer without id", func(c *p2p.Config) { c.Peers = []string{"/ip4/127.0.0.1/tcp/4001"} }, "/p2p/<peer id>"},
		{"peer in another form", func(c *p2p.Config) { c.Peers = []string{"127.0.0.1:4001"} }, "should look like"},
		{"limits", func(c *p2p.Config) { c.Limits.Streams = -1 }, "at least"},
	} {
		cfg := p2p.Config{Key: newKey(t, false), Listen: loopback}
		tt.change(&cfg)
		n, err := p2p.New(t.Context(), cfg)
		if err == nil {
			n.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.text)
		}
	}
}

func TestCloseWhileBusy(t *testing.T) {
	a, b := start(t, nil), start(t, nil)
	join(t, a, b)
	entered := make(chan struct{}, 1)
	if err := b.Handle(deal, 10, func(ctx context.Context, _ protocol.Identity, _ []byte) error {
		entered <- struct{}{}
		<-ctx.Done() // Close ends it
		return ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	listen(t, b, offers)
	result := make(chan error, 1)
	if err := a.Post(t.Context(), b.Identity(), deal, []byte("x"), func(err error) { result <- err }); err != nil {
		t.Fatal(err)
	}
	<-entered
	for _, n := range []*p2p.Node{b, a} {
		began := time.Now()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("close took %v", took)
		}
	}
	if err := <-result; !errors.Is(err, protocol.Transient) {
		t.Errorf("message on its way: got %v, want Transient", err)
	}
	if err := a.Post(t.Context(), b.Identity(), deal, []byte("x"), nil); !errors.Is(err, protocol.Transient) {
		t.Errorf("post after close: got %v, want Transient", err)
	}
	if _, err := a.Subscribe("later", judge, func([]byte) {}); err == nil {
		t.Error("subscribed after close")
	}
	if err := a.Publish(t.Context(), "later", []byte("a")); err == nil {
		t.Error("published after close")
	}
}

// Two nodes on one LAN find each other without being told.
func TestMDNS(t *testing.T) {
	if testing.Short() {
		t.Skip("mDNS takes seconds")
	}
	if why := noMulticast(); why != "" {
		t.Skip("no multicast on this machine: " + why)
	}
	lan := func(c *p2p.Config) { c.MDNS, c.Listen = true, []string{"/ip4/0.0.0.0/tcp/0"} }
	a, b := start(t, lan), start(t, lan)
	other := start(t, func(c *p2p.Config) { lan(c); c.Market = protocol.Hash{7} })
	echo(t, b)
	eventually(t, "a finds b on the LAN", func() bool {
		return a.Send(within(t, 2*time.Second), b.Identity(), deal, []byte("hello")) == nil
	})
	if n := len(other.Peers()); n != 0 {
		t.Errorf("a node of another market has %d peers", n)
	}
}

// noMulticast says why mDNS cannot work here, or nothing.
func noMulticast() string {
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 0}
	listener, err := net.ListenMulticastUDP("udp4", nil, group)
	if err != nil {
		return err.Error()
	}
	defer listener.Close()
	group.Port = listener.LocalAddr().(*net.UDPAddr).Port
	conn, err := net.DialUDP("udp4", nil, group)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err.Error()
	}
	listener.SetReadDeadline(time.Now().Add(time.Second))
	if _, _, err := listener.ReadFrom(make([]byte, 10)); err != nil {
		return "a multicast message did not come back"
	}
	return ""
}

// Many nodes on one machine, all behind one address that is not loopback: nobody is turned away.
func TestManyOnOneAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("24 hosts take seconds")
	}
	quiet := func(c *p2p.Config) { c.Log, c.Listen = nil, []string{"/ip4/0.0.0.0/tcp/0"} }
	hub := start(t, quiet)
	var outside string
	for _, a := range hub.Addrs() {
		if !strings.HasPrefix(a, "/ip4/127.") {
			outside = a
		}
	}
	if outside == "" {
		t.Skip("this machine has no address but loopback")
	}
	for range 24 {
		n := start(t, quiet)
		if err := n.Connect(within(t, 10*time.Second), outside); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the hub has 24 peers", func() bool { return len(hub.Peers()) == 24 })
}
