package node_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
)

// TestPeek: a copy made while another writes holds all that was durable before, and harms nothing.
func TestPeek(t *testing.T) {
	dir := t.TempDir()
	if _, err := node.PeekStore(dir); !errors.Is(err, protocol.NotFound) {
		t.Errorf("an empty folder: %v, want NotFound", err)
	}
	s := open(t, dir)
	var durable, granted atomic.Int64 // the writer pauses at times, as a node does: without a pause no copy may ever succeed
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { // enough for several tables
		for i := 0; ; i++ {
			for int64(i) >= granted.Load() {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
			if err := s.Put(fmt.Appendf(nil, "k/%06d", i), make([]byte, 100_000)); err != nil {
				t.Error(err)
				return
			}
			durable.Store(int64(i + 1))
		}
	})
	for round := range 6 {
		granted.Store(int64(round+1) * 80)
		eventually(t, "more is written", func() bool { return durable.Load() > int64(round*40) })
		before := durable.Load()
		var p *node.Store
		eventually(t, "a copy succeeds between two merges of tables", func() (done bool) {
			var err error
			if p, err = node.PeekStore(dir); err != nil && !errors.Is(err, protocol.Transient) {
				t.Fatal(err)
			}
			return err == nil
		})
		for i := range before {
			if _, err := p.Get(fmt.Appendf(nil, "k/%06d", i)); err != nil {
				t.Fatalf("round %d: row %d of %d: %v", round, i, before, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writer.Wait()
	if _, err := node.OpenStore(dir); !errors.Is(err, node.ErrInUse) {
		t.Errorf("the store itself: %v, want ErrInUse", err)
	}
}
