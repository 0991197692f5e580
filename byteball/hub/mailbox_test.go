package hub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/hub"
)

// shelf is a store that outlives mailboxes.
type shelf struct {
	mu sync.Mutex
	m  memory
}

func (s *shelf) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Get(key)
}

func (s *shelf) Put(key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Put(key, value)
}

func (s *shelf) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.Delete(key)
}

// phone is a device with a mailbox that can be turned off and on.
type phone struct {
	*testing.T
	name   string
	key    byte
	store  *shelf
	got    chan string // texts that were handled; capacity: more than any test sends
	paired chan hub.Peer
	refuse func(string) error

	*hub.Mailbox
	client *hub.Client
	stop   func()
}

func newPhone(t *testing.T, name string, key byte) *phone {
	return &phone{T: t, name: name, key: key, store: &shelf{m: memory{}}, got: make(chan string, 1000), paired: make(chan hub.Peer, 100),
		refuse: func(string) error { return nil }, stop: func() {}}
}

// on connects to a hub; box is what it is called in messages.
func (p *phone) on(url, box string, change ...func(*hub.MailConfig)) *phone {
	p.Helper()
	p.client = dial(p.T, hub.Config{}, url)
	key, _ := newKey(p.T, p.key)
	cfg := hub.MailConfig{Key: key, Store: p.store, Name: p.name, Hub: box, Paired: func(peer hub.Peer) { p.paired <- peer },
		Handle: func(_ context.Context, m device.Opened) error {
			text, _ := m.Body.(string)
			if err := p.refuse(text); err != nil {
				return err
			}
			p.got <- text
			return nil
		}}
	for _, f := range change {
		f(&cfg)
	}
	mailbox, err := p.client.Mailbox(cfg)
	if err != nil {
		p.Fatal(err)
	}
	p.Mailbox = mailbox
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- mailbox.Run(ctx) }()
	client := p.client
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			p.Error(err)
		}
		client.Close()
	})
	p.Cleanup(p.stop)
	return p
}

// expect waits for texts in this order.
func (p *phone) expect(texts ...string) {
	p.Helper()
	for _, want := range texts {
		select {
		case got := <-p.got:
			if got != want {
				p.Fatalf("%s got %q, want %q", p.name, got, want)
			}
		case <-time.After(30 * time.Second):
			p.Fatalf("%s did not get %q; %+v", p.name, want, p.Stats())
		}
	}
}

// quiet says that nothing more has come.
func (p *phone) quiet() {
	p.Helper()
	select {
	case got := <-p.got:
		p.Errorf("%s got %q too", p.name, got)
	default:
	}
}

func (p *phone) tell(to *phone, text string) {
	p.Helper()
	peer, err := p.Peer(to.Address())
	if err == nil {
		err = p.Send(peer.Pubkey, peer.Hub, "text", text)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// pair makes two phones known to each other, by a code of b.
func pair(a, b *phone) {
	a.Helper()
	code, err := b.Invite(false)
	if err != nil {
		a.Fatal(err)
	}
	if _, err := a.Pair(code.String()); err != nil {
		a.Fatal(err)
	}
	for _, p := range []*phone{b, a} {
		select {
		case <-p.paired:
		case <-time.After(30 * time.Second):
			a.Fatalf("%s is not paired: %+v %+v", p.name, a.Stats(), b.Stats())
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// Two devices pair by code and talk, over restarts of the hub and of themselves; each message comes once and in order.
func TestMailboxTalk(t *testing.T) {
	n := startNode(t)
	alice, bob := newPhone(t, "Alice", 1).on(n.url, n.addr), newPhone(t, "Bob", 2).on(n.url, n.addr)
	pair(alice, bob)
	for _, p := range []struct{ me, other *phone }{{alice, bob}, {bob, alice}} {
		peer, err := p.me.Peer(p.other.Address())
		if err != nil || !peer.Confirmed || peer.Name != p.other.name || peer.Hub != n.addr {
			t.Errorf("%s knows %+v (%v)", p.me.name, peer, err)
		}
	}
	alice.tell(bob, "a1")
	bob.expect("a1")
	bob.tell(alice, "b1")
	alice.expect("b1")

	bob.stop()
	alice.tell(bob, "a2")
	alice.tell(bob, "a3")
	eventually(t, "nothing delivered", func() bool { return alice.Waiting() == 0 })
	n.stop() // what was accepted is on disk
	alice.tell(bob, "a4")
	alice.stop() // and what was not is in the outbox
	n.start(nil)
	bob.on(n.url, n.addr)
	bob.expect("a2", "a3")
	alice.on(n.url, n.addr)
	bob.expect("a4")
	bob.tell(alice, "b2")
	alice.expect("b2")
	for i := range 50 {
		alice.tell(bob, fmt.Sprint("x", i))
		bob.tell(alice, fmt.Sprint("y", i))
		if i == 20 {
			n.stop()
			n.start(nil)
		}
	}
	for i := range 50 {
		bob.expect(fmt.Sprint("x", i))
		alice.expect(fmt.Sprint("y", i))
	}
	bob.quiet()
	alice.quiet()
	eventually(t, "numbers do not fit", func() bool {
		a, _ := bob.Peer(alice.Address())
		b, _ := alice.Peer(bob.Address())
		return a.Missing() == 0 && b.Missing() == 0 && a.Got == 55 && b.Got == 53
	})
}

// A code works once, a permanent one often, a made-up one never.
func TestMailboxCodes(t *testing.T) {
	n := startNode(t)
	alice, bob, carol := newPhone(t, "Alice", 1).on(n.url, n.addr), newPhone(t, "Bob", 2).on(n.url, n.addr), newPhone(t, "Carol", 3).on(n.url, n.addr)
	code, err := bob.Invite(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*phone{alice, carol} {
		if _, err := p.Pair(code.String()); err != nil {
			t.Fatal(err)
		}
		if peer := <-bob.paired; peer.Name != p.name {
			t.Errorf("paired with %+v, want %s", peer, p.name)
		}
		<-p.paired
	}
	once, err := alice.Invite(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Pair(once.String()); err != nil {
		t.Fatal(err)
	}
	<-alice.paired
	for _, secret := range []string{once.Secret, "made up"} {
		bad := once
		bad.Secret = secret
		if _, err := carol.Pair(bad.String()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "wrong codes were not refused", func() bool { return alice.Stats().Refused == 2 })
	if _, err := alice.Peer(carol.Address()); !errors.Is(err, byteball.NotFound) {
		t.Errorf("paired by a used code: %v", err)
	}
	carol.tell(alice, "let me in")
	eventually(t, "a stranger was not refused", func() bool { return alice.Stats().Refused == 3 })
	alice.quiet()
	for _, bad := range []string{"", "x@y#z", once.String()} {
		if _, err := alice.Pair(bad); !errors.Is(err, byteball.Invalid) {
			t.Errorf("Pair(%q): %v", bad, err)
		}
	}
}

// A message that its handler could not take comes again; one that it refused does not.
func TestMailboxHandler(t *testing.T) {
	n := startNode(t)
	alice, bob := newPhone(t, "Alice", 1).on(n.url, n.addr), newPhone(t, "Bob", 2)
	tries := map[string]int{}
	bob.refuse = func(text string) error {
		tries[text]++
		switch {
		case text == "wrong":
			return byteball.Invalid
		case text == "later" && tries[text] < 3:
			return byteball.Transient
		}
		return nil
	}
	bob.on(n.url, n.addr)
	pair(alice, bob)
	for _, text := range []string{"wrong", "later"} {
		alice.tell(bob, text)
	}
	bob.expect("later")
	alice.tell(bob, "end")
	bob.expect("end")
	eventually(t, "counted wrongly", func() bool { s := bob.Stats(); return s.Refused == 1 && s.Handled == 3 })
	bob.stop()
	if tries["wrong"] != 1 || tries["later"] != 3 {
		t.Errorf("tries %v, want 1 of wrong, 3 of later", tries)
	}
}

// The temporary key changes while messages go to and fro, and none is lost.
func TestMailboxRotation(t *testing.T) {
	n := startNode(t)
	often := func(c *hub.MailConfig) { c.Rotate = time.Millisecond }
	alice, bob := newPhone(t, "Alice", 1).on(n.url, n.addr), newPhone(t, "Bob", 2).on(n.url, n.addr, often)
	pair(alice, bob)
	rings := map[string]bool{}
	for i := range 30 {
		alice.tell(bob, fmt.Sprint(i))
		bob.expect(fmt.Sprint(i))
		ring, err := bob.store.Get("ring")
		if err != nil {
			t.Fatal(err)
		}
		rings[string(ring)] = true
	}
	eventually(t, "the key never changed", func() bool {
		ring, _ := bob.store.Get("ring")
		rings[string(ring)] = true
		return len(rings) > 1
	})
}

func TestMailboxConfig(t *testing.T) {
	s := serve(t)
	c := dial(t, hub.Config{}, s.url)
	key, _ := newKey(t, 1)
	good := hub.MailConfig{Key: key, Store: memory{}, Name: "n", Hub: "h", Handle: func(context.Context, device.Opened) error { return nil }}
	for i, spoil := range []func(*hub.MailConfig){
		func(c *hub.MailConfig) { c.Key = nil },
		func(c *hub.MailConfig) { c.Store = nil },
		func(c *hub.MailConfig) { c.Handle = nil },
		func(c *hub.MailConfig) { c.Name = "" },
		func(c *hub.MailConfig) { c.Hub = "ws://h" },
		func(c *hub.MailConfig) { c.Keep = -1 },
		func(c *hub.MailConfig) { c.Store = memory{"ring": []byte("x")} },
		func(c *hub.MailConfig) { c.Store = memory{"out/0": []byte("x")} },
		func(c *hub.MailConfig) { c.Store = memory{"seen/0": []byte("x")} },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := c.Mailbox(cfg); !errors.Is(err, byteball.Invalid) {
			t.Errorf("config %d: %v", i, err)
		}
	}
	m, err := c.Mailbox(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Mailbox(good); !errors.Is(err, byteball.Invalid) {
		t.Errorf("a second mailbox: %v", err)
	}
	if err := m.Send(key.PublicKey(), "ws://x", "text", "x"); !errors.Is(err, byteball.Invalid) {
		t.Errorf("to a wrong hub: %v", err)
	}
	if err := m.Send("x", "h", "text", "x"); !errors.Is(err, byteball.Invalid) {
		t.Errorf("to a wrong key: %v", err)
	}
	if err := m.Send(key.PublicKey(), "h", "text", strings.Repeat("x", device.MaxLength/2)); !errors.Is(err, byteball.Invalid) {
		t.Errorf("too long: %v", err)
	}
	for i := range 1001 {
		if err := m.Send(key.PublicKey(), "h", "text", "x"); (err != nil) != (i == 1000) || err != nil && !errors.Is(err, byteball.Transient) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if got := m.Waiting(); got != 1000 {
		t.Errorf("%d messages wait, want 1000", got)
	}
}
