package mailbox_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/mailbox"
)

type edKey struct{ ed25519.PrivateKey }

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.Public().(ed25519.PublicKey))
}
func (k edKey) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, m), nil }

// shelf is a store in memory.
type shelf struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *shelf) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.m[key]; ok {
		return v, nil
	}
	return nil, protocol.NotFound
}

func (s *shelf) Put(key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[key] = value
	return nil
}

func (s *shelf) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

// serve runs an embedded ledger and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	key, err := unit.NewKey([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	op := ledger.Operator{Signer: key}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op}) })
	t.Cleanup(func() {
		cancel()
		run.Wait()
		l.Close()
	})
	return "ws://" + listener.Addr().String()
}

// someone is a node without the rest of it.
type someone struct {
	*testing.T
	id      edKey
	key     *unit.Key
	binding protocol.Binding
	store   *shelf
	got     chan string // frames with who sent them where; capacity: more than any test sends
	answer  func(frame string) error
}

func newSomeone(t *testing.T, seed byte) *someone {
	t.Helper()
	s := &someone{T: t, store: &shelf{m: map[string][]byte{}}, got: make(chan string, 1000), answer: func(string) error { return nil }}
	s.id = edKey{ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))}
	var err error
	if s.key, err = unit.NewKey([32]byte{5, seed}); err != nil {
		t.Fatal(err)
	}
	if s.binding, err = protocol.Bind(s.id, s.key); err != nil {
		t.Fatal(err)
	}
	return s
}

// on opens the box and runs it until stop.
func (s *someone) on(url string) (b *mailbox.Box, stop func()) {
	s.Helper()
	client, err := hub.Dial(s.Context(), hub.Config{URLs: []string{url}, Network: byteball.Dev})
	if err != nil {
		s.Fatal(err)
	}
	b, err = mailbox.New(mailbox.Config{Client: client, Hub: mailbox.HubName(url), Key: s.key, Binding: s.binding, Verifier: envelope.Keys{}, Store: s.store})
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() {
		over <- b.Run(ctx, func(_ context.Context, from protocol.Identity, proto string, frame []byte) error {
			if err := s.answer(string(frame)); err != nil {
				return err
			}
			s.got <- fmt.Sprint(from, " ", proto, " ", string(frame))
			return nil
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			s.Error(err)
		}
		client.Close()
	})
	s.Cleanup(stop)
	return b, stop
}

func (s *someone) expect(from *someone, text string) {
	s.Helper()
	want := fmt.Sprint(from.id.Identity(), " ", text)
	select {
	case got := <-s.got:
		if got != want {
			s.Fatalf("got %q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		s.Fatalf("%q did not come", want)
	}
}

// What was learned from a message lasts: after a restart the other can still be written to.
func TestBox(t *testing.T) {
	url := serve(t)
	alice, bob := newSomeone(t, 1), newSomeone(t, 2)
	a, _ := alice.on(url)
	b, stop := bob.on(url)
	a.Learn(bob.binding)
	post := func(b *mailbox.Box, to *someone, frame string) {
		t.Helper()
		if err := b.Post(to.id.Identity(), "/p", []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	post(a, bob, "hello")
	bob.expect(alice, "/p hello")
	post(b, alice, "you too")
	alice.expect(bob, "/p you too")
	stop()
	post(a, bob, "while you were away")
	b, _ = bob.on(url)
	bob.expect(alice, "/p while you were away")
	post(b, alice, "back")
	alice.expect(bob, "/p back")
	post(b, alice, string(make([]byte, protocol.MaxFrame)))
	alice.expect(bob, "/p "+string(make([]byte, protocol.MaxFrame)))
	for _, n := range []int{0, protocol.MaxFrame + 1} {
		if err := b.Post(alice.id.Identity(), "/p", make([]byte, n)); !errors.Is(err, protocol.Invalid) {
			t.Errorf("frame of %d bytes: %v", n, err)
		}
	}
}

// A frame that its receiver cannot take now comes again; one that it refuses does not.
func TestReceiver(t *testing.T) {
	url := serve(t)
	alice, bob := newSomeone(t, 1), newSomeone(t, 2)
	var mu sync.Mutex
	tries := map[string]int{}
	bob.answer = func(frame string) error {
		mu.Lock()
		defer mu.Unlock()
		if tries[frame]++; frame == "busy" && tries[frame] == 1 {
			return protocol.Transient
		} else if frame == "stale" {
			return protocol.Stale
		}
		return nil
	}
	a, _ := alice.on(url)
	bob.on(url)
	a.Learn(bob.binding)
	for _, frame := range []string{"stale", "busy"} {
		if err := a.Post(bob.id.Identity(), "/p", []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	bob.expect(alice, "/p busy")
	mu.Lock()
	defer mu.Unlock()
	if tries["stale"] != 1 || tries["busy"] != 2 {
		t.Errorf("tries %v, want 1 of stale, 2 of busy", tries)
	}
}

// Nobody writes in another's name, and what is no message of a node goes no further.
func TestForged(t *testing.T) {
	url := serve(t)
	alice, bob, mallory := newSomeone(t, 1), newSomeone(t, 2), newSomeone(t, 3)
	bob.on(url)
	client, err := hub.Dial(t.Context(), hub.Config{URLs: []string{url}, Network: byteball.Dev})
	if err != nil {
		t.Fatal(err)
	}
	m, err := client.Mailbox(hub.MailConfig{Key: mallory.key, Store: mallory.store, Name: "m", Hub: mailbox.HubName(url), Handle: func(context.Context, device.Opened) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { m.Run(ctx) })
	defer func() {
		cancel()
		run.Wait()
		client.Close()
	}()
	b64 := base64.StdEncoding.EncodeToString
	body := func(b protocol.Binding, proto, frame string) map[string]any {
		return map[string]any{"identity": b64([]byte(b.Identity)), "by_id": b64(b.ByID), "by_wallet": b64(b.ByWallet), "protocol": proto, "frame": b64([]byte(frame))}
	}
	half := mallory.binding
	half.Identity = alice.binding.Identity
	good := mallory.binding
	for _, c := range []struct {
		subject string
		body    any
	}{
		{"iotverse/1", body(alice.binding, "/p", "as alice")}, // her binding is to another key
		{"iotverse/1", body(half, "/p", "as alice")},
		{"iotverse/1", "text"},
		{"iotverse/1", body(good, "", "no protocol")},
		{"iotverse/1", body(good, "/p", "")},
		{"iotverse/2", body(good, "/p", "another subject")},
		{"iotverse/1", body(good, "/p", "the end")},
	} {
		if err := m.Send(bob.key.PublicKey(), mailbox.HubName(url), c.subject, c.body); err != nil {
			t.Fatal(err)
		}
	}
	bob.expect(mallory, "/p the end")
	alice.binding.ByID = append([]byte{}, alice.binding.ByID...)
	alice.binding.ByID[0] ^= 1
	b, _ := mallory.on2(t, url)
	b.Learn(alice.binding)
	if err := b.Post(alice.id.Identity(), "/p", []byte("x")); !errors.Is(err, protocol.NotFound) {
		t.Errorf("a spoiled binding was learned: %v", err)
	}
}

// on2 opens the box with a store of its own.
func (s *someone) on2(t *testing.T, url string) (*mailbox.Box, func()) {
	t.Helper()
	s.store = &shelf{m: map[string][]byte{}}
	return s.on(url)
}

func TestKeyOfAnother(t *testing.T) {
	alice, bob := newSomeone(t, 1), newSomeone(t, 2)
	if _, err := mailbox.New(mailbox.Config{Key: alice.key, Binding: bob.binding}); !errors.Is(err, protocol.Invalid) {
		t.Errorf("a key that is not the binding's: %v", err)
	}
	for url, want := range map[string]string{"wss://obyte.org/bb": "obyte.org/bb", "ws://127.0.0.1:6611": "127.0.0.1:6611", "ws://[::1]:6611/": "[::1]:6611"} {
		if got := mailbox.HubName(url); got != want {
			t.Errorf("HubName(%s) = %s, want %s", url, got, want)
		}
	}
}
