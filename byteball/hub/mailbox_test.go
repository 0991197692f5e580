package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

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

// twister stands between a client and a hub and changes what the hub says.
type twister struct {
	*httptest.Server
	mu     sync.Mutex
	change func(hub.Frame) []hub.Frame
	cut    func() bool // asked after each change
}

func (l *twister) twist(f func(hub.Frame) []hub.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change = f
}

func startTwister(t *testing.T, url string) *twister {
	l := &twister{change: func(f hub.Frame) []hub.Frame { return []hub.Frame{f} }}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		client, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer client.Close()
		honest, _, err := websocket.DefaultDialer.Dial(url, nil)
		if err != nil {
			return
		}
		defer honest.Close()
		var both sync.WaitGroup
		both.Go(func() {
			defer honest.Close()
			for {
				kind, data, err := client.ReadMessage()
				if err != nil || honest.WriteMessage(kind, data) != nil {
					return
				}
			}
		})
		defer both.Wait()
		defer client.Close()
		for {
			_, data, err := honest.ReadMessage()
			if err != nil {
				return
			}
			f, err := hub.ParseFrame(data)
			if err != nil {
				return
			}
			l.mu.Lock()
			out := l.change(f)
			over := l.cut != nil && l.cut()
			l.mu.Unlock()
			if over {
				return
			}
			for _, f := range out {
				if data, err := f.Bytes(); err != nil || client.WriteMessage(websocket.TextMessage, data) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// A hub that alters, repeats or withholds messages is noticed, and no message is handled that was not sent so.
func TestMailboxLyingHub(t *testing.T) {
	n := startNode(t)
	l := startTwister(t, n.url)
	alice := newPhone(t, "Alice", 1).on(n.url, n.addr)
	bob := newPhone(t, "Bob", 2).on("ws"+strings.TrimPrefix(l.URL, "http"), n.addr)
	pair(alice, bob)
	only := func(change func(json.RawMessage) []json.RawMessage) {
		l.twist(func(f hub.Frame) []hub.Frame {
			if f.Subject != "hub/message" {
				return []hub.Frame{f}
			}
			var out []hub.Frame
			for _, body := range change(slices.Clone(f.Body)) {
				f.Body = body
				out = append(out, f)
			}
			return out
		})
	}
	text := func(old, new string) func(json.RawMessage) []json.RawMessage {
		return func(b json.RawMessage) []json.RawMessage {
			return []json.RawMessage{[]byte(strings.Replace(string(b), old, new, 1))}
		}
	}
	for i, spoil := range []func(json.RawMessage) []json.RawMessage{
		text(`"encrypted_message":"`, `"encrypted_message":"AAAA`),
		text(`"to":"0`, `"to":"1`),
		text(`"message_hash":"`, `"message_hash":"A`),
		text(`"pubkey":"`, `"pubkey":"x`),
		text(`"signature":"`, `"signatures":"`),
	} {
		only(spoil)
		alice.tell(bob, "spoiled")
		eventually(t, "an altered message was not noticed", func() bool { return bob.Stats().Altered == uint64(i+1) })
	}
	bob.quiet()

	only(func(b json.RawMessage) []json.RawMessage { return []json.RawMessage{b, b, b} })
	alice.tell(bob, "repeated")
	bob.expect("repeated")
	eventually(t, "repeated ones were not noticed", func() bool { return bob.Stats().Repeated == 2 })
	eventually(t, "missing ones were not noticed", func() bool { p, _ := bob.Peer(alice.Address()); return p.Missing() == 5 })

	only(func(json.RawMessage) []json.RawMessage { return nil })
	alice.tell(bob, "withheld")
	eventually(t, "not delivered", func() bool { return alice.Waiting() == 0 })
	only(func(b json.RawMessage) []json.RawMessage { return []json.RawMessage{b} })
	alice.tell(bob, "next")
	bob.expect("next")
	eventually(t, "a withheld one was not noticed", func() bool { p, _ := bob.Peer(alice.Address()); return p.Missing() == 6 })
	bob.quiet()
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

// dying is a store that fails for ever after some writes, as a machine does that loses its power.
type dying struct {
	*shelf
	left int // writes
}

var errDead = errors.New("no power")

func (d *dying) Put(key string, value []byte) error {
	if d.left--; d.left < 0 {
		return errDead
	}
	return d.shelf.Put(key, value)
}

func (d *dying) Delete(key string) error {
	if d.left--; d.left < 0 {
		return errDead
	}
	return d.shelf.Delete(key)
}

// Law: wherever the power goes, a message that Send took is in the outbox afterwards, once.
func TestMailboxPowerLoss(t *testing.T) {
	s := serve(t)
	key, _ := newKey(t, 1)
	other, _ := newKey(t, 2)
	handle := func(context.Context, device.Opened) error { return nil }
	for left := range 12 {
		store := &dying{&shelf{m: memory{}}, left}
		taken := 0
		c := dial(t, hub.Config{}, s.url)
		m, err := c.Mailbox(hub.MailConfig{Key: key, Store: store, Name: "n", Hub: "h", Handle: handle})
		if err == nil {
			if _, err = m.Pair(other.PublicKey() + "@h#secret"); err == nil {
				taken++
			}
			for err == nil {
				if err = m.Send(other.PublicKey(), "h", "text", "x"); err == nil {
					taken++
				}
			}
		}
		if !errors.Is(err, errDead) {
			t.Fatalf("after %d writes: %v", left, err)
		}
		again, err := dial(t, hub.Config{}, s.url).Mailbox(hub.MailConfig{Key: key, Store: store.shelf, Name: "n", Hub: "h", Handle: handle})
		if err != nil {
			t.Fatalf("after %d writes it does not open: %v", left, err)
		}
		if got := again.Waiting(); got != taken {
			t.Errorf("after %d writes %d messages wait, want %d", left, got, taken)
		}
	}
}

// Connections that break in the middle of everything lose nothing and repeat nothing.
func TestMailboxCuts(t *testing.T) {
	n := startNode(t)
	la, lb := startTwister(t, n.url), startTwister(t, n.url)
	alice := newPhone(t, "Alice", 1).on("ws"+strings.TrimPrefix(la.URL, "http"), n.addr)
	bob := newPhone(t, "Bob", 2).on("ws"+strings.TrimPrefix(lb.URL, "http"), n.addr)
	pair(alice, bob)
	for i, l := range []*twister{la, lb} {
		count, cuts := 0, []int{3 + i, 20 + i, 36 + i, 52 + i} // frames that are lost with their connection
		l.twist(func(f hub.Frame) []hub.Frame {
			if count++; slices.Contains(cuts, count) {
				return nil
			}
			return []hub.Frame{f}
		})
		l.mu.Lock()
		l.cut = func() bool { return slices.Contains(cuts, count) }
		l.mu.Unlock()
	}
	const messages = 20
	want := map[string]bool{}
	for k := range messages {
		text := fmt.Sprint("m", k)
		alice.tell(bob, text)
		want[text] = true
	}
	for range messages {
		select {
		case got := <-bob.got:
			if !want[got] {
				t.Errorf("%s came twice", got)
			}
			delete(want, got)
		case <-time.After(60 * time.Second):
			t.Fatalf("%d messages did not come: %+v %+v", len(want), alice.Stats(), bob.Stats())
		}
	}
	bob.quiet()
}
