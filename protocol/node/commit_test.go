package node_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/role"
)

// TestWritesShareASync: all that wait while the disk is busy are written at once, and nobody returns before.
func TestWritesShareASync(t *testing.T) {
	s := open(t, t.TempDir())
	const callers = 100
	var syncs, returned atomic.Int32
	busy, go1 := make(chan struct{}), make(chan struct{})
	var largest atomic.Int32
	s.Disk(func(n int) error {
		if syncs.Add(1) == 1 {
			close(busy)
			<-go1
		} else if returned.Load() > 1 {
			t.Errorf("%d writes returned before the second sync", returned.Load())
		}
		largest.Store(max(largest.Load(), int32(n)))
		return nil
	})
	var all sync.WaitGroup
	put := func(i int) {
		if err := s.Put(fmt.Append(nil, "k", i), []byte("v")); err != nil {
			t.Error(err)
		}
		returned.Add(1)
	}
	all.Go(func() { put(0) })
	<-busy
	for i := range callers {
		all.Go(func() { put(1 + i) })
	}
	eventually(t, "all wait", func() bool { return s.Waiting() == callers })
	if n := returned.Load(); n != 0 {
		t.Errorf("%d writes returned before the disk had them", n)
	}
	close(go1)
	all.Wait()
	if got := syncs.Load(); got != 2 || largest.Load() != callers {
		t.Errorf("%d syncs, the largest of %d writes; want 2, %d", got, largest.Load(), callers)
	}
	rows, err := s.All("k")
	if err != nil || len(rows) != callers+1 {
		t.Errorf("%d rows, %v, want %d", len(rows), err, callers+1)
	}
}

// TestABadRowHarmsItsOwnCaller: others in the same group are written.
func TestABadRowHarmsItsOwnCaller(t *testing.T) {
	s := open(t, "")
	busy, go1 := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.Disk(func(int) error {
		once.Do(func() {
			close(busy)
			<-go1
		})
		return nil
	})
	var all sync.WaitGroup
	all.Go(func() { s.Put([]byte("first"), nil) })
	<-busy
	var bad, good error
	all.Go(func() { bad = s.Put([]byte(strings.Repeat("k", 70_000)), nil) })
	all.Go(func() { good = s.Put([]byte("good"), []byte("v")) })
	eventually(t, "both wait", func() bool { return s.Waiting() == 2 })
	close(go1)
	all.Wait()
	if _, err := s.Get([]byte("good")); bad == nil || good != nil || err != nil {
		t.Errorf("bad row: %v; good row: %v, read %v", bad, good, err)
	}
}

var errDisk = errors.New("the disk is gone")

// TestAFailedDiskIsNotTrusted: after one failed sync no write succeeds.
func TestAFailedDiskIsNotTrusted(t *testing.T) {
	s := open(t, "")
	fail := true
	s.Disk(func(int) error {
		if fail {
			return errDisk
		}
		return nil
	})
	for range 2 {
		if err := s.Put([]byte("k"), []byte("v")); !errors.Is(err, errDisk) {
			t.Errorf("got %v, want %v", err, errDisk)
		}
		fail = false
	}
}

// TestNothingLeavesBeforeItIsDurable: a message waits for its Save; if the disk fails it is never sent, and the loop ends.
func TestNothingLeavesBeforeItIsDurable(t *testing.T) {
	client := serveLedger(t)
	b := start(t, 2, client, &echo{answer: obey}, nil)
	got := func() bool { return b.core.saw(is[role.Received]) }
	for _, fails := range []bool{false, true} {
		var disk struct {
			sync.Mutex
			armed bool
		}
		busy, go1 := make(chan struct{}), make(chan struct{})
		a := start(t, 3, client, &echo{answer: obey}, func(c *node.Config) {
			c.Store.Disk(func(int) error {
				disk.Lock()
				armed := disk.armed
				disk.armed = false
				disk.Unlock()
				if !armed {
					return nil
				}
				close(busy)
				<-go1
				if fails {
					return errDisk
				}
				return nil
			})
		})
		if err := a.p2p.Connect(t.Context(), b.p2p.Addrs()[0]); err != nil {
			t.Fatal(err)
		}
		disk.Lock()
		disk.armed = true
		disk.Unlock()
		before := b.core.count(is[role.Received])
		send := role.Send{To: identity(2).Identity(), Env: sealed(t, 3, &protocol.Accepted{N: 1})}
		// The message is asked for before its Save: the order within a step does not matter.
		a.tell(t, do{send, role.Save{Key: []byte("voucher"), Value: []byte("1")}})
		<-busy
		// Meanwhile the loop steps further events, whose messages wait too.
		a.tell(t, do{send})
		eventually(t, "the next event is stepped", func() bool {
			return a.core.count(is[do]) == 2
		})
		if n := b.core.count(is[role.Received]); n != before {
			t.Errorf("%d messages arrived before the save was durable", n-before)
		}
		close(go1)
		if !fails {
			eventually(t, "both messages arrive", func() bool { return got() && b.core.count(is[role.Received]) == before+2 })
			continue
		}
		if err := <-a.ended; !errors.Is(err, errDisk) {
			t.Errorf("the loop ended with %v, want %v", err, errDisk)
		}
		if n := b.core.count(is[role.Received]); n != before {
			t.Errorf("%d messages arrived though the disk failed", n-before)
		}
	}
}

// count is how many events of a kind the core was told.
func (c *echo) count(what func(role.Event) bool) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.events {
		if what(ev) {
			n++
		}
	}
	return n
}

// BenchmarkPut measures durable writes: one caller, and 256 that share syncs.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 256} {
		b.Run(fmt.Sprintf("%d-callers", callers), func(b *testing.B) {
			s := open(b, b.TempDir())
			value := make([]byte, 700)
			b.SetParallelism(callers)
			b.ReportAllocs()
			if callers == 1 {
				for b.Loop() {
					if err := s.Put([]byte("key"), value); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			var n atomic.Uint64
			b.RunParallel(func(pb *testing.PB) {
				key := fmt.Append(nil, "key", n.Add(1))
				for pb.Next() {
					if err := s.Put(key, value); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
