package ledger

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball/device"
)

// peer is one client: its reader takes one message after the other, its writer sends what is queued. An idle one costs two
// goroutines and their buffers, about 24 kB in all (BenchmarkClients).
type peer struct {
	s      *server
	host   string
	shared *host

	over  chan struct{} // closed when nothing more is read
	once  sync.Once
	heard atomic.Int64 // Unix nanoseconds

	challenge string
	device    string       // address it has logged in with; with mail written under s.mu
	mail      device.Login // what it said of the messages it wants
	told      bool         // that more messages lie here than it was sent, or still will be; guarded by mu
	knowsVars bool

	watched map[string]bool // guarded by s.mu

	mu      sync.Mutex
	ws      *websocket.Conn
	out     [][]byte        // to be sent
	posts   map[string]bool // tags of those that are not answered
	waiting int             // bytes of out and posts
	ended   bool            // nothing more comes to out
	last    time.Time       // when all must have left, then
	bytes   bucket          // read and answered
	work    bucket          // see costs
	more    chan struct{}   // something is to be sent, or ended was set; capacity 1: it is not counted
	room    chan struct{}   // less waits than before; capacity 1, as above
	open    sync.WaitGroup  // posts
}

func newPeer(s *server, host string) *peer {
	now := time.Now()
	return &peer{s: s, host: host, over: make(chan struct{}), challenge: random(30), watched: map[string]bool{}, posts: map[string]bool{},
		bytes: newBucket(bytesPerSecond, bytesAtOnce, now), work: newBucket(workPerSecond, workAtOnce, now),
		more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// random is the text of n random bytes.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// cut ends the reading: what was taken is answered still.
func (p *peer) cut() {
	p.once.Do(func() {
		close(p.over)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.ws != nil {
			p.ws.SetReadDeadline(time.Unix(1, 0))
			p.ws.NetConn().SetWriteDeadline(time.Now().Add(goodbye))
		}
	})
}

// drop ends the connection at once.
func (p *peer) drop(why string) {
	p.s.log.Debug("client dropped", "host", p.host, "why", why)
	p.cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ws != nil {
		p.ws.Close()
	}
}

// run serves the connection until it ends.
func (p *peer) run(ws *websocket.Conn) {
	ws.SetReadLimit(maxFrame)
	ws.SetPingHandler(func(text string) error {
		p.owe(len(text), pingCost)
		return ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(time.Second))
	})
	p.mu.Lock()
	p.ws = ws
	p.mu.Unlock()
	p.heard.Store(time.Now().UnixNano())
	p.greet()
	var writer sync.WaitGroup
	writer.Go(p.write)
	p.read()
	p.cut()
	p.open.Wait()
	p.end()
	writer.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait(-p.waiting)
}

// greet sends what a hub sends first (network.js:4268).
func (p *peer) greet() {
	net := p.s.l.net
	p.say("version", map[string]any{"protocol_version": net.Version, "alt": net.Alt, "library": "iotverse", "library_version": "0.4.6",
		"program": "iotverse-ledger", "program_version": "0.1.0"})
	p.say("hub/challenge", p.challenge)
	p.ask("subscribe", map[string]any{"subscription_id": random(30), "last_mci": p.s.l.TipMCI(), "library_version": "0.4.6"})
}

// read handles one message after the other, as fast as the client may be.
func (p *peer) read() {
	for p.ready() {
		kind, data, err := p.next()
		if err != nil {
			return
		}
		p.heard.Store(time.Now().UnixNano())
		p.owe(len(data), messageCost)
		if kind == websocket.TextMessage && !p.handle(data) {
			return
		}
		p.heard.Store(time.Now().UnixNano()) // it may have waited for its turn
	}
}

// next reads a message. Large ones take turns, so that half-sent ones cannot fill the memory.
func (p *peer) next() (kind int, data []byte, err error) {
	if !p.readUntil(time.Time{}) {
		return 0, nil, io.EOF
	}
	kind, r, err := p.ws.NextReader()
	if err != nil || !p.readUntil(time.Now().Add(frameTime)) {
		return 0, nil, errors.Join(io.EOF, err)
	}
	if data, err = io.ReadAll(io.LimitReader(r, smallFrame)); err != nil || len(data) < smallFrame {
		return kind, data, err
	}
	if !p.s.big.enter(p.host, p.over) {
		return 0, nil, io.EOF
	}
	defer p.s.big.leave()
	if !p.readUntil(time.Now().Add(frameTime)) {
		return 0, nil, io.EOF
	}
	rest, err := io.ReadAll(r)
	return kind, append(data, rest...), err
}

// readUntil sets a deadline for reading; it returns false when the reading is over.
func (p *peer) readUntil(t time.Time) bool {
	p.ws.SetReadDeadline(t)
	select {
	case <-p.over:
		return false
	default:
		return true
	}
}
