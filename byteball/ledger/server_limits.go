package ledger

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
)

// Bounds of one connection. What the reference bounds (a frame, a tag, a joint's depth) is bounded as there; the rest is
// ours. Nobody is cut off for being fast: who overdraws is read more slowly, until TCP slows him down.
const (
	maxFrame    = 6 << 20          // bytes of a message (network.js:46)
	maxTag      = 44               // characters (network.js:3136)
	maxAhead    = 512              // messages that wait to be sent, and posts that wait to be checked
	pauseAbove  = 1 << 20          // bytes of posts and answers that wait; above it nothing is read
	cutAbove    = 8 << 20          // bytes that wait to be sent; beyond it, by news nobody takes, the client is dropped
	sendTime    = 10 * time.Second // for one message to leave; a slower client is dropped
	frameTime   = 30 * time.Second // for one message to arrive
	goodbye     = 3 * time.Second  // for the last answers when the server ends
	maxHistory  = 5 << 20          // size of the units in a history: more would hardly fit in a frame
	silence     = 10 * time.Second // after which a client is asked whether it is there (network.js:42)
	silenceEnds = 60 * time.Second // after which it is not
	maxWatched  = 10_000           // addresses and units

	bytesPerSecond = 16 << 20 // read and answered
	bytesAtOnce    = 64 << 20
	workPerSecond  = 10_000 // see costs
	workAtOnce     = 20_000
)

// Bounds of all connections together.
const (
	maxHandshakes = 64       // connections beyond MaxClients, of those that are no clients yet or no more
	hostPause     = 32 << 20 // bytes that wait for the clients of one host; above it none of them is read
	maxAllWatched = 200_000  // addresses and units
	smallFrame    = 64 << 10 // bytes of a message that is read without asking
	bigFrames     = 8        // larger ones at a time
	heavyAtOnce   = 1        // histories and link proofs at a time, as in the reference (network.js:3533)
)

// sizeOf is the size of units, as fees count it.
func sizeOf(nodes []*node) (size byteball.Bytes) {
	for _, n := range nodes {
		size += n.Headers + n.Payload
	}
	return size
}

// bucket is a store of something that a client may use: it fills with time, up to a size.
type bucket struct {
	level, rate, size float64
	at                time.Time
}

func newBucket(rate, size float64, now time.Time) bucket {
	return bucket{level: size, rate: rate, size: size, at: now}
}

// take uses n and returns how long to wait until the store is not overdrawn.
func (b *bucket) take(n float64, now time.Time) time.Duration {
	b.level = min(b.size, b.level+now.Sub(b.at).Seconds()*b.rate) - n
	b.at = now
	if b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level / b.rate * float64(time.Second))
}

// door is a listener that lets only so many connections in, in all and from one address, from their first packet on: it
// counts those that never become clients too.
type door struct {
	net.Listener
	most, each int

	mu    sync.Mutex
	in    int
	hosts map[string]int
}

func newDoor(l net.Listener, most, each int) *door {
	return &door{Listener: l, most: most, each: each, hosts: map[string]int{}}
}

// Accept closes connections that are too many.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host := hostOf(c.RemoteAddr().String())
		if d.admit(host) {
			return &guest{Conn: c, leave: sync.OnceFunc(func() { d.release(host) })}, nil
		}
		c.Close()
	}
}

func (d *door) admit(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.in >= d.most || d.hosts[host] >= d.each {
		return false
	}
	d.in++
	d.hosts[host]++
	return true
}

func (d *door) release(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in--
	if d.hosts[host]--; d.hosts[host] == 0 {
		delete(d.hosts, host)
	}
}

// guest is a connection that is counted until it is closed.
type guest struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// hostOf is whom a remote end counts as: its address without the port, of an IPv6 address the first 64 bits.
func hostOf(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
