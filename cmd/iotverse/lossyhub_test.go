package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
)

// lossyHub stands between a client and a ledger. It takes some units and loses them, as a hub does that archives them after a
// double spend; all else it passes on.
type lossyHub struct {
	url, ledger string
	lose        atomic.Int32       // how many of the next units
	lost        chan byteball.Hash // capacity: more than a test loses
	open        sync.WaitGroup
}

func newLossyHub(t *testing.T, ledger string) *lossyHub {
	h := &lossyHub{ledger: ledger, lost: make(chan byteball.Hash, 16)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.open.Add(1)
		defer h.open.Done()
		if err := h.serve(w, r); err != nil {
			t.Log("lossy hub: ", err)
		}
	}))
	h.url = "ws" + strings.TrimPrefix(web.URL, "http")
	t.Cleanup(func() {
		web.Close()
		h.open.Wait()
	})
	return h
}

func (h *lossyHub) serve(w http.ResponseWriter, r *http.Request) error {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	client, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	ledger, _, err := websocket.DefaultDialer.Dial(h.ledger, nil)
	if err != nil {
		return err
	}
	defer ledger.Close()
	var mu sync.Mutex // one writes to the client at a time
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		for {
			kind, data, err := ledger.ReadMessage()
			if err != nil {
				return
			}
			mu.Lock()
			err = client.WriteMessage(kind, data)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	defer back.Wait()
	defer ledger.Close()
	for {
		kind, data, err := client.ReadMessage()
		if err != nil {
			return nil
		}
		if answer := h.swallow(data); answer != nil {
			mu.Lock()
			err = client.WriteMessage(kind, answer)
			mu.Unlock()
		} else {
			err = ledger.WriteMessage(kind, data)
		}
		if err != nil {
			return nil
		}
	}
}

// swallow returns the answer to a unit that is lost, nil for what is passed on.
func (h *lossyHub) swallow(data []byte) []byte {
	var head []json.RawMessage
	var request struct {
		Command, Tag string
		Params       struct {
			Unit struct{ Unit byteball.Hash }
		}
	}
	if json.Unmarshal(data, &head) != nil || len(head) != 2 || json.Unmarshal(head[1], &request) != nil || request.Command != "post_joint" {
		return nil
	}
	if h.lose.Add(-1) < 0 {
		h.lose.Store(0)
		return nil
	}
	answer, err := json.Marshal([]any{"response", map[string]string{"tag": request.Tag, "command": request.Command, "response": "accepted"}})
	if err != nil {
		return nil
	}
	h.lost <- request.Params.Unit.Unit
	return answer
}
