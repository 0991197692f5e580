package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// When a mailbox tries once more what failed, a login or a message that its handler could not take: soon, then ever later.
const (
	firstAgain = 2 * time.Second
	lastAgain  = 2 * time.Minute
)

// receiver is the state of the receiving loop.
type receiver struct {
	conn   *conn     // that is logged in and knows the temporary key; nil: none
	asked  bool      // for what lies in the box, to change the temporary key when nothing is left
	empty  bool      // the box was, when the hub said so last
	turned time.Time // when the temporary key changed or was found unused
	tried  *conn     // where a login was tried last
	failed bool      // something is to be tried again
	due    time.Time // then
	pause  time.Duration
}

// receiveAll logs in, handles what comes and changes the temporary key. Error: that of ctx, or of the store.
func (m *Mailbox) receiveAll(ctx context.Context) error {
	r := receiver{turned: time.Now()}
	for {
		conn, challenge, news := m.c.mail.take()
		if err := m.receive(ctx, &r, conn, challenge, news); err != nil {
			return err
		}
		pause := m.cfg.Rotate
		if r.failed {
			pause = time.Until(r.due)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-m.c.mail.wake:
			timer.Stop()
		case <-timer.C:
			if r.failed && r.conn != nil {
				m.say(r.conn, "hub/refresh", nil)
			}
			r.failed = false
		}
	}
}

// fail notes that something is to be tried again.
func (r *receiver) fail() {
	if !r.failed {
		r.pause = min(max(2*r.pause, firstAgain), lastAgain)
		r.failed, r.due = true, time.Now().Add(r.pause)
	}
}

// receive is one round of the loop.
func (m *Mailbox) receive(ctx context.Context, r *receiver, conn *conn, challenge string, news []Frame) error {
	if conn == nil || conn.over() {
		r.conn = nil
		return nil
	}
	if r.conn != conn && (r.tried != conn || !r.failed) {
		r.tried = conn
		if err := m.login(ctx, conn, challenge); err != nil {
			m.cfg.Log.Warn("device not logged in", "hub", conn.url, "err", err)
			r.conn = nil
			r.fail()
		} else {
			r.conn, r.asked, r.empty, r.failed, r.pause = conn, false, false, false, 0
		}
	}
	for _, f := range news {
		if ctx.Err() != nil {
			return nil
		}
		var err error
		if f.Subject == "hub/message" {
			err = m.message(ctx, r, conn, f.Body)
		} else {
			m.status(r, conn, f.Body)
		}
		if err != nil {
			return err
		}
	}
	if r.conn != nil && time.Since(r.turned) >= m.cfg.Rotate {
		return m.turn(ctx, r)
	}
	return nil
}

// turn changes the temporary key if it was used, when nothing that is encrypted to the one before lies in the box.
func (m *Mailbox) turn(ctx context.Context, r *receiver) error {
	m.mu.Lock()
	used := m.ring.Used()
	m.mu.Unlock()
	switch {
	case !used:
		r.turned = time.Now()
	case !r.asked:
		r.asked, r.empty = true, false
		m.say(r.conn, "hub/refresh", nil)
	case r.empty:
		r.asked, r.turned = false, time.Now()
		return m.rotate(ctx, r)
	}
	return nil
}

// status hears how much lies in the box.
func (m *Mailbox) status(r *receiver, conn *conn, body json.RawMessage) {
	var text string
	if json.Unmarshal(body, &text) != nil {
		return
	}
	r.empty = text == "empty"
	if text == "has_more" && !r.failed {
		m.say(conn, "hub/refresh", nil)
	}
}

// over says whether the connection has ended.
func (c *conn) over() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

func (m *Mailbox) say(conn *conn, subject string, body any) {
	f := Frame{Type: "justsaying", Subject: subject}
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return
		}
		f.Body = data
	}
	if err := conn.send(f); err != nil {
		conn.cut(err)
	}
}

// login logs in on a connection and publishes the temporary key.
func (m *Mailbox) login(ctx context.Context, conn *conn, challenge string) error {
	login, err := device.NewLogin(challenge, m.cfg.Key)
	if err != nil {
		return err
	}
	m.say(conn, "hub/login", login)
	return m.publish(ctx, conn)
}

// publish tells the hub the present temporary key.
func (m *Mailbox) publish(ctx context.Context, conn *conn) error {
	m.mu.Lock()
	temp, err := m.ring.TempKey()
	m.mu.Unlock()
	if err != nil {
		return err
	}
	params, err := json.Marshal(temp)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.c.cfg.Timeout)
	defer cancel()
	body, err := conn.request(ctx, "hub/temp_pubkey", params, m.c.cfg.Answer)
	if err != nil {
		return err
	}
	if text, refused := refusal(body); refused {
		return &Refusal{Hub: conn.url, Command: "hub/temp_pubkey", Text: text}
	}
	return nil
}

// rotate changes the temporary key, on disk first. The key before stays on the ring for what is on its way. Until the hub
// has the new key, no further change is made. Error: of the store.
func (m *Mailbox) rotate(ctx context.Context, r *receiver) error {
	m.mu.Lock()
	next, err := device.OpenRing(m.cfg.Key, m.ring.Secrets())
	if err == nil {
		err = next.Rotate(rand.Reader)
	}
	if err == nil {
		if err = m.cfg.Store.Put(ringKey, next.Secrets()); err == nil {
			m.ring = next
		}
	}
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	if err := m.publish(ctx, r.conn); err != nil {
		m.cfg.Log.Warn("temporary key not published", "err", err)
		r.conn, r.tried = nil, r.conn
		r.fail()
	}
	return nil
}

// message handles one that the hub sends. Error: of the store; then it was not acknowledged.
func (m *Mailbox) message(ctx context.Context, r *receiver, conn *conn, body json.RawMessage) error {
	hash, got, err := m.open(conn, body)
	switch {
	case errors.Is(err, errNamed):
		m.count(func(s *MailStats) { s.Altered++ })
		m.cfg.Log.Warn("the hub altered a message", "hub", conn.url, "err", err)
		return nil
	case err != nil:
		m.count(func(s *MailStats) { s.Refused++ })
		m.cfg.Log.Warn("message not readable", "hub", conn.url, "message", hash, "err", err)
		m.say(conn, "hub/delete", hash)
		return nil
	}
	m.mu.Lock()
	repeated := m.seen.has(got.ID)
	if repeated {
		m.stats.Repeated++
	}
	m.mu.Unlock()
	if repeated {
		m.say(conn, "hub/delete", hash)
		return nil
	}
	switch err := m.handle(ctx, got); {
	case errors.Is(err, byteball.Invalid):
		m.count(func(s *MailStats) { s.Refused++ })
		m.cfg.Log.Debug("message refused", "from", got.From, "subject", got.Subject, "err", err)
	case err != nil:
		m.cfg.Log.Debug("message stays in the box", "from", got.From, "subject", got.Subject, "err", err)
		r.fail()
		return nil
	default:
		r.pause = 0
		m.count(func(s *MailStats) { s.Handled++ })
	}
	m.mu.Lock()
	err = m.seen.add(got.ID)
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("mailbox: %w", err)
	}
	m.say(conn, "hub/delete", hash)
	return nil
}

var errNamed = errors.New("not what its hash says")

// open checks and decrypts a message. Errors: errNamed if it is not what the hub's hash names or not for this device; any
// other one means that it can never be read.
func (m *Mailbox) open(conn *conn, body json.RawMessage) (hash byteball.Hash, got device.Opened, err error) {
	tree, err := objecthash.ParseTree(body)
	if err != nil {
		return "", got, fmt.Errorf("%v: %w", err, errNamed)
	}
	fields, _ := tree.(map[string]any)
	name, _ := fields["message_hash"].(string)
	hash = byteball.Hash(name)
	message, err := device.FromTree(fields["message"])
	if err != nil { // the hub has checked it before it took it
		return "", got, fmt.Errorf("%v: %w", err, errNamed)
	}
	if !message.Named(hash) || message.To != m.Address() {
		return "", got, fmt.Errorf("message %.44s for %s: %w", hash, message.To, errNamed)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	got, err = m.ring.Open(message)
	return hash, got, err
}

// handle gives a message to whom it is for.
func (m *Mailbox) handle(ctx context.Context, got device.Opened) error {
	if got.Subject == device.SubjectPairing {
		return m.pairing(got)
	}
	_, err := m.Peer(got.From)
	if errors.Is(err, byteball.NotFound) {
		if m.cfg.Stranger == nil {
			return fmt.Errorf("device %s is not paired: %w", got.From, byteball.Invalid)
		}
		return m.cfg.Stranger(ctx, got)
	}
	if err != nil {
		return err
	}
	err = m.cfg.Handle(ctx, got)
	if err == nil || errors.Is(err, byteball.Invalid) {
		err = errors.Join(err, m.note(got))
	}
	return err
}
