package ledger

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
)

// Status says how a served ledger is. The counts of posts are of this run.
type Status struct {
	Network  string           `json:"network"`
	OP       byteball.Address `json:"op"`
	Genesis  byteball.Hash    `json:"genesis"`
	Units    uint64           `json:"units"`
	Tip      uint64           `json:"tip"`           // highest main chain index
	Stable   uint64           `json:"stable"`        // highest that is final
	Store    uint64           `json:"store_bytes"`   // of the database, which counts once a minute; 0 in memory
	Clients  int              `json:"clients"`       // connected
	Watching int              `json:"watching"`      // addresses and units they watch
	Waiting  int64            `json:"waiting_bytes"` // posts that wait for the ledger and answers that wait for clients
	Accepted uint64           `json:"accepted"`      // posted units
	Refused  uint64           `json:"refused"`
	Rate     float64          `json:"posts_per_second"` // accepted and refused, over the last 10 whole seconds
	Uptime   float64          `json:"uptime_seconds"`
}

// page answers who comes without wanting a websocket.
func (s *server) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	if r.URL.Path != "/status" || r.Method != http.MethodGet {
		http.Error(w, "this is a Byteball hub: connect with a websocket, or GET /status", http.StatusUpgradeRequired)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.status(time.Now()))
}

func (s *server) status(now time.Time) Status {
	st := s.l.status()
	s.mu.Lock()
	st.Clients, st.Watching = len(s.peers), s.watching
	for _, h := range s.hosts {
		st.Waiting += h.waiting.Load()
	}
	s.mu.Unlock()
	s.count.fill(&st, now)
	return st
}

// status is the ledger's part.
func (l *Ledger) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	lsm, vlog := l.db.Size()
	return Status{Network: l.net.Name, OP: l.op, Genesis: l.genesis, Units: l.seq, Tip: l.tipMCI(), Stable: uint64(l.last.MCI),
		Store: uint64(lsm + vlog)}
}

// counters count posts.
type counters struct {
	mu                sync.Mutex
	start             time.Time
	accepted, refused uint64
	seconds           [11]struct { // the newest one is not over yet
		at int64
		n  int
	}
}

func (c *counters) posted(err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.accepted++
	} else {
		c.refused++
	}
	slot := &c.seconds[now.Unix()%int64(len(c.seconds))]
	if slot.at != now.Unix() {
		slot.at, slot.n = now.Unix(), 0
	}
	slot.n++
}

func (c *counters) fill(st *Status, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st.Accepted, st.Refused, st.Uptime = c.accepted, c.refused, now.Sub(c.start).Seconds()
	n := 0
	for _, slot := range c.seconds {
		if slot.at < now.Unix() && slot.at >= now.Unix()-10 {
			n += slot.n
		}
	}
	st.Rate = float64(n) / 10
}
