package keeper_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/unit"
)

// rows are n sellers' channels on disk, each with a voucher for so many payees.
func rows(tb testing.TB, n, payees int) map[string][]byte {
	tb.Helper()
	d := &disk{}
	k, at := open(tb, d, n)
	add := channel.Payouts{address(0): 1000}
	for i := 1; i < payees; i++ {
		add[address(1+i)] = 1000
	}
	for _, a := range at {
		if err := payAll(k, a, add); err != nil {
			tb.Fatal(err)
		}
	}
	list := make(map[string][]byte, n)
	for _, a := range at {
		key := keeper.ID{Side: keeper.Seller, Address: a}.Key()
		list[key] = bytes.Clone(d.rows[key])
	}
	return list
}

func inUse() uint64 {
	runtime.GC() // what it finds of pools
	runtime.GC() // goes now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// loaded reads n channels, which are copied as from a store.
func loaded(tb testing.TB, list map[string][]byte) *keeper.Keeper {
	tb.Helper()
	seller := key(2, 0)
	k := keeper.New(func(keeper.ID, []byte) error { return nil })
	all := make(map[string][]byte, len(list))
	for key, row := range list {
		all[strings.Clone(key)] = bytes.Clone(row)
	}
	if err := k.Load(all, func(string) (unit.Signer, error) { return seller, nil }); err != nil {
		tb.Fatal(err)
	}
	if n := len(k.IDs()); n != len(list) {
		tb.Fatalf("%d channels are open, want %d", n, len(list))
	}
	return k
}

// bound is what an open channel may take of the heap, in bytes, whatever it did before.
const bound = 4096

// TestMemory guards what an open channel takes, when it was just read and when each had something to do.
func TestMemory(t *testing.T) {
	const n = 2 * keeper.MaxAwake
	for _, payees := range []int{1, 12} {
		list := rows(t, n, payees)
		before := inUse()
		k := loaded(t, list)
		rest := float64(inUse()-before) / n
		for _, id := range k.IDs() {
			if _, err := k.Apply(id, channel.Restarted{}, start); err != nil {
				t.Fatal(err)
			}
		}
		used := float64(inUse()-before) / n
		t.Logf("%d payees: %.0f bytes a channel at rest, %.0f after each of %d was used", payees, rest, used, n)
		if max(rest, used) > bound {
			t.Errorf("%d payees: %.0f bytes a channel, %d allowed", payees, max(rest, used), bound)
		}
		runtime.KeepAlive([]any{k, list})
	}
}

// BenchmarkLoad opens channels as a start does.
func BenchmarkLoad(b *testing.B) {
	list := rows(b, 1000, 12)
	b.ReportAllocs()
	for b.Loop() {
		loaded(b, list)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(list)), "µs/channel")
}
