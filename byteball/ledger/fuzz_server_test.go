package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/iotverse/iotverse/byteball/ledger"
)

// FuzzConversation sends sequences of messages, one a line, over a connection to a fresh ledger. A line that begins with
// ! goes as a binary message, one with ? as it is, below the websocket. Whatever came, the next client is served, and
// nothing is left when the server has ended.
func FuzzConversation(f *testing.F) {
	alice := someone(f, 1)
	w := newWorld(f, "", alice)
	w.witness(5)
	w.now = time.Now()
	op, post := string(w.OP()), string(joint(f, w.draft(alice, to(alice, 1))))
	ask := func(command, params string) string {
		return `["request",{"command":"` + command + `","tag":"` + command + `","params":` + params + `}]`
	}
	history := ask("light/get_history", `{"witnesses":["`+op+`"],"addresses":["`+op+`"],"requested_joints":["`+string(w.Genesis())+`"]}`)
	for _, lines := range [][]string{
		{ask("get_witnesses", "null"), ask("subscribe", "{}"), ask("get_system_var_votes", "null")},
		{`["justsaying",{"subject":"version","body":{"protocol_version":"4.0dev","alt":"3","library_version":"0.4.6"}}]`, history, history, "!" + history},
		{`["justsaying",{"subject":"light/new_address_to_watch","body":"` + op + `"}]`, ask("post_joint", post), ask("post_joint", post), ask("heartbeat", "null")},
		{`["justsaying",{"subject":"hub/login","body":{"challenge":"x","pubkey":"y","signature":"z"}}]`, ask("hub/temp_pubkey", "{}"), `["justsaying",{"subject":"hub/refresh"}]`},
		{ask("light/get_aa_state_vars", `{"address":"`+op+`","limit":1}`), ask("light/execute_getter", `{"address":"`+op+`","getter":"g","args":[1,null]}`),
			ask("light/get_aas_by_base_aas", `{"base_aa":"`+op+`","params":{"a":[">",1]}}`), ask("light/get_aa_responses", `{"aa":"`+op+`","order":"ASC"}`)},
		{"?\x81\xfe\xff\xff", "?\x88\x80\x00\x00\x00\x00"},
		{"?\x01\x80\x00\x00\x00\x00", "?\x89\xff\xff", "[[[[", ""},
	} {
		f.Add([]byte(strings.Join(lines, "\n")))
	}
	data := export(f, w.Ledger)
	f.Fuzz(func(t *testing.T, lines []byte) {
		before := goleak.IgnoreCurrent()
		converse(t, data, bytes.Split(lines, []byte("\n")))
		goleak.VerifyNone(t, before)
	})
}

func converse(t *testing.T, chain []byte, lines [][]byte) {
	l := imported(t, "", chain)
	defer l.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1) // the result waits
	go func() { done <- l.Serve(ctx, ledger.ServerConfig{Listener: listener}) }()
	url := "ws://" + listener.Addr().String()
	c, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		switch {
		case bytes.HasPrefix(line, []byte("?")):
			_, err = c.NetConn().Write(line[1:])
		case bytes.HasPrefix(line, []byte("!")):
			err = c.WriteMessage(websocket.BinaryMessage, line[1:])
		default:
			err = c.WriteMessage(websocket.TextMessage, line)
		}
		if err != nil {
			break // the server may end it
		}
	}
	drain(t, c)
	next, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	rawClient{t, next}.request("get_last_mci", "null")
	next.Close()
	c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// drain says goodbye and reads what still comes: JSON.
func drain(t *testing.T, c *websocket.Conn) {
	c.WriteMessage(websocket.TextMessage, []byte(`["request",{"command":"heartbeat","tag":"the last one"}]`))
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // the answer does not come if the stream is spoiled
	for {
		_, data, err := c.ReadMessage()
		if err != nil || bytes.Contains(data, []byte(`"the last one"`)) {
			return
		}
		if !json.Valid(data) {
			t.Errorf("no JSON: %q", data)
		}
	}
}
