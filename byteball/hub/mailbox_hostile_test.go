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

	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/hub"
)

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
