package ledger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// samples is testdata/protocol_samples.json: what the reference answered, captured.
type samples struct{ Cases []sample }

type sample struct {
	Name    string
	Request *struct {
		Command string
		Params  json.RawMessage
	}
	Response json.RawMessage
}

// elsewhere are the captures that cannot be replayed here, and why. Everything else is.
var elsewhere = map[string]string{
	"right after connecting (what the hub sends first)": "TestServeGreetsAndBears",
	"my version": "nothing is answered",
	"light/new_address_to_watch: then a payment to the address arrives and becomes stable": "TestServeTellsWatchers",
	"device login and temp_pubkey":                   "device messages",
	"hub/get_temp_pubkey":                            "device messages",
	"hub/get_temp_pubkey unknown device":             "device messages",
	"hub/deliver":                                    "device messages",
	"what the recipient gets":                        "device messages",
	"hub/delete, then hub/refresh with an empty box": "device messages",
	"hub/deliver to an unknown device":               "device messages",
	"login with a stored message":                    "device messages",
	"unknown command (no answer ever)":               "the capture holds the command that came after it; TestServeGreetsAndBears",
	"junk justsaying":                                "TestServeGreetsAndBears",
	"post_joint: channel close with 5 outputs":       "two keys sign; package channel closes on this ledger",
}

// shaped are the captures whose values hang on the reference's chain: the answers are compared by their shape.
var shaped = []string{"get_last_mci", "get_last_stable_unit_props", "get_system_var_votes", "parents", "parents: witnesses left out (the hub takes its own)",
	"parents: unknown witnesses", "get_joint", "light/get_history, one address", "light/get_history, requested_joints", "light/get_history, known_stable_units",
	"light/get_history with an unstable unit", "light/get_link_proofs", "light/get_definition", "light/get_definition_for_address", "light/get_balances",
	"light/pick_divisible_coins_for_amount"}

// sampled is a world with the cast of the captures under other addresses: own maps texts of the captures to those here.
type sampled struct {
	*world
	alice, bob, carol, dave, erin person
	own                           *strings.Replacer
}

func newSampled(t *testing.T) *sampled {
	s := &sampled{alice: someone(t, 1), bob: someone(t, 2), carol: someone(t, 3), dave: someone(t, 4), erin: someone(t, 5)}
	s.world = newWorld(t, "", s.alice, s.carol, s.dave, s.erin)
	s.Ledger = open(t, ledger.Config{Network: byteball.Dev, Genesis: s.genesis(), Vars: unit.DefaultVars(byteball.Dev)})
	s.now = time.Now().Add(-time.Hour)
	s.witness(5)
	first := s.settled(s.alice, to(s.bob, 9000))
	known := s.settled(s.alice, to(s.bob, 1000))
	s.settled(s.carol, nil, unit.Message{App: "data_feed", Payload: map[string]any{"temperature": 21.0, "status": "ok"}})
	attestation := s.settled(s.dave, nil, unit.Message{App: "attestation", Payload: map[string]any{"address": string(s.alice.address),
		"profile": map[string]any{"device": "raspberry", "serial": "0001"}}})
	profile := s.settled(s.erin, nil, unit.Message{App: "profile", Payload: map[string]any{"name": "validator-1"}})
	s.witness(10)
	s.now = time.Now().Add(-time.Second)
	last := s.post(s.draft(s.alice, to(s.bob, 500)))
	s.own = strings.NewReplacer("QZAB2MYRLRVUNITTOOCF5ZE3AG4TCJDD", string(s.OP()), "G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3", string(s.alice.address),
		"SH7L62HTZ5U45IR4GPXSNNJAKZDTUZTI", string(s.bob.address), "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", string(s.carol.address),
		"7SSQSCG6SWM2FGU53Q3CQZEJVX6TKMHT", string(s.dave.address), "BK54AQYWAW2E65VK34CHSQUFANMIPPXO", string(s.erin.address),
		"FHqRnM4F24MDAJsnH9f8GTJZIC7xirkk31CZw+J7x5M=", string(first.Unit), "sw1SPxWD0n6+Cyz6Eync/iqjzTegaKgN9F0wFDKXpjM=", string(known.Unit),
		"uF0mPo6tghGF6vDtSbN0w5I51tobUcsoLWuHics2CSQ=", string(attestation.Unit), "3h/fdjoV73/M6ZTF29nVbTjgXk1joqkUFApSx/nNZe4=", string(profile.Unit),
		"3ncN8NGqTiJUDUWPigQMyHZjSsIjINcDLl4A0+/6W9w=", string(last.Unit), `"last_ball_mci":603`, `"last_ball_mci":8`)
	return s
}

func (s *sampled) genesis() *unit.Joint {
	j, err := s.Joint(s.Genesis())
	if err != nil {
		s.Fatal(err)
	}
	j.Unit.MainChainIndex = nil
	return &j
}

// settled posts a unit and makes it stable.
func (s *sampled) settled(p person, outputs []unit.Output, messages ...unit.Message) *unit.Unit {
	u := s.post(s.draft(p, outputs, messages...))
	s.witness(4)
	return u
}

// ask returns the answer to a request, nil for none at all and "absent" for one without a response.
func (s *sampled) ask(command string, params []byte) any {
	if params == nil {
		params = []byte("null")
	}
	frame := fmt.Sprintf(`["request",{"command":%q,"tag":"s","params":%s}]`, command, params)
	for _, sent := range s.Hear([]byte(frame)) {
		var parts []json.RawMessage
		var content map[string]any
		if json.Unmarshal(sent, &parts) == nil && string(parts[0]) == `"response"` && json.Unmarshal(parts[1], &content) == nil {
			if response, ok := content["response"]; ok {
				return response
			}
			return "absent"
		}
	}
	return nil
}

func TestProtocolSamples(t *testing.T) {
	v := readJSON[samples](t, "testdata/protocol_samples.json")
	s := newSampled(t)
	posts := s.posts()
	seen := map[string]bool{}
	slices.SortStableFunc(v.Cases, func(a, b sample) int {
		return strings.Index(a.Name, "post_joint: ") - strings.Index(b.Name, "post_joint: ")
	})
	for _, c := range v.Cases {
		seen[c.Name] = true
		if elsewhere[c.Name] != "" {
			continue
		}
		if c.Request == nil {
			t.Errorf("%s: neither replayed nor listed", c.Name)
			continue
		}
		var params bytes.Buffer
		if c.Request.Params != nil {
			if err := json.Compact(&params, c.Request.Params); err != nil {
				t.Fatal(err)
			}
		}
		request := []byte(s.own.Replace(params.String()))
		if c.Name == "light/get_definition_for_address" { // of a shared address, there
			request = fmt.Appendf(nil, `{"address":%q}`, s.erin.address)
		}
		if make := posts[c.Name]; make != nil {
			request = make()
		} else if len(request) == 0 {
			request = nil
		}
		got := s.ask(c.Request.Command, request)
		if string(c.Response) == "null" {
			if got != "absent" {
				t.Errorf("%s: %v, want an answer without response", c.Name, got)
			}
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(s.own.Replace(string(c.Response))), &want); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(shaped, c.Name) {
			if err := sameShape(got, want, 0); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", c.Name, got, want)
		}
	}
	for _, name := range slices.Concat(shaped, slices.Collect(maps.Keys(elsewhere)), slices.Collect(maps.Keys(posts))) {
		if !seen[name] {
			t.Errorf("%s is not a capture", name)
		}
	}
}

// posts make units like the captured ones on this chain, since those name parents of another.
func (s *sampled) posts() map[string]func() []byte {
	message := func(app string, payload any) []unit.Message { return []unit.Message{{App: app, Payload: payload}} }
	draft := func(p person, outputs []unit.Output, messages []unit.Message) func() []byte {
		return func() []byte { s.now = time.Now(); return joint(s, s.draft(p, outputs, messages...)) }
	}
	var last []byte
	keep := func(make func() []byte) func() []byte { return func() []byte { last = make(); return last } }
	readings := map[string]any{"readings": []any{map[string]any{"t": 1.0, "v": 20.0}}}
	temp := map[string]any{"data_length": 26.0, "data_hash": tempHash(s, readings), "data": readings}
	five := slices.Concat(to(s.bob, 1), to(s.carol, 2), to(s.dave, 3), to(s.erin, 4))
	return map[string]func() []byte{
		"post_joint: simple payment":                                        keep(draft(s.alice, to(s.bob, 5), nil)),
		"post_joint: simple payment, first unit of an address (definition)": draft(s.bob, to(s.alice, 5), nil),
		"post_joint: channel open (pay to the shared address)":              draft(s.alice, to(s.carol, 5), nil),
		"post_joint: data, 300 bytes of JSON":                               draft(s.alice, nil, message("data", map[string]any{"type": "iotverse/offer", "price": 25.0})),
		"post_joint: temp_data, data_length 728":                            draft(s.alice, nil, message("temp_data", temp)),
		"post_joint: the same as permanent data":                            draft(s.alice, nil, message("data", readings)),
		"post_joint: data_feed":                                             draft(s.erin, nil, message("data_feed", map[string]any{"temperature": 21.0, "status": "ok"})),
		"post_joint: attestation":                                           draft(s.erin, nil, message("attestation", map[string]any{"address": string(s.bob.address), "profile": map[string]any{"a": "b"}})),
		"post_joint: profile":                                               draft(s.alice, nil, message("profile", map[string]any{"name": "v"})),
		"post_joint: text":                                                  draft(s.alice, nil, message("text", "hello")),
		"post_joint: payment, 5 outputs":                                    draft(s.alice, five, nil),
		"post_joint: large data (12 kB): oversize fee":                      draft(s.alice, nil, message("data", map[string]any{"blob": strings.Repeat("x", 12_000)})),
		"post_joint: known unit":                                            func() []byte { return last },
		"post_joint: wrong hash": func() []byte {
			return bytes.Replace(last, []byte(`"headers_commission":`), []byte(`"headers_commission":1`), 1)
		},
	}
}

func joint(t testing.TB, u *unit.Unit) []byte {
	data, err := json.Marshal(map[string]any{"unit": u})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sameShape compares kinds of values and names of members, of lists the last elements; null is as good as absent. Inside
// the units of an answer, and of definitions, nothing is compared.
func sameShape(got, want any, depth int) error {
	if (got == nil) != (want == nil) || got != nil && reflect.TypeOf(got) != reflect.TypeOf(want) {
		return fmt.Errorf("%T, want %T (%.200v)", got, want, got)
	}
	switch w := want.(type) {
	case []any:
		g := got.([]any)
		if len(g) == 0 || len(w) == 0 || depth > 3 {
			return nil
		}
		return sameShape(g[len(g)-1], w[len(w)-1], depth+1)
	case map[string]any:
		g := got.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if w[name] == nil || depth > 2 || name == "definition" {
				continue
			}
			if _, ok := g[name]; !ok {
				return fmt.Errorf("no member %q in %.200v", name, got)
			}
			if err := sameShape(g[name], w[name], depth+1); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		for name := range g {
			if _, ok := w[name]; !ok && depth < 3 {
				return fmt.Errorf("strange member %q", name)
			}
		}
	}
	return nil
}

// tempHash is the data_hash of temp_data.
func tempHash(t testing.TB, data any) string {
	h, err := objecthash.JSONHash(data)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}
