package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDialRefuses(t *testing.T) {
	const closed = "ws://127.0.0.1:1" // a port that no server takes
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	live := serve(t)
	live.hello = strings.NewReplacer("4.0dev", "4.0", `"3"`, `"1"`).Replace(devVersion)
	junk := serve(t)
	junk.hello = "hello"
	odd := serve(t)
	odd.hello = `["justsaying",{"subject":"info","body":"x"}]`
	mute := serve(t)
	mute.hello = ""
	ws := func(s *httptest.Server) string { return "ws" + strings.TrimPrefix(s.URL, "http") }
	for _, test := range []struct {
		name, url string
		kind      error
		text      string
	}{
		{"nobody there", closed, byteball.Transient, "hub " + closed + " is not reachable: "},
		{"a web server", ws(web), byteball.Transient, "not reachable"},
		{"no URL", "::", byteball.Transient, "hub :: is not reachable"},
		{"another network", live.url, byteball.Invalid, "of another network"},
		{"no protocol", junk.url, byteball.Transient, "did not greet"},
		{"another greeting", odd.url, byteball.Invalid, "does not speak the hub protocol"},
		{"silence", mute.url, byteball.Transient, "did not greet"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := hub.Dial(ctx, hub.Config{URLs: []string{test.url}, Network: byteball.Dev})
		cancel()
		if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %v with %q in one line", test.name, err, test.kind, test.text)
		}
	}
	for name, cfg := range map[string]hub.Config{
		"no hub":              {Network: byteball.Dev},
		"no network":          {URLs: []string{"ws://x"}},
		"too few providers":   {URLs: []string{"ws://x"}, Network: byteball.Live, OPs: sampleOPs},
		"negative time limit": {URLs: []string{"ws://x"}, Network: byteball.Dev, Timeout: -1},
	} {
		if _, err := hub.Dial(t.Context(), cfg); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestQueries(t *testing.T) {
	s := serve(t)
	c := dial(t, hub.Config{}, s.url)
	ctx := t.Context()
	if got, err := c.Witnesses(ctx); err != nil || !slices.Equal(got, sampleOPs) {
		t.Errorf("Witnesses: got %v, %v", got, err)
	}
	if got, err := c.LastMCI(ctx); err != nil || got != 556 {
		t.Errorf("LastMCI: got %d, %v", got, err)
	}
	want := unit.SystemVars{ThresholdSize: 10000, BaseTPSFee: 10, TPSInterval: 2, TPSFeeMultiplier: 10}
	if got, err := c.SystemVars(ctx); err != nil || got != want {
		t.Errorf("SystemVars: got %+v, %v", got, err)
	}
	if _, err := c.Anchor(ctx, []byteball.Address{other}, []byteball.Address{other}); !errors.Is(err, byteball.Transient) || !strings.Contains(err.Error(), "does not show unit eTfLHNx22dZKbV4C4QDuRMxt4JPp6sDYkS3/x9PbD/A=") {
		t.Errorf("Anchor on a last ball that is not shown: got %v", err)
	}
	joint := byteball.Hash(strings.Trim(string(named(t, "get_joint").Request.Params), `"`))
	if got, err := c.Joint(ctx, joint); err != nil || got.Unit.Unit != joint {
		t.Errorf("Joint: got %+v, %v", got, err)
	}
	if got, err := c.Balances(ctx, other); err != nil || got["G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3"].Stable != 4998878487 {
		t.Errorf("Balances: got %v, %v", got, err)
	}
	owner := byteball.Address(strings.Trim(string(named(t, "light/get_definition").Request.Params), `"`))
	if got, err := c.Definition(ctx, owner); err != nil || got == nil {
		t.Errorf("Definition: got %v, %v", got, err)
	}
	if h, _, err := c.History(ctx, []byteball.Address{"SH7L62HTZ5U45IR4GPXSNNJAKZDTUZTI"}, nil, 564); err != nil || len(h) != 2 {
		t.Errorf("History: got %d units, %v", len(h), err)
	}
	if s.saw("response", "subscribe") != 0 {
		t.Error("answers what was not asked")
	}
}

func TestWrongAnswers(t *testing.T) {
	zero := unit.Anchor{}
	for _, test := range []struct {
		command string
		body    any
		kind    error
		ask     func(context.Context, *hub.Client) error
	}{
		{"get_witnesses", []string{}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.Witnesses(ctx); return err }},
		{"get_witnesses", []string{"X"}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.Witnesses(ctx); return err }},
		{"get_last_mci", "many", byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.LastMCI(ctx); return err }},
		{"get_last_mci", -1, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.LastMCI(ctx); return err }},
		{"get_system_vars", map[string]any{}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.SystemVars(ctx); return err }},
		{"light/get_definition", []any{"sig", map[string]any{"pubkey": "x"}}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.Definition(ctx, other); return err }},
		{"light/get_definition", json.RawMessage("null"), byteball.NotFound, func(ctx context.Context, c *hub.Client) error { _, err := c.Definition(ctx, other); return err }},
		{"get_joint", map[string]any{"joint_not_found": wrongHash}, byteball.NotFound, func(ctx context.Context, c *hub.Client) error { _, err := c.Joint(ctx, wrongHash); return err }},
		{"get_joint", named(t, "get_joint").Response, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.Joint(ctx, wrongHash); return err }},
		{"get_joint", 7, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.Joint(ctx, wrongHash); return err }},
		{"light/get_balances", map[string]any{"X": map[string]any{"base": map[string]any{"stable": 1e16}}}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error { _, err := c.Balances(ctx, other); return err }},
		{"light/get_parents_and_last_ball_and_witness_list_unit", map[string]any{"timestamp": 1}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error {
			a, err := c.Anchor(ctx, nil, nil)
			_ = a.Timestamp == zero.Timestamp
			return err
		}},
		{"light/get_parents_and_last_ball_and_witness_list_unit", map[string]any{"error": "unable to find parents: failed"}, byteball.Transient, func(ctx context.Context, c *hub.Client) error { _, err := c.Anchor(ctx, nil, nil); return err }},
		{"light/get_history", map[string]any{"error": "your history is too large, please switch to a full client"}, byteball.Invalid, func(ctx context.Context, c *hub.Client) error {
			_, _, err := c.History(ctx, []byteball.Address{other}, nil, 0)
			return err
		}},
	} {
		s := serve(t)
		s.answer(test.command, test.body)
		c := dial(t, hub.Config{OPs: sampleOPs}, s.url)
		if err := test.ask(t.Context(), c); !errors.Is(err, test.kind) {
			t.Errorf("%s answering %v: got %v, want %v", test.command, test.body, err, test.kind)
		}
	}
}

func TestPost(t *testing.T) {
	s := serve(t)
	c := dial(t, hub.Config{}, s.url)
	var sent struct{ Unit *unit.Unit }
	if err := json.Unmarshal(named(t, "post_joint: simple payment").Request.Params, &sent); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		answer any
		kind   error
	}{
		{"accepted", nil},
		{map[string]any{"error": "known"}, nil},
		{map[string]any{"error": "unit " + wrongHash + " already exists"}, nil},
		{"perhaps", byteball.Transient},
		{map[string]any{"error": "known bad"}, byteball.Invalid},
		{map[string]any{"error": "definition X not found"}, byteball.Invalid},
		{map[string]any{"error": map[string]any{"odd": 1}}, byteball.Invalid},
		{map[string]any{"error": "unknown parents"}, byteball.Transient},
		{map[string]any{"error": "already handling this unit"}, byteball.Transient},
		{map[string]any{"error": "last ball just advanced, try again"}, byteball.Transient},
		{map[string]any{"error": "tps fee on address X must be at least 3091.5, found 30"}, byteball.Transient},
		{map[string]any{"error": "timestamp is too far into the future"}, byteball.Transient},
		{map[string]any{"error": "The transaction would be non-serial (a double spend)"}, byteball.Stale},
		{map[string]any{"error": wrongHash + ": conflicting divisible input in inner unit " + wrongHash}, byteball.Stale},
	} {
		s.answer("post_joint", test.answer)
		err := c.Post(t.Context(), sent.Unit)
		if !errors.Is(err, test.kind) {
			t.Errorf("%v: got %v, want %v", test.answer, err, test.kind)
		}
		var no interface{ Refused() string }
		if _, refused := test.answer.(map[string]any); err != nil && errors.As(err, &no) != refused {
			t.Errorf("%v: definite no: %v, want %v", test.answer, !refused, refused)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	s := serve(t)
	s.answer("get_last_mci", nil)
	c := dial(t, hub.Config{Timeout: 50 * time.Millisecond}, s.url)
	if _, err := c.LastMCI(t.Context()); !errors.Is(err, byteball.Transient) || !strings.Contains(err.Error(), "no answer to get_last_mci in time") {
		t.Errorf("got %v, want Transient", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.LastMCI(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
	s.Close()
	s.drop()
	if _, err := c.LastMCI(t.Context()); !errors.Is(err, byteball.Transient) || !strings.Contains(err.Error(), s.url+" is not reachable") {
		t.Errorf("got %v, want Transient naming the hub", err)
	}
	c.Close()
	if _, err := c.LastMCI(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("closed: got %v, want Canceled", err)
	}
}

// TestReconnect: requests go on over broken connections, and to the next hub when one stays away.
func TestReconnect(t *testing.T) {
	first, second := serve(t), serve(t)
	second.answer("get_last_mci", 600)
	var asked atomic.Int32
	first.got = func(command string, c *websocket.Conn) {
		if command == "get_last_mci" && asked.Add(1) <= 2 {
			c.Close()
		}
	}
	c := dial(t, hub.Config{}, first.url)
	if got, err := c.LastMCI(t.Context()); err != nil || got != 556 {
		t.Errorf("got %d, %v, want 556 after two broken connections", got, err)
	}
	both := dial(t, hub.Config{}, first.url, second.url)
	if both.Hub() != first.url {
		t.Errorf("connected to %s, want the first", both.Hub())
	}
	first.drop()
	if got, err := both.LastMCI(t.Context()); err != nil || got != 600 {
		t.Errorf("got %d, %v, want 600 from the second hub", got, err)
	}
}

// TestLiar: a hub whose proof is wrong is left for another one.
func TestLiar(t *testing.T) {
	liar, honest := serve(t), serve(t)
	var tree map[string]any
	if err := json.Unmarshal(named(t, "light/get_history, one address").Response, &tree); err != nil {
		t.Fatal(err)
	}
	set("amount", 7.0, "joints", 1, "unit", "messages", 0, "payload", "outputs", 0)(tree)
	liar.answer("light/get_history", tree)
	c := dial(t, hub.Config{}, liar.url, honest.url)
	address := []byteball.Address{"SH7L62HTZ5U45IR4GPXSNNJAKZDTUZTI"}
	if _, _, err := c.History(t.Context(), address, nil, 0); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), liar.url) {
		t.Errorf("got %v, want Invalid naming the liar", err)
	}
	if h, _, err := c.History(t.Context(), address, nil, 0); err != nil || len(h) != 3 || c.Hub() != honest.url {
		t.Errorf("got %d units, %v from %s, want 3 from the honest hub", len(h), err, c.Hub())
	}
}

// TestLiarLater: that a signature was good before does not help one that is changed.
func TestLiarLater(t *testing.T) {
	s := serve(t)
	c := dial(t, hub.Config{}, s.url)
	address := []byteball.Address{"SH7L62HTZ5U45IR4GPXSNNJAKZDTUZTI"}
	if h, _, err := c.History(t.Context(), address, nil, 0); err != nil || len(h) != 3 {
		t.Fatalf("got %d units, %v", len(h), err)
	}
	for name, tamper := range map[string]func(map[string]any){
		"signature": swapSignature("unstable_mc_joints", 1),
		"last ball": set("last_ball", wrongHash, "unstable_mc_joints", 0, "unit"),
		"gap":       cut("unstable_mc_joints", 1),
	} {
		var tree map[string]any
		if err := json.Unmarshal(named(t, "light/get_history, one address").Response, &tree); err != nil {
			t.Fatal(err)
		}
		tamper(tree)
		s.answer("light/get_history", tree)
		if _, _, err := c.History(t.Context(), address, nil, 0); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	s := serve(t)
	delete(s.answers, "heartbeat")
	beat := []byte(`["request",{"command":"heartbeat","tag":"a"}]`)
	subscribe := []byte(`["request",{"command":"subscribe","params":{"subscription_id":"x"},"tag":"b"}]`)
	unknown := []byte(`["request",{"command":"dance","tag":"c"}]`)
	s.say = func(c *websocket.Conn) {
		for _, data := range [][]byte{beat, subscribe, unknown} {
			c.WriteMessage(websocket.TextMessage, data)
		}
	}
	dial(t, hub.Config{Heartbeat: 20 * time.Millisecond}, s.url)
	for deadline := time.Now().Add(5 * time.Second); s.saw("request", "heartbeat") < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a silent hub is not asked for its heartbeat")
		}
	}
	if a, b, c := s.saw("response", "heartbeat"), s.saw("response", "subscribe"), s.saw("response", "dance"); a == 0 || b == 0 || c != 0 {
		t.Errorf("answers: heartbeat %d, subscribe %d, unknown %d", a, b, c)
	}
	for deadline := time.Now().Add(5 * time.Second); s.saw("response", "subscribe") < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a hub that answers nothing is not cut off")
		}
	}
}

// TestBadFrames: a hub that sends rubbish is cut off; the client goes on.
func TestBadFrames(t *testing.T) {
	for name, data := range map[string]string{
		"no JSON":     "x",
		"nesting":     strings.Repeat("[", 1000),
		"long tag":    `["response",{"tag":"` + strings.Repeat("a", 100) + `"}]`,
		"size":        `["justsaying",{"subject":"info","body":"` + strings.Repeat("a", hub.MaxFrame) + `"}]`,
		"unasked":     `["response",{"tag":"nobody","response":1}]`,
		"binary news": `["justsaying",{"subject":"light/have_updates"}]`,
	} {
		s := serve(t)
		var once atomic.Bool
		s.say = func(c *websocket.Conn) {
			if once.CompareAndSwap(false, true) {
				c.WriteMessage(websocket.TextMessage, []byte(data))
			}
		}
		c := dial(t, hub.Config{}, s.url)
		if got, err := c.LastMCI(t.Context()); err != nil || got != 556 {
			t.Errorf("%s: got %d, %v", name, got, err)
		}
	}
}
