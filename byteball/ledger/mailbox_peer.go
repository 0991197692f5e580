package ledger

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The commands of devices. A device that has logged in hears of a message as soon as it is on disk.

// login makes the connection that of a device and sends what lies in its box (network.js:2897).
func (p *peer) login(q params) {
	if !truthy(q.tree) {
		return
	}
	p.owe(0, costOf("hub/deliver"))
	login, err := device.CheckLogin(q.tree, p.challenge)
	if err != nil {
		p.say("error", err.Error())
		return
	}
	fresh, err := p.s.l.mailLogin(login.Pubkey, time.Now())
	if err != nil {
		p.say("error", err.Error())
		return
	}
	p.mu.Lock()
	p.told = !fresh
	p.mu.Unlock()
	p.s.mu.Lock()
	p.device, p.mail = device.Address(login.Pubkey), login
	p.s.mu.Unlock()
	p.say("system_vars", p.s.l.systemVars())
	p.say("hub/push_project_number", map[string]any{"projectNumber": 0, "hasKeyId": false})
	if fresh {
		p.say("info", "address created")
		return
	}
	p.messages()
}

// messages sends what lies in the device's box, as much as goes at once.
func (p *peer) messages() {
	if p.device == "" {
		p.say("error", "please log in first")
		return
	}
	count, longest := atOnce, device.MaxLength
	if n := p.mail.MaxCount; n > 0 {
		count = int(n)
	}
	if n := p.mail.MaxLength; n > 0 {
		longest = int(min(n, device.MaxLength))
	}
	defer p.s.l.mail.lock(p.device)()
	list, more, err := p.s.l.readMail(p.device, count, longest)
	if err != nil {
		p.say("error", err.Error())
		return
	}
	more = more || len(list) == count
	p.mu.Lock()
	p.told = more
	p.mu.Unlock()
	for _, m := range list {
		p.owe(len(m.Message), messageCost)
		p.say("hub/message", m)
	}
	p.say("info", fmt.Sprintf("%d messages sent", len(list)))
	if more {
		p.say("hub/message_box_status", "has_more")
	} else {
		p.say("hub/message_box_status", "empty")
	}
}

// acknowledged removes a message that the device has got (network.js:2966).
func (p *peer) acknowledged(q params) {
	hash, isText := q.tree.(string)
	switch {
	case !truthy(q.tree):
		p.say("error", "no message hash")
	case !isText || !isHash(hash):
		p.say("error", "invalid message hash")
	case p.device == "":
		p.say("error", "please log in first")
	default:
		p.owe(0, costOf("hub/temp_pubkey"))
		if err := p.s.l.deleteMail(p.device, byteball.Hash(hash)); err != nil {
			p.say("error", err.Error())
			return
		}
		p.say("info", "deleted message "+hash)
	}
}

// isHash says whether s is a hash in the one base64 form that counts.
func isHash(s string) bool {
	b, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(s) == unit.HashLength && base64.StdEncoding.EncodeToString(b) == s
}

// tempKey takes a device's temporary key (network.js:3503).
func tempKey(p *peer, q params) (any, error) {
	if p.device == "" {
		return nil, refuse("please log in first")
	}
	k, err := device.ParseTempKey(q.tree, p.device)
	if err != nil {
		return nil, err
	}
	if err := p.s.l.mailTempKey(k); err != nil {
		return nil, err
	}
	return "updated", nil
}

// getTempKey answers what to encrypt to (network.js:3483).
func getTempKey(p *peer, q params) (any, error) {
	pubkey, _ := q.tree.(string)
	if objecthash.StringLength(pubkey) != unit.HashLength { // a key is as long as a hash
		return nil, refuse("wrong permanent_pubkey length")
	}
	d, known, err := p.s.l.mailDevice(device.Address(pubkey))
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, refuse("device with this pubkey is not registered here")
	case d.Temp.TempPubkey == "":
		return nil, refuse("temp pub key not set yet")
	}
	return d.Temp, nil
}

// deliver takes a message for a device and passes it on at once if the device is connected (network.js:3408).
func deliver(p *peer, q params) (any, error) {
	sealed, err := device.FromTree(q.tree)
	if err != nil {
		return nil, err
	}
	defer p.s.l.mail.lock(sealed.To)() // so that a device hears of its messages in their order
	text, err := p.s.l.putMail(sealed, time.Now())
	if err != nil {
		return nil, err
	}
	p.s.handOver(sealed.To, letter{sealed.Hash, text})
	return "accepted", nil
}

// handOver sends a message to the connections of a device whose box is locked. One for which too much waits already is told
// to ask instead, so that nobody is cut off by the letters that strangers write him; until it has, it hears of no others.
func (s *server) handOver(address string, m letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		if p.device != address || p.mail.MaxLength > 0 && uint64(len(m.Message)) > p.mail.MaxLength {
			continue
		}
		p.mu.Lock()
		told := p.told
		behind := told || p.waiting > pauseAbove || len(p.out) >= maxAhead
		p.told = behind
		p.mu.Unlock()
		switch {
		case !behind:
			p.say("hub/message", m)
		case !told:
			p.say("hub/message_box_status", "has_more")
		}
	}
}
