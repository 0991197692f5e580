package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
)

// Store keeps what a Mailbox must not lose; Put is durable when it returns. Get returns byteball.NotFound for what is not
// there.
type Store interface {
	Get(key string) ([]byte, error)
	Put(key string, value []byte) error
	Delete(key string) error
}

// MailConfig says who sends and receives messages of devices over a Client.
type MailConfig struct {
	Key   device.Key // permanent key of the device
	Store Store      // of this Mailbox alone
	Name  string     // for people, sent when pairing; 1..100 characters
	Hub   string     // where the box is, as others find it: the Client's hub without scheme, e.g. "obyte.org/bb"

	// Handle gets each message of a paired device; nil means that there is nothing more to do with it. On an Invalid error
	// the message is dropped, on any other it stays in the box and comes again. A crash between Handle and the note that it
	// returned makes the message come a second time; nothing else does.
	Handle func(context.Context, device.Opened) error
	// Stranger is Handle for devices that are not paired; nil refuses what they send.
	Stranger func(context.Context, device.Opened) error
	Paired   func(Peer) // somebody used a code, or the one whose code was used has answered; may be nil

	// Dial connects to the hub of another device where that is not Hub. The Mailbox closes the Client. Nil: such messages wait.
	Dial func(ctx context.Context, hub string) (*Client, error)

	Rotate time.Duration // of the temporary key, if it was used; 0 means 1 h
	Keep   time.Duration // an undelivered message is given up after this; 0 means 30 days
	Log    *slog.Logger  // nil means discard
}

func (c MailConfig) validate() error {
	switch {
	case c.Key == nil || c.Store == nil || c.Handle == nil:
		return fmt.Errorf("mailbox without key, store or handler: %w", byteball.Invalid)
	case c.Name == "" || len(c.Name) > 100:
		return fmt.Errorf("mailbox: name of %d bytes, want 1 to 100: %w", len(c.Name), byteball.Invalid)
	case c.Rotate < 0 || c.Keep < 0:
		return fmt.Errorf("mailbox: negative time: %w", byteball.Invalid)
	}
	return device.CheckHub(c.Hub)
}

// Mailbox sends and receives messages of one device over a Client. A message that was taken by Send is on disk until the hub
// has it; one that comes is acknowledged when it was handled, and handled once however often the hub repeats it. A hub that
// alters a message is found out; one that withholds messages is found out by the next one of the same paired device, which
// is numbered (Missing). It is safe for concurrent use.
type Mailbox struct {
	c   *Client
	cfg MailConfig
	out chan struct{} // something new is to be sent; capacity 1: it is not counted

	mu     sync.Mutex // of all below and of what is read and written again in the store
	ring   *device.Ring
	outbox outbox
	seen   seen
	stats  MailStats
}

// MailStats counts since the Mailbox was made.
type MailStats struct {
	Sent     uint64 // messages that a hub has accepted
	Handled  uint64
	Repeated uint64 // came again after they were handled
	Altered  uint64 // were changed on their way, or named wrongly, by the hub
	Refused  uint64 // by Handle, unreadable, or from strangers
	Expired  uint64 // were given up, undelivered
}

// Mailbox makes the mailbox of a device on c's connection, of which there can be one. It opens what an earlier one left in
// the store. Nothing is sent or received before Run. Errors: Invalid for a wrong cfg or a spoiled store; what the store says.
func (c *Client) Mailbox(cfg MailConfig) (*Mailbox, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rotate == 0 {
		cfg.Rotate = time.Hour
	}
	if cfg.Keep == 0 {
		cfg.Keep = 30 * 24 * time.Hour
	}
	m := &Mailbox{c: c, cfg: cfg, out: make(chan struct{}, 1)}
	if err := errors.Join(m.openRing(), m.outbox.open(cfg.Store), m.seen.open(cfg.Store)); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	if !c.mail.claim() {
		return nil, fmt.Errorf("mailbox: the client has one already: %w", byteball.Invalid)
	}
	return m, nil
}

const ringKey = "ring"

func (m *Mailbox) openRing() error {
	saved, err := m.cfg.Store.Get(ringKey)
	if err == nil {
		m.ring, err = device.OpenRing(m.cfg.Key, saved)
		return err
	}
	if !errors.Is(err, byteball.NotFound) {
		return err
	}
	if m.ring, err = device.NewRing(m.cfg.Key, rand.Reader); err != nil {
		return err
	}
	return m.cfg.Store.Put(ringKey, m.ring.Secrets())
}

// Address is the device's.
func (m *Mailbox) Address() string { return device.Address(m.cfg.Key.PublicKey()) }

// Stats returns what was counted.
func (m *Mailbox) Stats() MailStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// count changes the counters.
func (m *Mailbox) count(f func(*MailStats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.stats)
}

// Run logs in at each connection, receives and sends, until ctx is over or the store fails. It is called once.
func (m *Mailbox) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context) error{m.receiveAll, m.sendAll} {
		loops.Go(func() { cancel(loop(ctx)) })
	}
	loops.Wait()
	return context.Cause(ctx)
}

// mailLink is what a Client hears for its mailbox.
type mailLink struct {
	mu        sync.Mutex
	claimed   bool
	conn      *conn  // whose challenge and news these are
	challenge string // to be signed
	news      []Frame
	size      int // bytes of news
	wake      chan struct{}
}

// Bounds of what a hub may say before it is taken.
const (
	maxMail      = 1000
	maxMailBytes = 32 << 20
)

func (l *mailLink) claim() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimed {
		return false
	}
	l.claimed, l.wake = true, make(chan struct{}, 1)
	if l.challenge != "" {
		l.wake <- struct{}{}
	}
	return true
}

// hear takes what a hub says to devices; it keeps the challenge even if nobody wants it yet. Error: a fault.
func (l *mailLink) hear(conn *conn, f Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch f.Subject {
	default:
		return nil
	case "hub/challenge":
		var text string
		if json.Unmarshal(f.Body, &text) != nil {
			return nil
		}
		l.conn, l.challenge, l.news, l.size = conn, text, nil, 0
	case "hub/message", "hub/message_box_status":
		if !l.claimed || conn != l.conn {
			return nil
		}
		if l.size += len(f.Body); len(l.news) >= maxMail || l.size > maxMailBytes {
			return fault{fmt.Errorf("more than %d messages or %d bytes of them at once: %w", maxMail, maxMailBytes, byteball.Invalid)}
		}
		l.news = append(l.news, f)
	}
	if l.wake != nil {
		signal(l.wake)
	}
	return nil
}

// take returns the connection whose challenge came last, and what it said since the last take.
func (l *mailLink) take() (conn *conn, challenge string, news []Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	news, l.news, l.size = l.news, nil, 0
	return l.conn, l.challenge, news
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
