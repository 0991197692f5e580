package hub

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

const (
	maxOut      = 1000            // messages that wait to be sent
	maxOutBytes = 32 << 20        // of them
	firstRetry  = 1 * time.Second // doubled up to lastRetry, for each device apart
	lastRetry   = time.Minute
)

// letter is a message on its way out, as it lies in the store: encrypted to the permanent key of its receiver, so that it is
// the same message, whatever is put around it, each time it is sent.
type letter struct {
	N       uint64         `json:"n"`  // its place in the order of all
	To      string         `json:"to"` // permanent key
	Hub     string         `json:"hub"`
	Created int64          `json:"created"` // Unix seconds
	Package device.Package `json:"package"`

	slot int
}

func (l *letter) size() int { return len(l.Package.Text) }

// outbox is what waits to be sent, in order. Each letter has a slot of the store, where it is found again at the start.
type outbox struct {
	store   Store
	next    uint64
	letters []*letter
	used    [maxOut]bool // slots
	size    int
}

func outKey(slot int) string { return fmt.Sprintf("out/%d", slot) }

// open reads what waits.
func (o *outbox) open(s Store) error {
	o.store = s
	for slot := range maxOut {
		l := &letter{slot: slot}
		ok, err := load(s, outKey(slot), l)
		if err != nil {
			return err
		}
		if ok {
			o.used[slot], o.next, o.size = true, max(o.next, l.N+1), o.size+l.size()
			o.letters = append(o.letters, l)
		}
	}
	slices.SortFunc(o.letters, func(a, b *letter) int { return cmp.Compare(a.N, b.N) })
	return nil
}

// room says whether l can be added. Error: Transient.
func (o *outbox) room(l *letter) error {
	if len(o.letters) >= maxOut || o.size+l.size() > maxOutBytes {
		return fmt.Errorf("mailbox: %d messages of %d bytes wait already: %w", len(o.letters), o.size, byteball.Transient)
	}
	return nil
}

// add puts a letter, for which there is room, on disk and in line.
func (o *outbox) add(l *letter) error {
	l.N, l.slot = o.next, slices.Index(o.used[:], false)
	if err := save(o.store, outKey(l.slot), l); err != nil {
		return err
	}
	o.next++
	o.used[l.slot], o.size = true, o.size+l.size()
	o.letters = append(o.letters, l)
	return nil
}

// remove forgets a letter that was sent or given up.
func (o *outbox) remove(l *letter) error {
	if err := o.store.Delete(outKey(l.slot)); err != nil {
		return err
	}
	o.letters = slices.DeleteFunc(o.letters, func(x *letter) bool { return x == l })
	o.used[l.slot], o.size = false, o.size-l.size()
	return nil
}

// load reads JSON; ok is false if there is nothing.
func load(s Store, key string, v any) (ok bool, err error) {
	data, err := s.Get(key)
	if errors.Is(err, byteball.NotFound) {
		return false, nil
	}
	if err == nil {
		if err = json.Unmarshal(data, v); err != nil {
			err = fmt.Errorf("store: %s: %v: %w", key, err, byteball.Invalid)
		}
	}
	return err == nil, err
}

func save(s Store, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.Put(key, data)
}

// Send puts a message into the outbox, on disk; it leaves as soon as a hub takes it, in order with others to that device.
// pubkey is the permanent key of the receiver, hub where its box is; the body is a JSON tree.
// Errors: Invalid for a wrong key or hub or a body that is too large; Transient if too much waits; what the store says.
func (m *Mailbox) Send(pubkey, hub, subject string, body any) error {
	if err := device.CheckHub(hub); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.peer(device.Address(pubkey))
	known := err == nil
	if err != nil && !errors.Is(err, byteball.NotFound) {
		return err
	}
	msg := device.Message{From: m.Address(), Hub: m.cfg.Hub, Subject: subject, Body: body}
	if known {
		msg.Number = p.Sent + 1
	}
	pack, err := msg.Encrypt(pubkey, rand.Reader)
	if err != nil {
		return err
	}
	if len(pack.Text) > device.MaxLength/2 {
		return fmt.Errorf("mailbox: message of %d bytes, at most %d: %w", len(pack.Text), device.MaxLength/2, byteball.Invalid)
	}
	l := &letter{To: pubkey, Hub: hub, Created: time.Now().Unix(), Package: pack}
	if err := m.outbox.room(l); err != nil {
		return err
	}
	if known {
		p.Sent++
		if err := m.savePeer(p); err != nil {
			return err
		}
	}
	if err := m.outbox.add(l); err != nil {
		return err
	}
	signal(m.out)
	return nil
}

// Waiting is how many messages no hub has taken yet.
func (m *Mailbox) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.outbox.letters)
}

// turn is when a device is written to again after a failure.
type turn struct {
	at    time.Time
	pause time.Duration
}

// sendAll sends what waits in the outbox. Error: that of ctx, or of the store.
func (m *Mailbox) sendAll(ctx context.Context) error {
	turns := map[string]turn{} // by key, of devices whose last message was not taken
	for {
		due, err := m.sendDue(ctx, turns)
		if err != nil {
			return err
		}
		timer := time.NewTimer(due)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-m.out:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// sendDue makes one round through the outbox and says when the next one is due.
func (m *Mailbox) sendDue(ctx context.Context, turns map[string]turn) (due time.Duration, err error) {
	m.mu.Lock()
	letters := slices.Clone(m.outbox.letters)
	m.mu.Unlock()
	due = lastRetry
	for _, l := range letters {
		t := turns[l.To]
		if wait := time.Until(t.at); wait > 0 {
			due = min(due, wait)
			continue // so that its messages stay in order
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		err := m.post(ctx, l)
		old := time.Since(time.Unix(l.Created, 0)) > m.cfg.Keep
		if err != nil && !old {
			t.pause = min(max(firstRetry, 2*t.pause), lastRetry)
			t.at = time.Now().Add(t.pause)
			turns[l.To] = t
			due = min(due, t.pause)
			m.cfg.Log.Debug("message not delivered", "to", device.Address(l.To), "err", err)
			continue
		}
		delete(turns, l.To)
		m.mu.Lock()
		if err == nil {
			m.stats.Sent++
		} else {
			m.stats.Expired++
		}
		failed := m.outbox.remove(l)
		m.mu.Unlock()
		if failed != nil {
			return 0, fmt.Errorf("mailbox: %w", failed)
		}
	}
	return due, nil
}

// post hands one message to the hub of its receiver. It may be done again: a hub keeps a message once, and a receiver knows
// it again by what is inside.
func (m *Mailbox) post(ctx context.Context, l *letter) error {
	c := m.c
	if l.Hub != m.cfg.Hub {
		if m.cfg.Dial == nil {
			return fmt.Errorf("mailbox: hub %s of %s is another one: %w", l.Hub, device.Address(l.To), byteball.Transient)
		}
		ctx, cancel := context.WithTimeout(ctx, m.c.cfg.Timeout)
		defer cancel()
		other, err := m.cfg.Dial(ctx, l.Hub)
		if err != nil {
			return err
		}
		defer other.Close()
		c = other
	}
	temp, err := c.tempKey(ctx, l.To)
	if err != nil {
		return err
	}
	pack, err := l.Package.Encrypt(temp.TempPubkey, rand.Reader)
	if err != nil {
		return err
	}
	sealed, err := device.Seal(pack, l.To, m.cfg.Key)
	if err != nil {
		return err
	}
	body, conn, err := c.ask(ctx, "hub/deliver", sealed)
	if err != nil {
		return err
	}
	var text string
	if json.Unmarshal(body, &text) != nil || text != "accepted" {
		return fmt.Errorf("hub %s answered %s: %w", conn.url, short(body), byteball.Transient)
	}
	return nil
}

// tempKey asks for the temporary key of a device; the hub cannot make one up.
func (c *Client) tempKey(ctx context.Context, pubkey string) (device.TempKey, error) {
	body, conn, err := c.ask(ctx, "hub/get_temp_pubkey", pubkey)
	if err != nil {
		return device.TempKey{}, err
	}
	tree, err := objecthash.ParseTree(body)
	if err != nil {
		return device.TempKey{}, err
	}
	temp, err := device.ParseTempKey(tree, device.Address(pubkey))
	if err != nil {
		return temp, fmt.Errorf("hub %s: temporary key of %s: %w", conn.url, device.Address(pubkey), err)
	}
	return temp, nil
}
