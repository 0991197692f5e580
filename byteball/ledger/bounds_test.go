package ledger_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Each test here tries to take more than one client may have, with an honest client beside it.

// serveWith is serve with bounds of its own.
func serveWith(t testing.TB, w *world, cfg ledger.ServerConfig) string {
	t.Helper()
	var err error
	if cfg.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	address := cfg.Listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.Serve(ctx, cfg); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		run.Wait()
	})
	return "ws://" + address
}

// from is a dialer from another address of this machine.
func from(ip string) *websocket.Dialer {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	return &websocket.Dialer{NetDialContext: d.DialContext}
}

func dialFrom(t testing.TB, ip, url string) rawClient {
	t.Helper()
	ws, _, err := from(ip).DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return rawClient{t, ws}
}

func status(t testing.TB, url string) (s ledger.Status) {
	t.Helper()
	answer, err := http.Get(strings.Replace(url, "ws://", "http://", 1) + "/status")
	if err == nil {
		defer answer.Body.Close()
		err = json.NewDecoder(answer.Body).Decode(&s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// honest pays once and reads it back.
func honest(t testing.TB, w *world, url string, p person) {
	t.Helper()
	c := dial(t, url)
	a, err := c.Anchor(t.Context(), []byteball.Address{p.address}, []byteball.Address{p.address})
	if err != nil {
		t.Fatal(err)
	}
	u := w.draftAt(p, a, to(p, 1))
	if err := c.Post(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Joint(t.Context(), u.Unit); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// ended reads until the connection is closed by the other side.
func (c rawClient) ended() {
	c.t.Helper()
	c.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				c.t.Errorf("the connection is still open")
			}
			return
		}
	}
}

func olderWorld(t testing.TB, people ...person) *world {
	w := newWorld(t, "", people...)
	w.witness(5)
	return w
}

func TestBoundFrame(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serve(t, w, time.Hour)
	c := dialRaw(t, url)
	frame := append([]byte(`["request",{"command":"get_last_mci","tag":"`), make([]byte, ledger.MaxFrame)...)
	c.ws.WriteMessage(websocket.TextMessage, frame)
	c.ended()
	for range 20 { // more than may be read at a time; they never end
		slow := dialRaw(t, url)
		part, err := slow.ws.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(make([]byte, 200_000))
	}
	honest(t, w, url, alice)
	large := dialRaw(t, url)
	large.send(`["request",{"command":"get_last_mci","tag":"` + strings.Repeat("x", 60_000) + `"}]`)
	large.await(func(kind string, content map[string]any) bool {
		e, _ := content["response"].(map[string]any)
		return kind == "response" && e["error"] == "tag too long"
	})
}

func TestBoundNesting(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serve(t, w, time.Hour)
	c := dialRaw(t, url)
	const want = "joint is too deeply nested or has too many nodes"
	for name, payload := range map[string]string{
		"deep":      strings.Repeat("[", 150) + strings.Repeat("]", 150),
		"very deep": strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"wide":      "[" + strings.Repeat("0,", 20_000) + "0]",
	} {
		got, _ := c.request("post_joint", `{"unit":{"unit":"x","version":"4.0dev","messages":`+payload+`}}`).(map[string]any)
		if got["error"] != want {
			t.Errorf("%s: %v, want %q", name, got, want)
		}
	}
	c.send(strings.Repeat("[", 1<<20))
	c.send(strings.Repeat(`{"a":`, 1<<20))
	honest(t, w, url, alice)
	if got := c.request("get_last_mci", "null"); got == nil {
		t.Error("no answer after junk")
	}
}

func TestBoundTags(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serve(t, w, time.Hour)
	c := dialRaw(t, url)
	for tag, want := range map[string]bool{strings.Repeat("x", 44): true, strings.Repeat("é", 44): true, strings.Repeat("x", 45): false} {
		c.send(`["request",{"command":"get_last_mci","tag":"` + tag + `"}]`)
		answer := c.await(func(kind string, content map[string]any) bool { return kind == "response" && content["tag"] == tag })
		if _, number := answer["response"].(float64); number != want {
			t.Errorf("tag of %d: %v", len(tag), answer)
		}
	}
	// While the ledger works on a post, another one with its tag is ignored.
	w.now = time.Now()
	first, second := w.draft(alice, to(alice, 1)), w.draft(alice, to(alice, 2))
	release := w.Hold()
	for _, u := range []*unit.Unit{first, second} {
		c.send(`["request",{"command":"post_joint","tag":"p","params":` + string(joint(t, u)) + `}]`)
	}
	c.request("heartbeat", "null")
	release()
	var answers []any
	c.await(func(kind string, content map[string]any) bool {
		if content["tag"] == "p" {
			answers = append(answers, content["response"])
			c.send(`["request",{"command":"heartbeat","tag":"last"}]`)
		}
		return content["tag"] == "last"
	})
	if len(answers) != 1 || answers[0] != "accepted" {
		t.Errorf("answers %v, want one", answers)
	}
}

// An honest client may be fast on one connection; one that floods is read more slowly, not cut off.
func TestBoundRate(t *testing.T) {
	for _, c := range []struct {
		name            string
		perSecond, size int
		command         string
		pauses          bool
	}{
		{"a payer", 2500, 1200, "post_joint", false},
		{"a wallet", 200, 300, "light/get_history", false},
		{"a flood of posts", 20_000, 1200, "post_joint", true},
		{"a flood of histories", 2000, 300, "light/get_history", true},
		{"large frames", 30, 5 << 20, "post_joint", true},
	} {
		if got := ledger.Pause(c.perSecond, 20, c.size, c.command); (got > 0) != c.pauses {
			t.Errorf("%s waits up to %v, want a pause: %v", c.name, got, c.pauses)
		}
	}
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serve(t, w, time.Hour)
	flood := dialRaw(t, url)
	const many = 20_000
	go func() {
		for range many {
			if flood.ws.WriteMessage(websocket.TextMessage, []byte(`["request",{"command":"get_last_mci","tag":"f"}]`)) != nil {
				return
			}
		}
	}()
	honest(t, w, url, alice)
	answered := 0
	flood.await(func(kind string, _ map[string]any) bool {
		if kind == "response" {
			answered++
		}
		return answered == many
	})
}

// A payer that does not wait for answers is served in its order.
func TestManyPostsAtOnce(t *testing.T) {
	people := make([]person, 60)
	for i := range people {
		people[i] = someone(t, byte(i+1))
	}
	w := olderWorld(t, people...)
	w.now = time.Now()
	var units []*unit.Unit
	for _, p := range people {
		units = append(units, w.draft(p, to(p, 1)))
	}
	c := dialRaw(t, serve(t, w, time.Hour))
	for i, u := range units {
		c.send(fmt.Sprintf(`["request",{"command":"post_joint","tag":"%d","params":%s}]`, i, joint(t, u)))
	}
	var order []string
	c.await(func(kind string, content map[string]any) bool {
		if kind == "response" {
			order = append(order, fmt.Sprint(content["tag"], " ", content["response"]))
		}
		return len(order) == len(units)
	})
	for i, got := range order {
		if want := fmt.Sprint(i, " accepted"); got != want {
			t.Errorf("answer %d: %q, want %q", i, got, want)
		}
	}
}

func TestBoundWatched(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serve(t, w, time.Hour)
	c := dialRaw(t, url)
	hashes := make([]string, 2000)
	for round := range ledger.MaxWatched / len(hashes) {
		for i := range hashes {
			hashes[i] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%032d", round*len(hashes)+i))
		}
		list, _ := json.Marshal(hashes)
		c.request("light/get_history", `{"witnesses":["`+string(w.OP())+`"],"requested_joints":`+string(list)+`}`)
	}
	c.send(`["justsaying",{"subject":"light/new_address_to_watch","body":"` + string(alice.address) + `"}]`)
	c.await(func(_ string, content map[string]any) bool {
		return content["body"] == "too many addresses are watched"
	})
	if got := status(t, url).Watching; got != ledger.MaxWatched {
		t.Errorf("%d watched, want %d", got, ledger.MaxWatched)
	}
	other := dialRaw(t, url)
	other.send(`["justsaying",{"subject":"light/new_address_to_watch","body":"` + string(alice.address) + `"}]`)
	other.await(func(_ string, content map[string]any) bool {
		return content["body"] == "now watching "+string(alice.address)
	})
	honest(t, w, url, alice)
	other.await(func(_ string, content map[string]any) bool { return content["subject"] == "joint" })
	c.ws.Close()
	for status(t, url).Watching > 1 { // until the server has seen it
	}
}

func TestBoundConnections(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serveWith(t, w, ledger.ServerConfig{MaxClients: 5, MaxPerHost: 3})
	for range 3 {
		dialFrom(t, "127.0.0.2", url)
	}
	if ws, _, err := from("127.0.0.2").Dial(url, nil); err == nil {
		ws.Close()
		t.Error("a fourth connection from one host was let in")
	}
	honest(t, w, url, alice)
	for status(t, url).Clients > 3 { // until the server has seen that it left
	}
	dialFrom(t, "127.0.0.3", url)
	dialFrom(t, "127.0.0.3", url)
	_, answer, err := from("127.0.0.4").Dial(url, nil)
	if err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a client beyond all: %v, want %d", err, http.StatusServiceUnavailable)
	}
	if got := status(t, url).Clients; got != 5 {
		t.Errorf("%d clients, want 5", got)
	}
}

// Connections that never become a client count too.
func TestBoundHalfOpen(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	url := serveWith(t, w, ledger.ServerConfig{MaxPerHost: 4})
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	for i := range 8 {
		c, err := d.Dial("tcp", strings.TrimPrefix(url, "ws://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i < 4 {
			c.Write([]byte("GET / HTTP/1.1\r\n"))
			continue
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("connection %d: %v, want it closed", i, err)
		}
	}
	honest(t, w, url, alice)
}

// A client that does not read stops being read; what waits for it stays small.
func TestBoundSlowReader(t *testing.T) {
	people := []person{someone(t, 1), someone(t, 2), someone(t, 3), someone(t, 4)}
	w := olderWorld(t, people...)
	w.witness(200)
	url := serve(t, w, time.Hour)
	deaf := dialFrom(t, "127.0.0.2", url)
	ask := `["request",{"command":"light/get_history","tag":"h","params":{"witnesses":["` + string(w.OP()) + `"],"addresses":["` + string(w.OP()) + `"]}}]`
	for range 100 {
		deaf.send(ask)
	}
	most := int64(0)
	for _, p := range people {
		honest(t, w, url, p)
		most = max(most, status(t, url).Waiting)
	}
	if most > 4*ledger.PauseAbove {
		t.Errorf("%d bytes waited, want at most %d", most, 4*ledger.PauseAbove)
	}
}

// boundHistory asks for more units than one answer may hold.
func boundHistory(t *testing.T, w *world, alice person) {
	url := serve(t, w, time.Hour)
	c := dialRaw(t, url)
	ask := `{"witnesses":["` + string(w.OP()) + `"],"addresses":["` + string(w.OP()) + `"]`
	got, _ := c.request("light/get_history", ask+`}`).(map[string]any)
	if got["error"] != "your history is too large, consider switching to a full client" {
		t.Errorf("%.200v, want a refusal", got)
	}
	got, _ = c.request("light/get_history", ask+`,"min_mci":1300}`).(map[string]any)
	if joints, _ := got["joints"].([]any); len(joints) < 1500 {
		t.Errorf("%d joints", len(joints))
	}
	honest(t, w, url, alice)
}
