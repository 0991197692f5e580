package p2p_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

// stranger is a libp2p host that keeps none of our rules, connected to n.
func stranger(t *testing.T, n *p2p.Node, opts ...libp2p.Option) (host.Host, peer.ID) {
	t.Helper()
	h, err := libp2p.New(append(opts, libp2p.NoListenAddrs, libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableMetrics())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	info, err := peer.AddrInfoFromString(n.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(t.Context(), *info); err != nil {
		t.Fatal(err)
	}
	return h, info.ID
}

// Whatever comes, the stream ends in time, the handler does not see it, it is counted, and the next honest message passes.
func TestBadStreams(t *testing.T) {
	n := start(t, func(c *p2p.Config) { c.Limits.Timeout = time.Second })
	handled := make(chan []byte, 10)
	if err := n.Handle(deal, 1000, func(_ context.Context, _ protocol.Identity, frame []byte) error {
		handled <- frame
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h, id := stranger(t, n)
	for i, tt := range []struct {
		name  string
		bytes string
		then  func(network.Stream)
	}{
		{"garbage", "GET / HTTP/1.1\r\n\r\n", closeWrite},
		{"4 GB announced", "\xff\xff\xff\xff", closeWrite},
		{"empty frame", "\x00\x00\x00\x00", closeWrite},
		{"half-closed in the frame", "\x00\x00\x00\x05abc", closeWrite},
		{"half-closed in the length", "\x00", closeWrite},
		{"nothing, then silence", "", nil},
		{"slow loris", "\x00\x00\x03\xe8", drip},
		{"over the handler's limit, then silence", "\x00\x00\x10\x00abc", nil},
		{"complete, but never ends", "\x00\x00\x00\x03abc", nil},
		{"bytes after the end", "\x00\x00\x00\x03abcdef", closeWrite},
		{"reset", "\x00\x00\x00\x05abc", func(s network.Stream) { time.Sleep(200 * time.Millisecond); s.Reset() }},
	} {
		s, err := h.NewStream(t.Context(), id, deal)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte(tt.bytes)); err != nil {
			t.Fatal(err)
		}
		if tt.then != nil {
			tt.then(s)
		}
		began := time.Now()
		answer, _ := io.ReadAll(io.LimitReader(s, 300))
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: ended after %v, want about 1 s at most", tt.name, took)
		}
		if len(answer) > 0 && answer[0] == 0 {
			t.Errorf("%s: accepted", tt.name)
		}
		s.Reset()
		eventually(t, tt.name+" is counted", func() bool { return n.Stats().Protocols[deal].Malformed == uint64(i+1) })
	}
	if len(handled) != 0 {
		t.Errorf("the handler saw %d bad messages", len(handled))
	}
	honest := start(t, nil)
	join(t, honest, n)
	if err := honest.Send(within(t, 5*time.Second), n.Identity(), deal, []byte("good")); err != nil {
		t.Errorf("honest message afterwards: %v", err)
	}
}

func closeWrite(s network.Stream) { s.CloseWrite() }

// drip sends one byte every 100 ms until the stream dies.
func drip(s network.Stream) {
	for range 100 {
		if _, err := s.Write([]byte{'x'}); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// One peer cannot have more than eight streams of a protocol open, whatever it does; others are not disturbed.
func TestEightStreams(t *testing.T) {
	n := start(t, func(c *p2p.Config) { c.Limits.Timeout = 5 * time.Second })
	gate := make(chan struct{})
	var mu sync.Mutex
	running, most := 0, 0
	if err := n.Handle(deal, 1000, func(ctx context.Context, _ protocol.Identity, frame []byte) error {
		if string(frame) == "quick" {
			return nil
		}
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-gate
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h, id := stranger(t, n)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			s, err := h.NewStream(t.Context(), id, deal)
			if err != nil {
				return
			}
			s.Write([]byte("\x00\x00\x00\x03abc"))
			s.CloseWrite()
			io.ReadAll(s)
			s.Close()
		})
	}
	eventually(t, "eight handlers run", func() bool { mu.Lock(); defer mu.Unlock(); return running == 8 })
	time.Sleep(300 * time.Millisecond)
	honest := start(t, nil)
	join(t, honest, n)
	if err := honest.Send(within(t, 5*time.Second), n.Identity(), deal, []byte("quick")); err != nil {
		t.Errorf("another peer's message meanwhile: %v", err)
	}
	close(gate)
	wg.Wait()
	if most != 8 {
		t.Errorf("%d handlers of one peer at once, want 8", most)
	}
}

// A peer that takes a message and never answers costs the sender its deadline, nothing else.
func TestSilentReceiver(t *testing.T) {
	n := start(t, func(c *p2p.Config) { c.Limits.Timeout = 500 * time.Millisecond })
	h, _ := stranger(t, n)
	to, err := p2p.IdentityOf(h.Peerstore().PubKey(h.ID()))
	if err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]network.StreamHandler{
		"silent":        func(s network.Stream) {},
		"resets":        func(s network.Stream) { s.Reset() },
		"closes":        func(s network.Stream) { s.Close() },
		"talks rubbish": func(s network.Stream) { s.Write([]byte("\xff\xff\xff\xff")); s.Close() },
		"talks for ever": func(s network.Stream) {
			for {
				if _, err := s.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		},
	} {
		h.SetStreamHandler(deal, handler)
		began := time.Now()
		err := n.Send(t.Context(), to, deal, []byte("hello"))
		if !anyKind(err) || time.Since(began) > 2*time.Second {
			t.Errorf("%s: got %v after %v, want Transient within 0.5 s", name, err, time.Since(began))
		}
	}
}
