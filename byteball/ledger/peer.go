package ledger

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
)

// Bounds of one connection.
const (
	maxFrame    = 6 << 20          // bytes of a message (network.js:46)
	maxTag      = 44               // characters
	maxPosts    = 512              // units that wait to be saved
	maxQueue    = 1000             // messages that wait to be sent
	maxWaiting  = 32 << 20         // bytes that wait to be sent
	sendTime    = 10 * time.Second // for one message; a slower client is dropped
	silence     = 10 * time.Second // after which a client is asked whether it is there
	silenceEnds = 60 * time.Second // after which it is not
	perSecond   = 200              // messages that are read from a client
	burst       = 1000             // and how many at once
)

// peer is one client.
type peer struct {
	s     *server
	ws    *websocket.Conn
	out   chan []byte // capacity: what a slow client may be behind
	over  chan struct{}
	posts chan struct{} // one entry for each unit that waits to be saved; capacity maxPosts: their bound
	once  sync.Once

	waiting atomic.Int64 // bytes in out
	heard   atomic.Int64 // Unix nanoseconds

	challenge string
	device    string // address it has logged in with
	knowsVars bool

	watched map[byteball.Address]bool // guarded by s.mu
	units   map[byteball.Hash]bool    // guarded by s.mu
}

func newPeer(s *server) *peer {
	return &peer{s: s, out: make(chan []byte, maxQueue), over: make(chan struct{}), posts: make(chan struct{}, maxPosts), challenge: random(30),
		watched: map[byteball.Address]bool{}, units: map[byteball.Hash]bool{}}
}

// random is the text of n random bytes.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// cut ends the connection.
func (p *peer) cut() { p.once.Do(func() { close(p.over) }) }

// run serves the connection until it ends.
func (p *peer) run(ws *websocket.Conn) {
	p.ws = ws
	ws.SetReadLimit(maxFrame)
	p.heard.Store(time.Now().UnixNano())
	p.greet()
	var writer sync.WaitGroup
	writer.Go(p.write)
	p.read()
	p.cut()
	writer.Wait()
}

// greet sends what a hub sends first (network.js:4268).
func (p *peer) greet() {
	net := p.s.l.net
	p.say("version", map[string]any{"protocol_version": net.Version, "alt": net.Alt, "library": "iotverse", "library_version": "0.4.6",
		"program": "iotverse-ledger", "program_version": "0.1.0"})
	p.say("hub/challenge", p.challenge)
	p.ask("subscribe", map[string]any{"subscription_id": random(30), "last_mci": p.s.l.TipMCI(), "library_version": "0.4.6"})
}

// read handles one message after the other, none faster than perSecond.
func (p *peer) read() {
	credit, at := float64(burst), time.Now()
	for {
		kind, data, err := p.ws.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		p.heard.Store(now.UnixNano())
		credit, at = min(burst, credit+now.Sub(at).Seconds()*perSecond)-1, now
		if credit < 0 {
			time.Sleep(time.Second / perSecond)
		}
		if kind != websocket.TextMessage {
			continue
		}
		if !p.handle(data) {
			return
		}
		select {
		case <-p.over:
			return
		default:
		}
	}
}

// write sends what is queued, and heartbeats.
func (p *peer) write() {
	defer p.ws.Close()
	defer p.cut()
	beat := time.NewTicker(silence / 2)
	defer beat.Stop()
	for {
		select {
		case <-p.over:
			p.finish()
			return
		case data := <-p.out:
			p.waiting.Add(-int64(len(data)))
			p.ws.SetWriteDeadline(time.Now().Add(sendTime))
			if p.ws.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		case <-beat.C:
			quiet := time.Since(time.Unix(0, p.heard.Load()))
			if quiet > silenceEnds {
				return
			}
			if quiet > silence {
				p.ask("heartbeat", nil)
			}
		}
	}
}

// finish sends what is still queued, if that goes fast, and says goodbye.
func (p *peer) finish() {
	p.ws.SetWriteDeadline(time.Now().Add(time.Second))
	for {
		select {
		case data := <-p.out:
			if p.ws.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		default:
			p.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			return
		}
	}
}

// send queues a message; a client that does not take its messages is dropped.
func (p *peer) send(kind string, content any) {
	data, err := json.Marshal([]any{kind, content})
	if err != nil {
		p.s.log.Error("message cannot be written", "err", err)
		return
	}
	if p.waiting.Add(int64(len(data))) > maxWaiting {
		p.s.log.Debug("client is too slow")
		p.cut()
		return
	}
	select {
	case p.out <- data:
	default:
		p.s.log.Debug("client is too slow")
		p.cut()
	}
}

func (p *peer) say(subject string, body any) {
	content := map[string]any{"subject": subject}
	if body != nil {
		content["body"] = body
	}
	p.send("justsaying", content)
}

func (p *peer) ask(command string, params any) {
	content := map[string]any{"command": command, "tag": random(32)}
	if params != nil {
		content["params"] = params
	}
	p.send("request", content)
}

func (p *peer) answer(tag, command string, body any) {
	content := map[string]any{"tag": tag, "command": command}
	if body != nil {
		content["response"] = body
	}
	p.send("response", content)
}

// handle takes one message; false ends the connection. What is no message is ignored, as the reference does.
func (p *peer) handle(data []byte) bool {
	f, ok := readFrame(data)
	if !ok {
		return true
	}
	switch f.Type {
	case "request":
		p.request(f)
	case "justsaying":
		return p.hear(f)
	}
	return true
}

// frame is a message: a request or a justsaying.
type frame struct {
	Type    string          `json:"-"`
	Command string          `json:"command"`
	Tag     string          `json:"tag"`
	Params  json.RawMessage `json:"params"`
	Subject string          `json:"subject"`
	Body    json.RawMessage `json:"body"`
}

// readFrame reads [type, content].
func readFrame(data []byte) (frame, bool) {
	var parts []json.RawMessage
	var f frame
	if json.Unmarshal(data, &parts) != nil || len(parts) != 2 || json.Unmarshal(parts[0], &f.Type) != nil {
		return f, false
	}
	kind := f.Type
	ok := json.Unmarshal(parts[1], &f) == nil
	f.Type = kind
	return f, ok
}
