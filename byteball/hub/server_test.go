package hub_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
)

// server is a hub of canned answers, for what an honest one never does.
type server struct {
	*httptest.Server
	url     string
	hello   string                                  // first frame
	answers map[string]func(json.RawMessage) any    // by command; nil result: no answer at all
	say     func(*websocket.Conn)                   // after the greeting
	got     func(command string, c *websocket.Conn) // sees every request first

	mu    sync.Mutex
	conns map[*websocket.Conn]bool
	heard []hub.Frame
}

const devVersion = `["justsaying",{"subject":"version","body":{"protocol_version":"4.0dev","alt":"3","library":"ocore","library_version":"0.4.6"}}]`

func serve(t testing.TB) *server {
	s := &server{hello: devVersion, answers: map[string]func(json.RawMessage) any{}, conns: map[*websocket.Conn]bool{}}
	for _, c := range samples(t) {
		if c.Request.Command != "" && s.answers[c.Request.Command] == nil && len(c.Response) > 0 {
			s.answers[c.Request.Command] = func(json.RawMessage) any { return c.Response }
		}
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.accept))
	s.url = "ws" + strings.TrimPrefix(s.URL, "http")
	t.Cleanup(func() {
		s.drop()
		s.Close()
	})
	return s
}

func (s *server) accept(w http.ResponseWriter, r *http.Request) {
	var up websocket.Upgrader
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	s.mu.Lock()
	s.conns[c] = true
	s.mu.Unlock()
	if s.hello != "" {
		c.WriteMessage(websocket.TextMessage, []byte(s.hello))
	}
	if s.say != nil {
		s.say(c)
	}
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return
		}
		f, err := hub.ParseFrame(data)
		if err != nil {
			continue
		}
		s.mu.Lock()
		s.heard = append(s.heard, f)
		answer := s.answers[f.Command]
		s.mu.Unlock()
		if s.got != nil {
			s.got(f.Command, c)
		}
		if f.Type == "request" && answer != nil {
			s.reply(c, f, answer(f.Body))
		}
	}
}

func (s *server) reply(c *websocket.Conn, f hub.Frame, answer any) {
	if answer == nil {
		return
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return
	}
	data, err := hub.Frame{Type: "response", Command: f.Command, Tag: f.Tag, Body: body}.Bytes()
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		c.WriteMessage(websocket.TextMessage, data)
	}
}

// drop cuts all connections, as a restart does.
func (s *server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
		delete(s.conns, c)
	}
}

func (s *server) answer(command string, body any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[command] = func(json.RawMessage) any { return body }
}

// saw counts the frames of a type with this command or subject.
func (s *server) saw(kind, what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.heard {
		if f.Type == kind && f.Command+f.Subject == what {
			n++
		}
	}
	return n
}

func dial(t testing.TB, cfg hub.Config, urls ...string) *hub.Client {
	t.Helper()
	cfg.URLs, cfg.Network = urls, byteball.Dev
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	c, err := hub.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// says tells all clients something unasked.
func (s *server) says(subject string, body any) {
	content, err := json.Marshal(body)
	if err != nil {
		return
	}
	data, err := hub.Frame{Type: "justsaying", Subject: subject, Body: content}.Bytes()
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.WriteMessage(websocket.TextMessage, data)
	}
}

// ask sends all clients a request.
func (s *server) ask(command string) {
	data, err := hub.Frame{Type: "request", Command: command, Tag: "t"}.Bytes()
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.WriteMessage(websocket.TextMessage, data)
	}
}
