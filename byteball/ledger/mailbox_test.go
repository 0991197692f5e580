package ledger_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/hub"
)

// phone is a device on a connection of its own, one frame at a time.
type phone struct {
	testing.TB
	ws        *websocket.Conn
	ring      *device.Ring
	challenge string
	tags      int
}

func connectPhone(t testing.TB, url string, n byte) *phone {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	ring, err := device.NewRing(someone(t, n).Key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{TB: t, ws: ws, ring: ring}
	if err := json.Unmarshal(p.until("justsaying", "hub/challenge").Body, &p.challenge); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *phone) address() string { return device.Address(p.ring.Permanent().PublicKey()) }

func (p *phone) write(f hub.Frame) {
	p.Helper()
	data, err := f.Bytes()
	if err == nil {
		err = p.ws.WriteMessage(websocket.TextMessage, data)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// until reads up to the first frame of a type with this command, subject or tag.
func (p *phone) until(kind, name string) hub.Frame {
	p.Helper()
	p.ws.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			p.Fatalf("waiting for %s %s: %v", kind, name, err)
		}
		f, err := hub.ParseFrame(data)
		if err != nil {
			p.Fatal(err)
		}
		if f.Type == kind && (f.Subject == name || f.Tag == name) {
			return f
		}
	}
}

func (p *phone) say(subject string, body any) {
	p.Helper()
	p.write(hub.Frame{Type: "justsaying", Subject: subject, Body: marshal(p, body)})
}

// ask returns the answer to a request.
func (p *phone) ask(command string, params any) string {
	p.Helper()
	p.tags++
	tag := fmt.Sprint("t", p.tags)
	p.write(hub.Frame{Type: "request", Command: command, Tag: tag, Body: marshal(p, params)})
	return string(p.until("response", tag).Body)
}

func marshal(t testing.TB, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// login logs in and publishes the temporary key; it returns what the hub said of the box.
func (p *phone) login() string {
	p.Helper()
	login, err := device.NewLogin(p.challenge, p.ring.Permanent())
	if err != nil {
		p.Fatal(err)
	}
	p.say("hub/login", login)
	p.until("justsaying", "hub/push_project_number")
	info := string(p.until("justsaying", "info").Body)
	temp, err := p.ring.TempKey()
	if err != nil {
		p.Fatal(err)
	}
	if got := p.ask("hub/temp_pubkey", temp); got != `"updated"` {
		p.Fatalf("temp_pubkey: %s", got)
	}
	return info
}

// letter encrypts a text for another device.
func (p *phone) letter(to *phone, text string) *device.Sealed {
	p.Helper()
	temp, err := to.ring.TempKey()
	if err != nil {
		p.Fatal(err)
	}
	m := device.Message{From: p.address(), Hub: "h", Subject: "text", Body: text}
	pack, err := m.Encrypt(temp.TempPubkey, rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	s, err := device.Seal(pack, to.ring.Permanent().PublicKey(), p.ring.Permanent())
	if err != nil {
		p.Fatal(err)
	}
	return s
}

// receive takes the next message that the hub sends, without acknowledging it.
func (p *phone) receive() (byteball.Hash, string) {
	p.Helper()
	var m struct {
		Hash    byteball.Hash `json:"message_hash"`
		Message json.RawMessage
	}
	if err := json.Unmarshal(p.until("justsaying", "hub/message").Body, &m); err != nil {
		p.Fatal(err)
	}
	s, err := device.Parse(m.Message)
	if err != nil || !s.Named(m.Hash) {
		p.Fatalf("message %s: %v", m.Hash, err)
	}
	got, err := p.ring.Open(s)
	if err != nil {
		p.Fatal(err)
	}
	return m.Hash, got.Body.(string)
}

// The exchange of protocol_samples.json: login, keys, delivery at once and later, delete, refresh.
func TestMailbox(t *testing.T) {
	w := realWorld(t)
	url := serve(t, w, time.Second)
	alice, bob := connectPhone(t, url, 1), connectPhone(t, url, 2)
	if got := alice.login(); got != `"address created"` {
		t.Errorf("first login: %s", got)
	}
	if got, want := alice.ask("hub/get_temp_pubkey", bob.ring.Permanent().PublicKey()), `{"error":"device with this pubkey is not registered here"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := alice.ask("hub/deliver", alice.letter(bob, "x")), `{"error":"address `+bob.address()+` not registered here"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bob.login()
	temp, _ := bob.ring.TempKey()
	if got := alice.ask("hub/get_temp_pubkey", bob.ring.Permanent().PublicKey()); got != string(marshal(t, temp)) {
		t.Errorf("temporary key %s, want %s", got, marshal(t, temp))
	}
	first := alice.letter(bob, "one")
	for range 3 { // a repeated one is stored once
		if got := alice.ask("hub/deliver", first); got != `"accepted"` {
			t.Fatalf("deliver: %s", got)
		}
	}
	if hash, text := bob.receive(); hash != first.Hash || text != "one" {
		t.Errorf("received %s, %s", hash, text)
	}
	bob.ws.Close()
	alice.ask("hub/deliver", alice.letter(bob, "two"))
	again := connectPhone(t, url, 2)
	again.ring = bob.ring
	login, _ := device.NewLogin(again.challenge, bob.ring.Permanent())
	again.say("hub/login", login)
	for _, want := range []string{"one", "two"} {
		hash, text := again.receive()
		if text != want {
			t.Errorf("received %s, want %s", text, want)
		}
		defer again.say("hub/delete", hash)
	}
	if got := again.until("justsaying", "info"); string(got.Body) != `"2 messages sent"` {
		t.Errorf("info %s", got.Body)
	}
	again.say("hub/delete", first.Hash)
	if got := again.until("justsaying", "info"); string(got.Body) != `"deleted message `+string(first.Hash)+`"` {
		t.Errorf("info %s", got.Body)
	}
	again.say("hub/refresh", nil)
	if _, text := again.receive(); text != "two" {
		t.Errorf("after delete and refresh: %s", text)
	}
	if got := again.until("justsaying", "hub/message_box_status"); string(got.Body) != `"empty"` {
		t.Errorf("status %s", got.Body)
	}
}

func TestMailboxRefuses(t *testing.T) {
	w := realWorld(t)
	url := serve(t, w, time.Second)
	alice, bob := connectPhone(t, url, 1), connectPhone(t, url, 2)
	for _, c := range []struct {
		subject string
		body    any
		want    string
	}{
		{"hub/refresh", nil, "please log in first"},
		{"hub/delete", someHash, "please log in first"},
		{"hub/delete", "", "no message hash"},
		{"hub/delete", "abc", "invalid message hash"},
		{"hub/delete", 1, "invalid message hash"},
		{"hub/login", map[string]any{"challenge": "x"}, "wrong challenge"},
		{"hub/login", map[string]any{"challenge": alice.challenge}, "no login params"},
	} {
		alice.say(c.subject, c.body)
		if got := alice.until("justsaying", "error"); string(got.Body) != `"`+c.want+`"` {
			t.Errorf("%s %v: got %s, want %s", c.subject, c.body, got.Body, c.want)
		}
	}
	alice.say("hub/repeat_challenge", nil)
	if got := alice.until("justsaying", "hub/challenge"); string(got.Body) != `"`+alice.challenge+`"` {
		t.Errorf("challenge again: %s", got.Body)
	}
	temp, _ := alice.ring.TempKey()
	if got := alice.ask("hub/temp_pubkey", temp); !strings.Contains(got, "please log in first") {
		t.Errorf("temp_pubkey before login: %s", got)
	}
	alice.login()
	bob.login()
	if got := alice.ask("hub/temp_pubkey", bobs(t, bob)); !strings.Contains(got, "signed by another pubkey") {
		t.Errorf("another's temp_pubkey: %s", got)
	}
	old := alice.letter(bob, "x")
	if err := bob.ring.Rotate(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if got := bob.ask("hub/temp_pubkey", bobs(t, bob)); got != `"updated"` {
		t.Fatal(got)
	}
	if got := alice.ask("hub/deliver", old); !strings.Contains(got, "wrong recipient ephemeral pubkey") {
		t.Errorf("to an old key: %s", got)
	}
	var f map[string]any
	if err := json.Unmarshal(marshal(t, alice.letter(bob, "x")), &f); err != nil {
		t.Fatal(err)
	}
	f["more"] = "y"
	if got := alice.ask("hub/deliver", f); !strings.Contains(got, "wrong message signature") {
		t.Errorf("changed: %s", got)
	}
	if got := alice.ask("hub/get_temp_pubkey", "short"); !strings.Contains(got, "wrong permanent_pubkey length") {
		t.Errorf("short key: %s", got)
	}
}

const someHash = "ZprLQ5ue0loDeWZO7TpFC38417jS4uOaxIQkw6zqaAI="

func bobs(t testing.TB, p *phone) device.TempKey {
	t.Helper()
	k, err := p.ring.TempKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A box takes so much and no more; what its owner deletes makes room; another box does not suffer.
func TestMailboxFull(t *testing.T) {
	w := realWorld(t)
	url := serve(t, w, time.Second)
	alice, bob, carol := connectPhone(t, url, 1), connectPhone(t, url, 2), connectPhone(t, url, 3)
	for _, p := range []*phone{alice, bob, carol} {
		p.login()
	}
	bob.ws.Close()
	var sent []*device.Sealed
	full := func() bool {
		s := alice.letter(bob, strings.Repeat("x", 700_000))
		got := alice.ask("hub/deliver", s)
		if got == `"accepted"` {
			sent = append(sent, s)
			return false
		}
		if !strings.Contains(got, "is full") {
			t.Fatalf("deliver: %s", got)
		}
		return true
	}
	for range 200 {
		if full() {
			break
		}
	}
	if len(sent) < 10 || len(sent) > 100 {
		t.Fatalf("%d large messages fit into a box", len(sent))
	}
	if got := alice.ask("hub/deliver", alice.letter(carol, "x")); got != `"accepted"` {
		t.Errorf("to another box: %s", got)
	}
	again := connectPhone(t, url, 2)
	again.ring = bob.ring
	again.login() // what lies there comes in pieces, or he would be cut off
	seen := map[byteball.Hash]bool{}
	for len(seen) < len(sent) {
		again.say("hub/refresh", nil)
		hash, _ := again.receive()
		seen[hash] = true
		again.say("hub/delete", hash)
		again.until("justsaying", "info")
	}
	if full() {
		t.Error("an emptied box is full")
	}
}

// A hub that holds all it may takes no more, but for what those leave who never came back.
func TestMailboxHubFull(t *testing.T) {
	w := newWorld(t, "")
	now := time.Now()
	url := serve(t, w, time.Second)
	alice, bob := connectPhone(t, url, 1), connectPhone(t, url, 2)
	for _, p := range []*phone{alice, bob} {
		p.login()
	}
	s := alice.letter(bob, "x")
	w.FillMail()
	if _, err := w.MailLogin(someone(t, 3).PublicKey(), now.Add(-time.Hour)); err != nil {
		t.Fatalf("a search finds that there is room: %v", err)
	}
	w.FillMail()
	if _, err := w.MailLogin(someone(t, 4).PublicKey(), now); err != nil {
		t.Fatalf("a later search finds that there is room: %v", err)
	}
	w.FillMail()
	if _, err := w.MailLogin(someone(t, 5).PublicKey(), now); err == nil || err.Error() != "this hub is full" {
		t.Errorf("one more device: %v", err)
	}
	if err := w.PutMail(s, now); err == nil || err.Error() != "this hub is full" {
		t.Errorf("one more message: %v", err)
	}
	if fresh, err := w.MailLogin(someone(t, 1).PublicKey(), now); err != nil || fresh {
		t.Errorf("a known device: fresh %v, %v", fresh, err)
	}
	later := now.Add(100 * 24 * time.Hour)
	if _, err := w.MailLogin(someone(t, 6).PublicKey(), later); err != nil {
		t.Fatal(err)
	}
	if fresh, err := w.MailLogin(someone(t, 4).PublicKey(), later); err != nil || !fresh {
		t.Errorf("who was away for long is forgotten: fresh %v, %v", fresh, err)
	}
	if got := inBox(t, w.Ledger, bob.address()); len(got) != 0 {
		t.Errorf("%d messages lie for a device that is forgotten", len(got))
	}
}
