package hub_test

import (
	"bytes"
	"context"
	"errors"
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

// FuzzStream lets a hub send anything, one frame a line, after its greeting and in answer to each request. "TAG" in a frame
// becomes the tag of the last request. The client must neither panic nor hang, and give errors of a known kind.
func FuzzStream(f *testing.F) {
	for _, s := range samples(f) {
		if len(s.Response) < 4096 {
			f.Add(append([]byte(`["response",{"tag":"TAG","response":`), append(bytes.ReplaceAll(s.Response, []byte("\n"), nil), "}]"...)...))
		}
		for _, w := range s.Wire {
			if len(w) == 2 && len(w[1]) < 4096 {
				f.Add(bytes.ReplaceAll(w[1], []byte("\n"), nil))
			}
		}
	}
	f.Add([]byte("[\n[]\n[\"response\",{\"tag\":\"TAG\"}]\n[\"request\",{\"command\":\"heartbeat\",\"tag\":\"x\"}]"))
	f.Add([]byte(`["justsaying",{"subject":"light/sequence_became_bad","body":["x"]}]`))
	f.Add([]byte(`["justsaying",{"subject":"joint","body":{"unit":{}}}]`))
	f.Add([]byte(`["justsaying",{"subject":"hub/message","body":{"message_hash":"x","message":{}}}]`))
	f.Add([]byte("\x00\xff"))
	var mu sync.Mutex
	var script []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		mu.Lock()
		frames := bytes.SplitN(script, []byte("\n"), 50)
		mu.Unlock()
		c.WriteMessage(websocket.TextMessage, []byte(devVersion))
		for tag := "none"; ; {
			for _, data := range frames {
				if c.WriteMessage(websocket.TextMessage, bytes.ReplaceAll(data, []byte("TAG"), []byte(tag))) != nil {
					return
				}
			}
			for tag = ""; tag == ""; {
				_, data, err := c.ReadMessage()
				if err != nil {
					return
				}
				if q, err := hub.ParseFrame(data); err == nil && q.Type == "request" {
					tag = q.Tag
				}
			}
		}
	}))
	f.Cleanup(s.Close)
	url := "ws" + strings.TrimPrefix(s.URL, "http")
	f.Fuzz(func(t *testing.T, data []byte) {
		mu.Lock()
		script = data
		mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		c, err := hub.Dial(t.Context(), hub.Config{URLs: []string{url}, Network: byteball.Dev, OPs: sampleOPs, News: func(hub.News) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _, history := c.History(ctx, []byteball.Address{other}, nil, 0)
		_, coins := c.Coins(ctx, hub.CoinQuery{Addresses: []byteball.Address{other}, LastBallMCI: 1, Amount: 1})
		_, follow := c.FollowOPs(ctx)
		_, anchor := c.Anchor(ctx, []byteball.Address{other}, []byteball.Address{other})
		for _, err := range []error{history, coins, follow, anchor} {
			known := err == nil || ctx.Err() != nil
			for _, kind := range []error{byteball.Invalid, byteball.Stale, byteball.NotFound, byteball.Funds, byteball.Transient, context.Canceled} {
				known = known || errors.Is(err, kind)
			}
			if !known {
				t.Fatalf("error without kind: %v", err)
			}
		}
	})
}
