package hub_test

import (
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

// deaf accepts connections and never says a word.
func deaf(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		listener.Close()
		accepting.Wait()
		for _, c := range conns {
			c.Close()
		}
	})
	return "ws://" + listener.Addr().String()
}

// TestFailover: whatever the first hub does wrong, the second one answers, and Status says why the first was left.
func TestFailover(t *testing.T) {
	silent := func(s *server) { s.answer("get_last_mci", nil) }
	for _, test := range []struct {
		name  string
		spoil func(s *server)
		aside bool
		says  string
	}{
		{"answers heartbeats but no requests", func(s *server) {
			silent(s)
			s.answers["heartbeat"] = func(json.RawMessage) any { return "" }
		}, true, "it does not answer get_last_mci"},
		{"closes in the middle of an answer", func(s *server) {
			s.got = func(command string, c *websocket.Conn) {
				if command == "get_last_mci" {
					c.UnderlyingConn().Write([]byte{0x81, 0x7e, 0x10, 0x00, '['}) // 4096 bytes are announced
					c.UnderlyingConn().Close()
				}
			}
		}, false, "unexpected EOF"},
		{"frame beyond the limit", func(s *server) { s.answer("get_last_mci", strings.Repeat("a", hub.MaxFrame)) }, true, "frame of more than 6291456 bytes"},
		{"wrong tags", func(s *server) {
			silent(s)
			s.got = func(_ string, c *websocket.Conn) {
				c.WriteMessage(websocket.TextMessage, []byte(`["response",{"tag":"mine","command":"get_last_mci","response":7}]`))
			}
		}, true, "it does not answer get_last_mci"},
		{"flood", func(s *server) {
			silent(s)
			s.say = func(c *websocket.Conn) {
				for c.WriteMessage(websocket.TextMessage, []byte(`["justsaying",{"subject":"info","body":"hello"}]`)) == nil {
				}
			}
		}, true, "floods"},
		{"flood of bytes that are no text", func(s *server) {
			silent(s)
			s.say = func(c *websocket.Conn) {
				data := make([]byte, 1<<20)
				for c.WriteMessage(websocket.BinaryMessage, data) == nil {
				}
			}
		}, true, "floods"},
		{"another network", func(s *server) { s.hello = strings.Replace(devVersion, `"3"`, `"1"`, 1) }, true, "of another network"},
		{"wants a newer version", func(s *server) {
			silent(s)
			s.say = func(c *websocket.Conn) {
				c.WriteMessage(websocket.TextMessage, []byte(`["justsaying",{"subject":"upgrade_required"}]`))
			}
		}, true, "wants a newer version"},
		{"rubbish", func(s *server) {
			s.say = func(c *websocket.Conn) { c.WriteMessage(websocket.TextMessage, []byte(`{]`)) }
		}, true, "frame is not"},
		{"bad news", func(s *server) {
			silent(s)
			s.say = func(c *websocket.Conn) {
				c.WriteMessage(websocket.TextMessage, []byte(`["justsaying",{"subject":"light/sequence_became_bad","body":["x"]}]`))
			}
		}, true, "of what are no units"},
	} {
		bad, good := serve(t), serve(t)
		good.answer("get_last_mci", 600)
		test.spoil(bad)
		patience := 15 * time.Second
		if strings.Contains(test.says, "does not answer") {
			patience = 100 * time.Millisecond
		}
		c := dial(t, hub.Config{Answer: patience, Timeout: 20 * time.Second}, bad.url, good.url)
		got, err := c.LastMCI(t.Context())
		for deadline := time.Now().Add(10 * time.Second); got == 556 && time.Now().Before(deadline); {
			got, err = c.LastMCI(t.Context()) // answered before it did wrong
		}
		if err != nil || got != 600 || c.Hub() != good.url {
			t.Errorf("%s: got %d, %v from %s, want 600 from the second hub", test.name, got, err, c.Hub())
		}
		st := c.Status()
		if len(st) != 2 || !st[1].Connected || st[0].Connected || st[1].Faults != 0 {
			t.Errorf("%s: status %+v", test.name, st)
		}
		if first := st[0]; first.Reason == nil || !strings.Contains(first.Reason.Error(), test.says) || first.Aside.After(time.Now()) != test.aside {
			t.Errorf("%s: got reason %v, aside %v, want %q, %v", test.name, first.Reason, first.Aside, test.says, test.aside)
		}
		c.Close()
	}
}

// TestFailoverDeaf: a hub that accepts a connection and is silent, when the client starts and later.
func TestFailoverDeaf(t *testing.T) {
	good := serve(t)
	c := dial(t, hub.Config{Answer: 500 * time.Millisecond}, deaf(t), good.url)
	if got, err := c.LastMCI(t.Context()); err != nil || got != 556 || c.Status()[0].Reason == nil {
		t.Errorf("got %d, %v, status %+v", got, err, c.Status())
	}
}

// TestPostOnce: a unit whose post was cut off is posted again, and "known" is a yes.
func TestPostOnce(t *testing.T) {
	first, second := serve(t), serve(t)
	first.got = func(command string, c *websocket.Conn) {
		if command == "post_joint" {
			c.Close()
		}
	}
	second.answer("post_joint", map[string]any{"error": "known"})
	c := dial(t, hub.Config{}, first.url, second.url)
	var sent struct{ Unit *unit.Unit }
	if err := json.Unmarshal(named(t, "post_joint: simple payment").Request.Params, &sent); err != nil {
		t.Fatal(err)
	}
	if err := c.Post(t.Context(), sent.Unit); err != nil || first.saw("request", "post_joint") != 1 || second.saw("request", "post_joint") != 1 {
		t.Errorf("got %v after %d and %d posts, want one each", err, first.saw("request", "post_joint"), second.saw("request", "post_joint"))
	}
}

// TestHeartbeatSleep: a hub that answers a heartbeat with "sleep" is not asked again until it sends one itself.
func TestHeartbeatSleep(t *testing.T) {
	s := serve(t)
	var asleep, woken sync.Once
	slept := make(chan struct{})
	s.answers["heartbeat"] = func(json.RawMessage) any {
		asleep.Do(func() { close(slept) })
		return "sleep"
	}
	c := dial(t, hub.Config{Heartbeat: 10 * time.Millisecond}, s.url)
	<-slept
	if _, err := c.LastMCI(t.Context()); err != nil { // answered after the sleep was read
		t.Fatal(err)
	}
	n := s.saw("request", "heartbeat")
	time.Sleep(100 * time.Millisecond)
	if got := s.saw("request", "heartbeat"); got != n || s.saw("justsaying", "version") != 1 {
		t.Errorf("%d heartbeats after the hub went to sleep, %d connections", got-n, s.saw("justsaying", "version"))
	}
	woken.Do(func() { s.ask("heartbeat") })
	for deadline := time.Now().Add(5 * time.Second); s.saw("request", "heartbeat") == n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no heartbeat after the hub woke up")
		}
	}
}

// TestNews: what a hub says unasked reaches whoever wants it, and addresses are watched at the next hub, too.
func TestNews(t *testing.T) {
	s := serve(t)
	heard := make(chan hub.News, 10)
	c := dial(t, hub.Config{News: func(n hub.News) { heard <- n }}, s.url)
	c.Watch(other)
	for n := range 2 {
		for deadline := time.Now().Add(5 * time.Second); s.saw("justsaying", "light/new_address_to_watch") <= n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("hub %d is not told what to watch", n)
			}
		}
		if n == 0 {
			s.drop()
		}
	}
	if _, err := c.LastMCI(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.says("light/have_updates", nil)
	if n := <-heard; !n.Updates {
		t.Errorf("got %+v, want updates", n)
	}
	s.says("light/sequence_became_bad", []string{wrongHash})
	if n := <-heard; len(n.Bad) != 1 || n.Bad[0] != wrongHash {
		t.Errorf("got %+v, want a bad unit", n)
	}
	var j struct{ Joint json.RawMessage }
	if err := json.Unmarshal(named(t, "get_joint").Response, &j); err != nil {
		t.Fatal(err)
	}
	s.says("joint", j.Joint)
	if n := <-heard; n.Joint == nil {
		t.Errorf("got %+v, want a unit", n)
	}
	if _, err := c.LastMCI(t.Context()); errors.Is(err, byteball.Invalid) {
		t.Error(err)
	}
}

// TestAllAside: where every hub was caught the one whose time is over first is used, and its proofs are checked as ever.
func TestAllAside(t *testing.T) {
	a, b := serve(t), serve(t)
	bad := `["response",{}` // no frame
	for _, s := range []*server{a, b} {
		var once sync.Once
		s.say = func(c *websocket.Conn) {
			once.Do(func() { c.WriteMessage(websocket.TextMessage, []byte(bad)) })
		}
	}
	c := dial(t, hub.Config{}, a.url, b.url)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		st := c.Status()
		if st[0].Faults == 1 && st[1].Faults == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %+v", st)
		}
	}
	if got, err := c.LastMCI(t.Context()); err != nil || got != 556 || c.Hub() != a.url {
		t.Errorf("got %d, %v from %s, want the first hub", got, err, c.Hub())
	}
}
