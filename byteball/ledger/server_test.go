package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

// serve serves w's ledger in real time and returns its address.
func serve(t testing.TB, w *world, heartbeat time.Duration) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.Serve(ctx, ledger.ServerConfig{Listener: listener, Heartbeat: heartbeat, Operator: w.op}); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		run.Wait()
	})
	return "ws://" + listener.Addr().String()
}

func dial(t testing.TB, url string) *hub.Client {
	t.Helper()
	c, err := hub.Dial(t.Context(), hub.Config{URLs: []string{url}, Network: byteball.Dev})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// realWorld is a world whose clock is the machine's.
func realWorld(t testing.TB, people ...person) *world {
	t.Helper()
	w := newWorld(t, "", people...)
	w.now = time.Now()
	return w
}

func TestServePayment(t *testing.T) {
	alice, bob := someone(t, 1), someone(t, 2)
	w := realWorld(t, alice)
	c := dial(t, serve(t, w, 50*time.Millisecond))
	ctx := t.Context()
	ops, err := c.Witnesses(ctx)
	if err != nil || len(ops) != 1 || ops[0] != w.OP() {
		t.Fatalf("witnesses %v (%v)", ops, err)
	}
	if vars, err := c.SystemVars(ctx); err != nil || vars != calm {
		t.Errorf("variables %+v (%v), want %+v", vars, err, calm)
	}
	a, err := c.Anchor(ctx, []byteball.Address{alice.address}, []byteball.Address{bob.address})
	if err != nil {
		t.Fatal(err)
	}
	u := w.draftAt(alice, a, to(bob, 1000))
	if err := c.Post(ctx, u); err != nil {
		t.Fatal(err)
	}
	proven := awaitProof(t, c, bob.address, u.Unit)
	if !proven.Serial || proven.Ball == "" {
		t.Errorf("proven %+v, want a serial unit with its ball", proven)
	}
	balances, err := c.Balances(ctx, bob.address, alice.address)
	if err != nil || balances[bob.address] != (hub.Balance{Stable: 1000}) {
		t.Errorf("balances %v (%v)", balances, err)
	}
	if def, err := c.Definition(ctx, alice.address); err != nil || def == nil {
		t.Errorf("definition %v (%v)", def, err)
	}
	if j, err := c.Joint(ctx, u.Unit); err != nil || j.Unit.Unit != u.Unit {
		t.Errorf("joint: %v", err)
	}
}

func awaitProof(t testing.TB, c *hub.Client, address byteball.Address, h byteball.Hash) unit.Proven {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		proven, _, err := c.History(t.Context(), []byteball.Address{address}, nil, 0)
		if err != nil && !errors.Is(err, byteball.Transient) && !isRefusal(err) {
			t.Fatal(err)
		}
		for _, p := range proven {
			if p.Unit.Unit == h {
				return p
			}
		}
	}
	t.Fatalf("unit %s was never proven", h)
	return unit.Proven{}
}

// isRefusal is true of the answer of a chain that is too young to prove anything.
func isRefusal(err error) bool {
	var r *hub.Refusal
	return errors.As(err, &r)
}

// The whole history of every address on the reference's chain passes a light client's checks.
func TestServeReplayedHistory(t *testing.T) {
	v := readJSON[replay](t, "testdata/ledger_replay.json")
	l := open(t, ledger.Config{Network: byteball.Dev, Genesis: &v.Genesis})
	replayAll(t, l, v, func(refusedCase) {})
	for _, q := range v.Queries {
		if q.Command != "light/get_history" {
			continue
		}
		var asked struct{ Addresses []byteball.Address }
		var answer struct {
			UnstableMC []struct{ Unit struct{ Unit byteball.Hash } } `json:"unstable_mc_joints"`
			Joints     []struct{ Unit struct{ Unit byteball.Hash } }
			Balls      []ledger.Ball `json:"proofchain_balls"`
		}
		if err := errors.Join(json.Unmarshal(q.Params, &asked), json.Unmarshal(q.Response, &answer)); err != nil {
			t.Fatal(err)
		}
		h, err := l.History(ledger.HistoryQuery{Addresses: asked.Addresses})
		if err != nil {
			t.Fatal(err)
		}
		if len(h.UnstableMC) != len(answer.UnstableMC) || len(h.Joints) != len(answer.Joints) || len(h.Balls) != len(answer.Balls) {
			t.Fatalf("history of %v: %d, %d, %d; want %d, %d, %d", asked.Addresses, len(h.UnstableMC), len(h.Joints), len(h.Balls),
				len(answer.UnstableMC), len(answer.Joints), len(answer.Balls))
		}
		for i, b := range h.Balls {
			if b.Ball != answer.Balls[i].Ball {
				t.Errorf("ball %d: %s, want %s", i, b.Ball, answer.Balls[i].Ball)
			}
		}
		for i, j := range h.Joints {
			if j.Unit.Unit != answer.Joints[i].Unit.Unit {
				t.Errorf("joint %d: %s, want %s", i, j.Unit.Unit, answer.Joints[i].Unit.Unit)
			}
		}
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := hub.Verify(data, []byteball.Address{l.OP()}, 1); err != nil || len(got.Proven) != len(h.Joints) {
			t.Errorf("history of %v: %d proven (%v), want %d", asked.Addresses, len(got.Proven), err, len(h.Joints))
		}
	}
}

// raw is a client without manners.
type rawClient struct {
	t  testing.TB
	ws *websocket.Conn
}

func dialRaw(t testing.TB, url string) rawClient {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return rawClient{t, ws}
}

func (c rawClient) send(text string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// await returns the content of the first frame for which ok is true.
func (c rawClient) await(ok func(kind string, content map[string]any) bool) map[string]any {
	c.t.Helper()
	c.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			c.t.Fatal(err)
		}
		var parts []json.RawMessage
		var kind string
		content := map[string]any{}
		if err := errors.Join(json.Unmarshal(data, &parts), json.Unmarshal(parts[0], &kind), json.Unmarshal(parts[1], &content)); err != nil {
			c.t.Fatal(err)
		}
		if ok(kind, content) {
			return content
		}
	}
}

func (c rawClient) request(command, params string) any {
	c.t.Helper()
	c.send(`["request",{"command":"` + command + `","tag":"t1","params":` + params + `}]`)
	return c.await(func(kind string, content map[string]any) bool { return kind == "response" && content["tag"] == "t1" })["response"]
}

func TestServeGreetsAndBears(t *testing.T) {
	w := realWorld(t)
	url := serve(t, w, time.Hour)
	c := dialRaw(t, url)
	v := c.await(func(kind string, content map[string]any) bool { return content["subject"] == "version" })
	if body, _ := v["body"].(map[string]any); body["alt"] != "3" || body["protocol_version"] != "4.0dev" {
		t.Errorf("version %v", v)
	}
	c.await(func(kind string, content map[string]any) bool { return content["subject"] == "hub/challenge" })
	c.await(func(kind string, content map[string]any) bool { return content["command"] == "subscribe" })
	for _, junk := range []string{``, `{}`, `[]`, `["request"]`, `["request",5]`, `["request",{"command":"nosuch","tag":"x"}]`,
		`["request",{"command":"get_witnesses"}]`, `["response",{}]`, `["justsaying",{"subject":"nosuch"}]`, `["justsaying",{"subject":"hub/login","body":[1]}]`,
		`[[[[`, "\xff\xfe", `["request",{"command":5,"tag":"a"}]`} {
		c.send(junk)
	}
	if got := c.request("heartbeat", "null"); got != nil {
		t.Errorf("heartbeat: %v", got)
	}
	for _, r := range []struct{ command, params, want string }{
		{"post_joint", `{}`, "no unit"},
		{"post_joint", `{"unit":5}`, "no unit"},
		{"post_joint", `[1]`, "no unit"},
		{"get_joint", `7`, "unit must be a string"},
		{"light/get_history", `null`, "no history request"},
		{"light/get_history", `{"witnesses":["` + string(w.OP()) + `"]}`, "neither addresses nor joints requested"},
		{"light/get_history", `{"addresses":["x"]}`, "some addresses are not valid"},
		{"light/get_history", `{"addresses":["` + string(w.OP()) + `"],"witnesses":[]}`, "wrong number of witnesses"},
		{"light/get_parents_and_last_ball_and_witness_list_unit", `{"witnesses":["` + string(w.OP()) + `"]}`, "bad from addresses"},
		{"light/get_parents_and_last_ball_and_witness_list_unit", `{"witnesses":[]}`, "wrong number of witnesses"},
		{"light/get_parents_and_last_ball_and_witness_list_unit", `{"from_addresses":["` + string(w.OP()) + `"]}`, "no output addresses"},
		{"light/pick_divisible_coins_for_amount", `{}`, "missing params in light/pick_divisible_coins_for_amount"},
		{"light/get_data_feed", `{"oracles":["` + string(w.OP()) + `"],"feed_name":"nosuch"}`, "data feed nosuch not found"},
		{"light/get_link_proofs", `["a"]`, "chain of one element"},
		{"light/get_balances", `[]`, "addresses must be non-empty array"},
		{"subscribe", `null`, "no params"},
	} {
		got, _ := c.request(r.command, r.params).(map[string]any)
		if got["error"] != r.want {
			t.Errorf("%s %s: %v, want error %q", r.command, r.params, got, r.want)
		}
	}
}

func TestServeTellsWatchers(t *testing.T) {
	alice, bob := someone(t, 1), someone(t, 2)
	w := realWorld(t, alice)
	w.now = time.Now().Add(-5 * time.Second)
	w.witness(3)
	w.now = time.Now()
	url := serve(t, w, 50*time.Millisecond)
	c := dialRaw(t, url)
	c.send(`["justsaying",{"subject":"light/new_address_to_watch","body":"` + string(bob.address) + `"}]`)
	c.await(func(_ string, content map[string]any) bool {
		return content["body"] == "now watching "+string(bob.address)
	})
	client := dial(t, url)
	a, err := client.Anchor(t.Context(), []byteball.Address{alice.address}, []byteball.Address{bob.address})
	if err != nil {
		t.Fatal(err)
	}
	u := w.draftAt(alice, a, to(bob, 1000))
	if err := client.Post(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	joint := c.await(func(_ string, content map[string]any) bool { return content["subject"] == "joint" })
	body, _ := joint["body"].(map[string]any)
	if fields, _ := body["unit"].(map[string]any); fields["unit"] != string(u.Unit) {
		t.Errorf("joint %v, want unit %s", joint, u.Unit)
	}
	c.await(func(_ string, content map[string]any) bool { return content["subject"] == "light/have_updates" })
	proven, _, err := client.History(t.Context(), []byteball.Address{bob.address}, nil, 0)
	if err != nil || len(proven) != 1 {
		t.Errorf("%d proven after have_updates (%v), want 1", len(proven), err)
	}
}

// What a client asks for while a frame is too large or it takes nothing must not stop others.
func TestServeHostile(t *testing.T) {
	w := realWorld(t)
	url := serve(t, w, 50*time.Millisecond)
	c := dialRaw(t, url)
	big := make([]byte, 7<<20)
	for i := range big {
		big[i] = ' '
	}
	c.ws.WriteMessage(websocket.TextMessage, big)
	deaf := dialRaw(t, url)
	for range 2000 {
		if deaf.ws.WriteMessage(websocket.TextMessage, []byte(`["request",{"command":"get_system_vars","tag":"x"}]`)) != nil {
			break
		}
	}
	good := dial(t, url)
	if _, err := good.LastMCI(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServeLeavesNothing(t *testing.T) {
	w := realWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1) // the result waits if nobody takes it
	go func() {
		done <- w.Serve(ctx, ledger.ServerConfig{Listener: listener, Heartbeat: 10 * time.Millisecond, Operator: w.op})
	}()
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	ws.Close()
	goleak.VerifyNone(t, before)
}
