package hub

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
)

// Peer is a device that this one is paired with.
type Peer struct {
	Pubkey    string `json:"pubkey"`    // permanent key
	Hub       string `json:"hub"`       // where its box is, as it said last
	Name      string `json:"name"`      // what it calls itself; empty until it has said so
	Confirmed bool   `json:"confirmed"` // it has shown a secret of ours: whose code we used has answered

	Sent  uint64 `json:"sent"`  // messages to it so far
	First uint64 `json:"first"` // number of the first message from it
	Last  uint64 `json:"last"`  // highest number
	Got   uint64 `json:"got"`   // numbered messages
}

// Missing is how many messages of the device have not come though a later one has. They may be on their way still; what
// stays missing was given up by the sender or withheld by a hub.
func (p Peer) Missing() uint64 {
	if p.Got == 0 {
		return 0
	}
	sent := p.Last - p.First + 1
	return sent - min(p.Got, sent)
}

const inviteTime = 30 * 24 * time.Hour // a code is good for so long (device.js:761)

func peerKey(address string) string { return "peer/" + address }

// Peer returns a paired device. Error: NotFound.
func (m *Mailbox) Peer(address string) (Peer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peer(address)
}

func (m *Mailbox) peer(address string) (p Peer, err error) {
	ok, err := load(m.cfg.Store, peerKey(address), &p)
	if err == nil && !ok {
		err = fmt.Errorf("device %s is not paired: %w", address, byteball.NotFound)
	}
	return p, err
}

func (m *Mailbox) savePeer(p Peer) error {
	return save(m.cfg.Store, peerKey(device.Address(p.Pubkey)), p)
}

// invite is a secret that was given out.
type invite struct {
	Until int64 `json:"until"` // Unix seconds; 0 is for ever and for everybody
}

// Invite makes a code that lets one device pair with this one within 30 days or, if it is permanent, any number of devices
// for ever. Error: what the store says.
func (m *Mailbox) Invite(permanent bool) (device.Pairing, error) {
	var secret [9]byte
	rand.Read(secret[:]) // never fails
	p := device.Pairing{Pubkey: m.cfg.Key.PublicKey(), Hub: m.cfg.Hub, Secret: base64.StdEncoding.EncodeToString(secret[:])}
	i := invite{}
	if !permanent {
		i.Until = time.Now().Add(inviteTime).Unix()
	}
	return p, save(m.cfg.Store, "secret/"+p.Secret, i)
}

// Pair uses another device's code: the two can write to each other at once, and the other is told who this one is. It is
// confirmed when it answers. Errors: Invalid for a wrong code; those of Send.
func (m *Mailbox) Pair(code string) (Peer, error) {
	to, err := device.ParsePairing(code)
	if err != nil {
		return Peer{}, err
	}
	if to.Pubkey == m.cfg.Key.PublicKey() {
		return Peer{}, fmt.Errorf("pairing code of this device itself: %w", byteball.Invalid)
	}
	back, err := m.Invite(false)
	if err != nil {
		return Peer{}, err
	}
	m.mu.Lock()
	p, err := m.peer(device.Address(to.Pubkey))
	if errors.Is(err, byteball.NotFound) || err == nil {
		p.Pubkey, p.Hub = to.Pubkey, to.Hub
		err = m.savePeer(p)
	}
	m.mu.Unlock()
	if err != nil {
		return p, err
	}
	hello := device.Introduction{Secret: to.Secret, Name: m.cfg.Name, Reverse: back.Secret}
	return p, m.Send(to.Pubkey, to.Hub, device.SubjectPairing, hello.Tree())
}

// Unpair forgets a device: what it sends is a stranger's. Error: what the store says.
func (m *Mailbox) Unpair(address string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cfg.Store.Delete(peerKey(address))
}

// pairing takes a message of a device that has one of our codes.
func (m *Mailbox) pairing(got device.Opened) error {
	hello, err := got.Introduction()
	if err != nil {
		return err
	}
	p, err := m.admit(got, hello)
	if err != nil {
		return err
	}
	if hello.Reverse != "" {
		answer := device.Introduction{Secret: hello.Reverse, Name: m.cfg.Name}
		if err := m.Send(got.Pubkey, got.Hub, device.SubjectPairing, answer.Tree()); err != nil {
			return err
		}
	}
	if m.cfg.Paired != nil {
		m.cfg.Paired(p)
	}
	return nil
}

// admit notes a device that knows a secret of ours, and uses the secret up.
func (m *Mailbox) admit(got device.Opened, hello device.Introduction) (Peer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var i invite
	ok, err := load(m.cfg.Store, "secret/"+hello.Secret, &i)
	if err != nil {
		return Peer{}, err
	}
	if !ok || i.Until != 0 && time.Now().Unix() > i.Until {
		return Peer{}, fmt.Errorf("pairing secret not found or expired: %w", byteball.Invalid)
	}
	p, err := m.peer(got.From)
	if err != nil && !errors.Is(err, byteball.NotFound) {
		return p, err
	}
	p.Pubkey, p.Hub, p.Name, p.Confirmed = got.Pubkey, got.Hub, hello.Name, true
	p.numbered(got.Number)
	if err := m.savePeer(p); err != nil {
		return p, err
	}
	if i.Until != 0 {
		return p, m.cfg.Store.Delete("secret/" + hello.Secret)
	}
	return p, nil
}

// note keeps account of a paired device's message: its number, and where the device's box is.
func (m *Mailbox) note(got device.Opened) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.peer(got.From)
	if errors.Is(err, byteball.NotFound) {
		return nil // unpaired meanwhile
	}
	if err != nil {
		return err
	}
	before := p
	p.numbered(got.Number)
	if got.Hub != p.Hub && device.CheckHub(got.Hub) == nil {
		p.Hub = got.Hub
	}
	if p.Missing() > before.Missing() {
		m.cfg.Log.Warn("messages of a device have not come", "from", got.From, "missing", p.Missing())
	}
	if p == before {
		return nil
	}
	return m.savePeer(p)
}

// numbered counts a message with a number.
func (p *Peer) numbered(n uint64) {
	if n == 0 || n > 1<<52 || p.Got > 0 && n < p.First {
		return
	}
	if p.Got == 0 {
		p.First, p.Last = n, n
	}
	p.Last = max(p.Last, n)
	p.Got++
}
