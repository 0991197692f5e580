package ledger

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
)

const (
	idleHeartbeat = 30 * time.Second      // between the order provider's units while nobody is connected
	gather        = 50 * time.Millisecond // in which units that come together are covered by one of the order provider's
	manyClients   = 1000                  // MaxClients unless it is set
	manyPerHost   = 250                   // MaxPerHost unless it is set
)

// ServerConfig says how a ledger is served.
type ServerConfig struct {
	Listener   net.Listener  // taken over and closed by Serve
	Heartbeat  time.Duration // between the order provider's units while anybody is connected; 0 means 1 s
	Operator   Operator      // the order provider's key; with a zero one only Witness makes units stable
	MaxClients int           // connected at a time; 0 means 1000
	MaxPerHost int           // connections from one IP address (of IPv6: from 64 bits of it); 0 means 250
	Log        *slog.Logger  // nil means discard
}

// server is a hub for light clients in front of a ledger.
type server struct {
	l     *Ledger
	cfg   ServerConfig
	log   *slog.Logger
	heavy *lane // of expensive requests
	big   *lane // of large messages that are read
	count counters

	mu       sync.Mutex // taken with the ledger locked or not; never lock the ledger with it
	over     bool       // nobody is let in any more
	peers    map[*peer]bool
	hosts    map[string]*host
	watchers map[string][]*peer      // by address or unit
	watching int                     // entries of watchers
	sources  map[byteball.Hash]*peer // who posts a unit now

	wake chan struct{}  // units wait for the order provider, or the first client came; capacity 1: a wake is not counted
	done sync.WaitGroup // of peers
}

// host is what the clients of one address use together.
type host struct {
	clients  int          // guarded by server.mu
	watching int          // guarded by server.mu
	waiting  atomic.Int64 // bytes that wait to be sent or checked
}

func newServer(l *Ledger, cfg ServerConfig) *server {
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = time.Second
	}
	if cfg.MaxClients == 0 {
		cfg.MaxClients = manyClients
	}
	if cfg.MaxPerHost == 0 {
		cfg.MaxPerHost = manyPerHost
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{l: l, cfg: cfg, log: cfg.Log, heavy: newLane(heavyAtOnce), big: newLane(bigFrames), peers: map[*peer]bool{},
		hosts: map[string]*host{}, watchers: map[string][]*peer{}, sources: map[byteball.Hash]*peer{}, wake: make(chan struct{}, 1)}
	s.count.start = time.Now()
	return s
}

// Serve speaks the hub protocol to whoever connects until ctx is over: it answers light clients and, with an Operator,
// posts an order provider's unit soon after every batch of units and with every heartbeat. When ctx is over it answers what
// it has accepted, says goodbye, and returns nil once nothing of it runs any more. Several Serves may share one Ledger, one
// of them with the Operator. Beside the websocket it answers GET /status with a Status. Error: what the Listener says.
func (l *Ledger) Serve(ctx context.Context, cfg ServerConfig) error {
	s := newServer(l, cfg)
	defer l.listen(s.saw)()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var loops sync.WaitGroup
	working := make(chan struct{})
	loops.Go(func() { l.work(working) })
	loops.Go(func() { s.tidy(ctx) })
	if cfg.Operator.Signer != nil {
		loops.Go(func() { s.witness(ctx) })
	}
	web := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	loops.Go(func() {
		<-ctx.Done()
		web.Close()
		s.cutAll()
	})
	err := web.Serve(newDoor(cfg.Listener, s.cfg.MaxClients+maxHandshakes, s.cfg.MaxPerHost))
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
	WriteBufferPool:  &sync.Pool{},
	CheckOrigin:      func(*http.Request) bool { return true }, // wallets in browsers come from anywhere
}

// ServeHTTP turns any request that wants it into a websocket.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		s.page(w, r)
		return
	}
	p := newPeer(s, hostOf(r.RemoteAddr))
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
	h := s.hosts[p.host]
	if h == nil {
		h = &host{}
	}
	if s.over || len(s.peers) >= s.cfg.MaxClients || h.clients >= s.cfg.MaxPerHost {
		return false
	}
	h.clients++
	p.shared, s.hosts[p.host], s.peers[p] = h, h, true
	s.done.Add(1)
	if len(s.peers) == 1 {
		s.poke()
	}
	return true
}

func (s *server) leave(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwatch(p)
	delete(s.peers, p)
	if p.shared.clients--; p.shared.clients == 0 {
		delete(s.hosts, p.host)
	}
	s.done.Done()
}

// cutAll ends all connections and lets nobody in any more.
func (s *server) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for p := range s.peers {
		p.cut()
	}
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
		post := s.beat
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.wake:
			post = s.cover
			timer.Stop()
			if !s.l.uncovered() {
				continue // a client came: the pause is shorter now
			}
			if !sleep(ctx, gather) {
				return
			}
		case <-timer.C:
		}
		if err := post(); err != nil {
			s.log.Warn("order provider could not post", "err", err)
		} else if s.l.uncovered() {
			s.poke()
		}
		last = time.Now()
	}
}

// beat posts one unit of the order provider.
func (s *server) beat() error {
	_, err := s.l.Witness(s.cfg.Operator, time.Now())
	return err
}

// cover posts as many as it takes to include all that wait.
func (s *server) cover() error {
	_, err := s.l.Cover(s.cfg.Operator, time.Now())
	return err
}

// uncovered says whether units wait for the order provider: free units that are not its own.
func (l *Ledger) uncovered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waits()
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
