package ledger

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
)

const (
	idleHeartbeat = 30 * time.Second      // between the order provider's units while nobody is connected
	gather        = 50 * time.Millisecond // in which units that come together are covered by one of the order provider's
	maxPeers      = 1000
)

// ServerConfig says how a ledger is served.
type ServerConfig struct {
	Listener  net.Listener  // taken over and closed by Serve
	Heartbeat time.Duration // between the order provider's units while anybody is connected; 0 means 1 s
	Operator  Operator      // the order provider's key; with a zero one only Witness makes units stable
	Log       *slog.Logger  // nil means discard
}

// server is a hub for light clients in front of a ledger.
type server struct {
	l   *Ledger
	cfg ServerConfig
	log *slog.Logger

	mu      sync.Mutex // taken with the ledger locked or not; never lock the ledger with it
	peers   map[*peer]bool
	sources map[byteball.Hash]*peer // who posts a unit now

	wake chan struct{}  // units wait for the order provider, or the first client came; capacity 1: a wake is not counted
	done sync.WaitGroup // of peers
}

// Serve speaks the hub protocol to whoever connects until ctx is over: it answers light clients and, with an Operator,
// posts an order provider's unit soon after every batch of units and with every heartbeat. It returns nil when ctx is over
// and nothing of it runs any more. Several Serves may share one Ledger, one of them with the Operator.
func (l *Ledger) Serve(ctx context.Context, cfg ServerConfig) error {
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{l: l, cfg: cfg, log: cfg.Log, peers: map[*peer]bool{}, sources: map[byteball.Hash]*peer{}, wake: make(chan struct{}, 1)}
	defer l.listen(s.saw)()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var loops sync.WaitGroup
	working := make(chan struct{})
	loops.Go(func() { l.work(working) })
	if cfg.Operator.Signer != nil {
		loops.Go(func() { s.witness(ctx) })
	}
	web := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)}
	loops.Go(func() {
		<-ctx.Done()
		web.Close()
		s.cutAll()
	})
	err := web.Serve(cfg.Listener)
	over := ctx.Err() != nil
	cancel()
	s.done.Wait() // peers may still put units in line
	close(working)
	loops.Wait()
	if over && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

var upgrader = websocket.Upgrader{
	HandshakeTimeout: 10 * time.Second,
	CheckOrigin:      func(*http.Request) bool { return true }, // wallets in browsers come from anywhere
}

// ServeHTTP turns any request into a websocket.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := newPeer(s)
	if !s.join(p) {
		http.Error(w, "too many clients", http.StatusServiceUnavailable)
		return
	}
	defer s.leave(p)
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	p.run(ws)
}

func (s *server) join(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.peers) >= maxPeers || s.peers == nil {
		return false
	}
	s.peers[p] = true
	s.done.Add(1)
	if len(s.peers) == 1 {
		s.poke()
	}
	return true
}

func (s *server) leave(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	s.done.Done()
}

// cutAll ends all connections and lets nobody in any more.
func (s *server) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		p.cut()
	}
	s.peers = nil
}

func (s *server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *server) connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// witness posts the order provider's units.
func (s *server) witness(ctx context.Context) {
	last := time.Now().Add(-idleHeartbeat)
	for {
		pause := max(idleHeartbeat, s.cfg.Heartbeat)
		if s.connected() > 0 {
			pause = s.cfg.Heartbeat
		}
		timer := time.NewTimer(max(0, pause-time.Since(last)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.wake:
			timer.Stop()
			if !s.l.uncovered() {
				continue // a client came: the pause is shorter now
			}
			if !sleep(ctx, gather) {
				return
			}
		case <-timer.C:
		}
		if _, err := s.l.Witness(s.cfg.Operator, time.Now()); err != nil {
			s.log.Warn("order provider could not post", "err", err)
		} else if s.l.uncovered() {
			s.poke()
		}
		last = time.Now()
	}
}

// uncovered says whether units wait for the order provider: free units that are not its own.
func (l *Ledger) uncovered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.free {
		if !n.by(l.op) {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
