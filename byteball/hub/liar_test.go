package hub_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball/hub"
)

// liar is a hub that passes everything on to and from an honest one, but for what it edits.
type liar struct {
	url string

	mu   sync.Mutex
	edit map[string]func(any) any // by command; gets the JSON tree of an answer, may return another; nil: no answer
}

// lie puts a liar in front of a hub.
func lie(t testing.TB, upstream string) *liar {
	l := &liar{edit: map[string]func(any) any{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		client, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer client.Close()
		server, _, err := websocket.DefaultDialer.Dial(upstream, nil)
		if err != nil {
			return
		}
		var both sync.WaitGroup
		both.Go(func() { l.pass(client, server, nil) })
		l.pass(server, client, l.change)
		both.Wait()
	}))
	l.url = "ws" + strings.TrimPrefix(s.URL, "http")
	t.Cleanup(s.Close)
	return l
}

// pass copies messages until one side ends, then it ends the other.
func (l *liar) pass(from, to *websocket.Conn, change func([]byte) []byte) {
	defer from.Close()
	defer to.Close()
	for {
		kind, data, err := from.ReadMessage()
		if err != nil {
			return
		}
		if change != nil {
			if data = change(data); data == nil {
				continue
			}
		}
		if to.WriteMessage(kind, data) != nil {
			return
		}
	}
}

// change edits an answer.
func (l *liar) change(data []byte) []byte {
	f, err := hub.ParseFrame(data)
	l.mu.Lock()
	edit := l.edit[f.Command]
	l.mu.Unlock()
	if err != nil || f.Type != "response" || edit == nil {
		return data
	}
	var tree any
	if json.Unmarshal(f.Body, &tree) != nil {
		return data
	}
	if tree = edit(tree); tree == nil {
		return nil
	}
	if f.Body, err = json.Marshal(tree); err != nil {
		return data
	}
	out, err := f.Bytes()
	if err != nil {
		return data
	}
	return out
}

// on edits the answers to a command from now on; with nil it is honest again.
func (l *liar) on(command string, edit func(any) any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if edit == nil {
		delete(l.edit, command)
		return
	}
	l.edit[command] = edit
}
