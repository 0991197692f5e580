package p2p_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

const deal = "/iotverse/deal/1"

func TestSendAnswers(t *testing.T) {
	a, b := start(t, nil), start(t, func(c *p2p.Config) { c.Key = newKey(t, true) })
	join(t, a, b)
	var verdict error
	var mu sync.Mutex
	var gotFrom protocol.Identity
	var gotFrame []byte
	handler := func(_ context.Context, from protocol.Identity, frame []byte) error {
		mu.Lock()
		defer mu.Unlock()
		gotFrom, gotFrame = from, frame
		return verdict
	}
	for _, n := range []*p2p.Node{a, b} {
		if err := n.Handle(deal, p2p.MaxFrame, handler); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		verdict error
		kind    error
		text    string
	}{
		{"accepted", nil, nil, ""},
		{"invalid", fmt.Errorf("voucher 5 over deposit 4: %w", protocol.Invalid), protocol.Invalid, "voucher 5 over deposit 4"},
		{"stale", fmt.Errorf("old: %w", protocol.Stale), protocol.Stale, "old"},
		{"not found", fmt.Errorf("no window 7: %w", protocol.NotFound), protocol.NotFound, "no window 7"},
		{"funds", fmt.Errorf("12 B missing: %w", protocol.Funds), protocol.Funds, "12 B missing"},
		{"busy", fmt.Errorf("busy: %w", protocol.Transient), protocol.Transient, "busy"},
		{"own trouble is not told", errors.New("secret path"), protocol.Transient, ""},
		{"long and ugly", fmt.Errorf("%s\x1b[2J\n: %w", strings.Repeat("é", 500), protocol.Invalid), protocol.Invalid, "éé"},
	} {
		for _, dir := range [][2]*p2p.Node{{a, b}, {b, a}} {
			mu.Lock()
			verdict = tt.verdict
			mu.Unlock()
			frame := bytes.Repeat([]byte{7}, p2p.MaxFrame)
			err := dir[0].Send(within(t, 10*time.Second), dir[1].Identity(), deal, frame)
			if !errors.Is(err, tt.kind) || (err == nil) != (tt.kind == nil) {
				t.Errorf("%s: got %v, want kind %v", tt.name, err, tt.kind)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("%s: text %q, want %q in it", tt.name, err, tt.text)
			}
			if gotFrom != dir[0].Identity() || !bytes.Equal(gotFrame, frame) {
				t.Errorf("%s: handler saw %d bytes from %s, want %d from %s", tt.name, len(gotFrame), gotFrom, len(frame), dir[0].Identity())
			}
		}
	}
}

func TestOrderAndBackPressure(t *testing.T) {
	const limit = 40
	a := start(t, func(c *p2p.Config) { c.Limits.Queue = limit })
	b := start(t, nil)
	join(t, a, b)
	var got []byte
	gate := make(chan struct{})
	if err := b.Handle(deal, 100, func(_ context.Context, _ protocol.Identity, frame []byte) error {
		<-gate
		got = append(got, frame[0]) // one message at a time: no lock
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var want []byte
	var results sync.WaitGroup
	full := 0
	for i := range byte(60) {
		results.Add(1)
		err := a.Post(t.Context(), b.Identity(), deal, []byte{i}, func(err error) {
			defer results.Done()
			if err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		})
		if err == nil {
			want = append(want, i)
			continue
		}
		results.Done()
		full++
		if !errors.Is(err, protocol.Transient) {
			t.Errorf("full queue: got %v, want Transient", err)
		}
	}
	close(gate)
	results.Wait()
	if !slices.Equal(got, want) {
		t.Errorf("got order %v, want %v", got, want)
	}
	if full < 60-limit-1 {
		t.Errorf("%d messages of 60 refused with a queue of %d", full, limit)
	}
	if s := a.Stats().Protocols[deal]; s.Sent != uint64(len(want)) {
		t.Errorf("sent counter %d, want %d", s.Sent, len(want))
	}
}

func TestSendWithdrawn(t *testing.T) {
	a, b := start(t, nil), start(t, nil)
	join(t, a, b)
	entered, gate := make(chan struct{}, 1), make(chan struct{})
	handled := make(chan byte, 8)
	if err := b.Handle(deal, 100, func(_ context.Context, _ protocol.Identity, frame []byte) error {
		entered <- struct{}{}
		<-gate
		handled <- frame[0]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	if err := a.Post(t.Context(), b.Identity(), deal, []byte{1}, func(err error) { first <- err }); err != nil {
		t.Fatal(err)
	}
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Send(ctx, b.Identity(), deal, []byte{2}); !errors.Is(err, protocol.Transient) {
		t.Errorf("withdrawn message: got %v, want Transient", err)
	}
	close(gate)
	if err := <-first; err != nil {
		t.Errorf("first message: %v", err)
	}
	if err := a.Send(within(t, 10*time.Second), b.Identity(), deal, []byte{3}); err != nil {
		t.Errorf("third message: %v", err)
	}
	if one, three := <-handled, <-handled; one != 1 || three != 3 {
		t.Errorf("handled %d, %d, want 1, 3", one, three)
	}
}

func TestSendRefusesNonsense(t *testing.T) {
	a, b := start(t, nil), start(t, nil)
	for _, tt := range []struct {
		name  string
		to    protocol.Identity
		proto string
		frame []byte
		want  error
	}{
		{"empty", b.Identity(), deal, nil, protocol.Invalid},
		{"too long", b.Identity(), deal, make([]byte, p2p.MaxFrame+1), protocol.Invalid},
		{"no protocol", b.Identity(), "", []byte{1}, protocol.Invalid},
		{"itself", a.Identity(), deal, []byte{1}, protocol.Invalid},
		{"no key", "short", deal, []byte{1}, protocol.Invalid},
		{"no point", protocol.Identity(append([]byte{2}, bytes.Repeat([]byte{255}, 32)...)), deal, []byte{1}, protocol.Invalid},
		{"unknown peer", b.Identity(), deal, []byte{1}, protocol.Transient},
	} {
		if err := a.Send(within(t, 5*time.Second), tt.to, tt.proto, tt.frame); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	join(t, a, b)
	if err := a.Send(within(t, 5*time.Second), b.Identity(), "/no/such", []byte{1}); !errors.Is(err, protocol.Transient) {
		t.Errorf("peer without handler: got %v, want Transient", err)
	}
	if err := b.Handle(deal, 10, func(context.Context, protocol.Identity, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(within(t, 5*time.Second), b.Identity(), deal, make([]byte, 400_000)); !errors.Is(err, protocol.Invalid) {
		t.Errorf("over the handler's limit: got %v, want Invalid", err)
	}
	for _, size := range []int{0, p2p.MaxFrame + 1} {
		if err := b.Handle(deal, size, nil); !errors.Is(err, protocol.Invalid) {
			t.Errorf("handler with frames of %d: got %v, want Invalid", size, err)
		}
	}
}
