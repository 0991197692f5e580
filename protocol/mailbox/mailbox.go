// Package mailbox carries direct messages between IoTVerse nodes through a ledger hub, for when no connection between the
// two can be had: both behind NAT without a relay, or never up at the same time. A message is encrypted from end to end and
// lies in the hub until its receiver has handled it.
//
// A node's device key is the wallet key of its binding, so whoever has the binding can write to the node, and every message
// carries the sender's binding, so that the receiver knows which identity wrote it: the hub's protocol proves the device key,
// the binding proves that the identity and this key belong together. One key may do both works: what a device signs begins
// with other words than a unit, a signed message or a binding does (package device); a hub chooses the challenge inside a
// login, but not these words.
//
// What a stranger can cost is bounded: the box by the hub, messages of one identity by a rate, the identities that are kept
// in memory by a number; what is kept on disk are those that this node itself has written to. Package p2p knows nothing of
// this one; protocol/node uses both. Left out: gossip, which needs no addressee, and the meaning of a frame.
package mailbox

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/protocol"
)

// subject is that of all messages of nodes; a new form gets a new one.
const subject = "iotverse/1"

const (
	maxKnown = 10_000                // bindings in memory
	keep     = time.Hour             // after which a frame that no hub takes is worth nothing any more
	burst    = 200                   // messages of one identity at once
	refill   = 50 * time.Millisecond // in which it may send one more
)

// Config says whose box it is. All fields but Log are required.
type Config struct {
	Client   *hub.Client
	Hub      string           // what Client is connected to, as others name it; see HubName
	Key      device.Key       // of Binding's wallet key
	Binding  protocol.Binding // of this node
	Verifier protocol.Verifier
	Store    hub.Store
	Log      *slog.Logger // nil discards
}

// HubName is the name of a hub among devices: its URL without scheme.
func HubName(hubURL string) string {
	u, err := url.Parse(hubURL)
	if err != nil {
		return hubURL
	}
	return u.Host + strings.TrimSuffix(u.Path, "/")
}

// Receive takes a frame that came. On an error of kind Transient it comes again, on any other it does not.
type Receive = func(ctx context.Context, from protocol.Identity, proto string, frame []byte) error

// Box sends and receives frames. It is safe for concurrent use.
type Box struct {
	cfg     Config
	mail    *hub.Mailbox
	receive Receive // set by Run

	mu    sync.Mutex
	known map[protocol.Identity]contact
	rates map[protocol.Identity]rate
}

// contact is where a node can be written to.
type contact struct {
	_       struct{} `cbor:",toarray"`
	Binding protocol.Binding
	Hub     string
}

// rate says when an identity may send again: each message moves full on by refill.
type rate struct{ full time.Time }

// New makes the box of a node. Nothing is received before Run. Errors: Invalid for a Key that is not the Binding's; those of
// hub.Client.Mailbox.
func New(cfg Config) (*Box, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Key.PublicKey() != base64.StdEncoding.EncodeToString(cfg.Binding.WalletKey) {
		return nil, fmt.Errorf("mailbox: the key is not that of the binding: %w", protocol.Invalid)
	}
	b := &Box{cfg: cfg, known: map[protocol.Identity]contact{}, rates: map[protocol.Identity]rate{}}
	var err error
	b.mail, err = cfg.Client.Mailbox(hub.MailConfig{Key: cfg.Key, Store: cfg.Store, Name: "iotverse", Hub: cfg.Hub, Keep: keep, Log: cfg.Log,
		Handle: b.handle, Stranger: b.handle})
	return b, err
}

// Run receives and sends until ctx is over or the store fails. It is called once.
func (b *Box) Run(ctx context.Context, receive Receive) error {
	b.receive = receive
	return b.mail.Run(ctx)
}

// Learn notes a binding that was seen somewhere, if it is in order.
func (b *Box) Learn(seen protocol.Binding) {
	if old, ok := b.contact(seen.Identity); ok && same(old.Binding, seen) {
		return
	}
	if seen.Check(b.cfg.Verifier) == nil {
		b.learn(contact{Binding: seen, Hub: b.cfg.Hub})
	}
}

func same(a, b protocol.Binding) bool {
	return a.Identity == b.Identity && string(a.WalletKey) == string(b.WalletKey) &&
		string(a.ByID) == string(b.ByID) && string(a.ByWallet) == string(b.ByWallet)
}

// learn notes a contact whose binding was checked. When there are too many, any one goes.
func (b *Box) learn(c contact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.known {
		if len(b.known) < maxKnown {
			break
		}
		delete(b.known, id)
	}
	b.known[c.Binding.Identity] = c
}

func (b *Box) contact(id protocol.Identity) (contact, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.known[id]
	return c, ok
}

func contactKey(id protocol.Identity) string { return "contact/" + hex.EncodeToString([]byte(id)) }

// Post puts a frame (1..protocol.MaxFrame bytes) for a node into the outbox, on disk; it leaves when a hub takes it, in order
// with others for that node. Errors: NotFound if no binding of the node is known; Invalid for a wrong frame; Transient if too
// much waits; what the store says.
func (b *Box) Post(to protocol.Identity, proto string, frame []byte) error {
	if len(frame) == 0 || len(frame) > protocol.MaxFrame {
		return fmt.Errorf("mailbox: frame of %d bytes, want 1 to %d: %w", len(frame), protocol.MaxFrame, protocol.Invalid)
	}
	c, err := b.addressee(to)
	if err != nil {
		return err
	}
	mine := b.cfg.Binding
	return b.mail.Send(text(c.Binding.WalletKey), c.Hub, subject, map[string]any{
		"identity": text([]byte(mine.Identity)), "by_id": text(mine.ByID), "by_wallet": text(mine.ByWallet), "protocol": proto, "frame": text(frame),
	})
}

// addressee finds a contact in memory or among those written to before, and keeps it for the next time.
func (b *Box) addressee(to protocol.Identity) (contact, error) {
	var stored contact
	data, err := b.cfg.Store.Get(contactKey(to))
	if err == nil {
		err = protocol.Decode(data, &stored)
	}
	if err != nil && !errors.Is(err, protocol.NotFound) {
		return contact{}, fmt.Errorf("mailbox: %w", err)
	}
	c, ok := b.contact(to)
	if !ok {
		if err != nil {
			return contact{}, fmt.Errorf("mailbox: no binding of %s is known: %w", to, err)
		}
		b.learn(stored)
		return stored, nil
	}
	if err == nil && same(stored.Binding, c.Binding) && stored.Hub == c.Hub {
		return c, nil
	}
	if data, err = protocol.Encode(c); err == nil {
		err = b.cfg.Store.Put(contactKey(to), data)
	}
	return c, err
}

func text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// handle takes a message from the hub.
func (b *Box) handle(ctx context.Context, m device.Opened) error {
	from, proto, frame, err := b.open(m)
	if err != nil {
		b.cfg.Log.Debug("message through the hub refused", "from", m.From, "err", err)
		return err
	}
	if !b.allowed(from, time.Now()) {
		return fmt.Errorf("mailbox: %s sends too much: %w", from, protocol.Invalid)
	}
	err = b.receive(ctx, from, proto, frame)
	if err != nil && !errors.Is(err, protocol.Transient) {
		return fmt.Errorf("%v: %w", err, protocol.Invalid)
	}
	return err
}

// open reads a message and proves which identity wrote it.
func (b *Box) open(m device.Opened) (from protocol.Identity, proto string, frame []byte, err error) {
	body, _ := m.Body.(map[string]any)
	field := func(name string, max int) []byte {
		s, _ := body[name].(string)
		if len(s) > base64.StdEncoding.EncodedLen(max) {
			return nil
		}
		out, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil
		}
		return out
	}
	key, err := base64.StdEncoding.DecodeString(m.Pubkey)
	if err != nil || m.Subject != subject {
		return "", "", nil, fmt.Errorf("mailbox: message %.20q of no node: %w", m.Subject, protocol.Invalid)
	}
	binding := protocol.Binding{Identity: protocol.Identity(field("identity", 64)), WalletKey: key, ByID: field("by_id", 64), ByWallet: field("by_wallet", 64)}
	proto, _ = body["protocol"].(string)
	frame = field("frame", protocol.MaxFrame)
	if len(frame) == 0 || len(frame) > protocol.MaxFrame || proto == "" || len(proto) > 100 {
		return "", "", nil, fmt.Errorf("mailbox: frame of %d bytes on %.20q: %w", len(frame), proto, protocol.Invalid)
	}
	old, ok := b.contact(binding.Identity)
	if !ok || !same(old.Binding, binding) {
		if err := binding.Check(b.cfg.Verifier); err != nil {
			return "", "", nil, err
		}
	}
	if at := m.Hub; !ok || !same(old.Binding, binding) || old.Hub != at && device.CheckHub(at) == nil {
		if device.CheckHub(at) != nil {
			at = b.cfg.Hub
		}
		b.learn(contact{Binding: binding, Hub: at})
	}
	return binding.Identity, proto, frame, nil
}

// allowed bounds what one identity sends.
func (b *Box) allowed(from protocol.Identity, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rates[from]
	if r.full.Before(now) {
		r.full = now
	}
	if r.full.Sub(now) > burst*refill {
		return false
	}
	for id := range b.rates { // when there are too many, any one goes
		if len(b.rates) < maxKnown {
			break
		}
		delete(b.rates, id)
	}
	r.full = r.full.Add(refill)
	b.rates[from] = r
	return true
}
