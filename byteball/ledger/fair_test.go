package ledger_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

func TestLaneIsFair(t *testing.T) {
	lane := ledger.NewLane(1)
	lane.Enter("first", nil)
	var order []string
	var mu sync.Mutex
	var done sync.WaitGroup
	queue := func(host, name string) {
		n := lane.Waiting()
		done.Go(func() {
			lane.Enter(host, nil)
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			lane.Leave()
		})
		for lane.Waiting() == n {
		}
	}
	for i := range 4 {
		queue("greedy", fmt.Sprint("greedy ", i))
	}
	over := make(chan struct{})
	left := make(chan bool)
	go func() { left <- lane.Enter("gone", over) }()
	for lane.Waiting() < 5 {
	}
	queue("honest", "honest 0")
	queue("honest", "honest 1")
	close(over)
	if <-left {
		t.Error("entered after the end")
	}
	lane.Leave()
	done.Wait()
	if want := []string{"greedy 0", "honest 0", "greedy 1", "honest 1", "greedy 2", "greedy 3"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
	if !lane.Enter("next", nil) {
		t.Error("the lane is not free")
	}
}

// Hosts that flood with histories share what an honest client leaves.
func TestBoundExpensive(t *testing.T) {
	alice := someone(t, 1)
	w := olderWorld(t, alice)
	w.witness(200)
	url := serve(t, w, time.Hour)
	op := string(w.OP())
	ask := `{"witnesses":["` + op + `"],"addresses":["` + op + `"]}`
	const clients, each = 5, 40
	var answered atomic.Int64
	var readers sync.WaitGroup
	for range clients {
		c := dialFrom(t, "127.0.0.2", url)
		for range each {
			c.send(`["request",{"command":"light/get_history","tag":"h","params":` + ask + `}]`)
		}
		readers.Go(func() {
			for {
				kind, r, err := c.ws.NextReader()
				if err != nil {
					return
				}
				if n, err := io.Copy(io.Discard, r); err == nil && kind == websocket.TextMessage && n > 100_000 {
					answered.Add(1)
				}
			}
		})
		t.Cleanup(func() { c.ws.Close() })
	}
	c := dial(t, url)
	for range 5 {
		if _, _, err := c.History(t.Context(), []byteball.Address{alice.address}, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	honest(t, w, url, alice)
	if n := answered.Load(); n > clients*each/2 {
		t.Errorf("the flood had %d answers when the honest client had its 5", n)
	}
}

// What the server has taken is answered before it ends.
func TestServerAnswersBeforeItEnds(t *testing.T) {
	var people []person
	for i := range 20 {
		people = append(people, someone(t, byte(i+1)))
	}
	w := olderWorld(t, people...)
	w.now = time.Now()
	var units []*unit.Unit
	for _, p := range people {
		units = append(units, w.draft(p, to(p, 1)))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1) // the result waits
	go func() { done <- w.Serve(ctx, ledger.ServerConfig{Listener: listener, Heartbeat: time.Hour}) }()
	c := dialRaw(t, "ws://"+listener.Addr().String())
	c.request("heartbeat", "null")
	release := w.Hold()
	for i, u := range units {
		c.send(fmt.Sprintf(`["request",{"command":"post_joint","tag":"%d","params":%s}]`, i, joint(t, u)))
	}
	c.request("heartbeat", "null") // so it has taken them all
	cancel()
	release()
	accepted := 0
	c.await(func(kind string, content map[string]any) bool {
		if content["response"] == "accepted" {
			accepted++
		}
		return accepted == len(units)
	})
	c.ended()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// The system variables are said once, with the first history (network.js:3529).
func TestServeSaysSystemVars(t *testing.T) {
	w := olderWorld(t)
	c := dialRaw(t, serve(t, w, time.Hour))
	said := 0
	for i := range 3 {
		ask := fmt.Sprintf(`["request",{"command":"light/get_history","tag":"%d","params":{"witnesses":["%s"],"addresses":["%s"]}}]`, i, w.OP(), w.OP())
		c.send(ask)
		c.await(func(kind string, content map[string]any) bool {
			if content["subject"] == "system_vars" {
				said++
			}
			return kind == "response" && content["tag"] == fmt.Sprint(i)
		})
	}
	if said != 1 {
		t.Errorf("said %d times, want once", said)
	}
}
