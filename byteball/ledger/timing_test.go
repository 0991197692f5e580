package ledger_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball/ledger"
)

// pipes is a listener without sockets, so that tests have time of their own.
type pipes struct {
	conns chan net.Conn
	over  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.over); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// client is a websocket through a pipe.
func (p *pipes) client(t *testing.T) *websocket.Conn {
	d := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return p.dial(), nil }}
	ws, _, err := d.Dial("ws://pipe", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// inTime runs f with a served ledger in a bubble of time.
func inTime(t *testing.T, f func(t *testing.T, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.witness(3)
		p := newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1) // the result waits
		go func() { done <- w.Serve(ctx, ledger.ServerConfig{Listener: p, Heartbeat: time.Hour}) }()
		f(t, p)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

// silentFor reads until the connection ends and says when that was and which requests came.
func silentFor(ws *websocket.Conn, answer bool, most time.Duration) (lasted time.Duration, heartbeats int) {
	begin := time.Now()
	for {
		ws.SetReadDeadline(begin.Add(most))
		_, data, err := ws.ReadMessage()
		if err != nil {
			return time.Since(begin), heartbeats
		}
		var frame []json.RawMessage
		var content struct{ Command, Tag string }
		if json.Unmarshal(data, &frame) == nil && json.Unmarshal(frame[1], &content) == nil && content.Command == "heartbeat" {
			heartbeats++
			if answer {
				ws.WriteMessage(websocket.TextMessage, []byte(`["response",{"tag":"`+content.Tag+`","command":"heartbeat"}]`))
			}
		}
	}
}

func TestSilentClientIsAskedAndDropped(t *testing.T) {
	inTime(t, func(t *testing.T, p *pipes) {
		ws := p.client(t)
		lasted, asked := silentFor(ws, false, time.Hour)
		if lasted < time.Minute || lasted > 70*time.Second || asked == 0 {
			t.Errorf("dropped after %v and %d heartbeats, want about a minute", lasted, asked)
		}
		ws.Close()
	})
}

func TestIdleClientStays(t *testing.T) {
	inTime(t, func(t *testing.T, p *pipes) {
		ws := p.client(t)
		lasted, asked := silentFor(ws, true, time.Hour)
		if lasted < time.Hour || asked < 200 {
			t.Errorf("dropped after %v and %d answered heartbeats", lasted, asked)
		}
		ws.Close()
	})
}

// What never becomes a client, or begins a message and does not end it, or takes nothing, does not last.
func TestHalfDoneIsDropped(t *testing.T) {
	for _, c := range []struct {
		name  string
		most  time.Duration
		begin func(t *testing.T, p *pipes) net.Conn
	}{
		{"nothing is sent", 12 * time.Second, func(_ *testing.T, p *pipes) net.Conn { return p.dial() }},
		{"half a request", 12 * time.Second, func(_ *testing.T, p *pipes) net.Conn {
			c := p.dial()
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n")
			return c
		}},
		{"half a message", 40 * time.Second, func(t *testing.T, p *pipes) net.Conn {
			ws := p.client(t)
			ws.NetConn().Write([]byte{0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0, 'x'})
			return ws.NetConn()
		}},
		{"half a large message", 70 * time.Second, func(t *testing.T, p *pipes) net.Conn {
			ws := p.client(t)
			ws.NetConn().Write(append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0}, make([]byte, 100_000)...))
			return ws.NetConn()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inTime(t, func(t *testing.T, p *pipes) {
				begin := time.Now()
				conn := c.begin(t, p)
				io.Copy(io.Discard, conn)
				if d := time.Since(begin); d > c.most {
					t.Errorf("it lasted %v, want at most %v", d, c.most)
				}
				conn.Close()
			})
		})
	}
}

func TestDeafClientIsDropped(t *testing.T) {
	inTime(t, func(t *testing.T, p *pipes) {
		ws := p.client(t) // a pipe holds nothing: the greeting waits
		synctest.Wait()
		time.Sleep(30 * time.Second)
		if _, err := io.Copy(io.Discard, ws.NetConn()); err != nil {
			t.Error(err)
		}
		ws.Close()
	})
}

// When the server ends, what it has taken is answered and a client that takes nothing does not hold it up.
func TestServerEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "")
		w.witness(3)
		p := newPipes()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1) // the result waits
		go func() { done <- w.Serve(ctx, ledger.ServerConfig{Listener: p, Heartbeat: time.Hour}) }()
		deaf := p.client(t)
		synctest.Wait()
		begin := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if d := time.Since(begin); d > ledger.Goodbye+time.Second {
			t.Errorf("it took %v, want at most %v", d, ledger.Goodbye)
		}
		deaf.Close()
	})
}
