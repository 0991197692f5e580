package keeper_test

import (
	"runtime"
	"testing"

	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/unit"
)

// rows are n sellers' channels on disk, each with a voucher.
func rows(tb testing.TB, n int) map[string][]byte {
	tb.Helper()
	d := &disk{}
	k, at := open(tb, d, n)
	for _, a := range at {
		if err := pay(k, a, 1000); err != nil {
			tb.Fatal(err)
		}
	}
	list := make(map[string][]byte, n)
	for _, a := range at {
		key := keeper.ID{Side: keeper.Seller, Address: a}.Key()
		list[key] = d.rows[key]
	}
	return list
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// loaded reads n channels and returns what each takes of the heap, in bytes.
func loaded(tb testing.TB, list map[string][]byte) float64 {
	tb.Helper()
	seller := key(2, 0)
	before := inUse()
	k := keeper.New(func(keeper.ID, []byte) error { return nil })
	if err := k.Load(list, func(string) (unit.Signer, error) { return seller, nil }); err != nil {
		tb.Fatal(err)
	}
	used := float64(inUse()-before) / float64(len(list))
	if n := len(k.IDs()); n != len(list) {
		tb.Fatalf("%d channels are open, want %d", n, len(list))
	}
	return used
}

// bound is what an open channel with one payee may take of the heap when it was read from disk, in bytes. Each further payee adds
// about 100.
const bound = 4608

// TestMemory guards what an open channel takes.
func TestMemory(t *testing.T) {
	list := rows(t, 500)
	got := loaded(t, list)
	t.Logf("%.0f bytes a channel", got)
	if got > bound {
		t.Errorf("%.0f bytes a channel, %d allowed", got, bound)
	}
}

// BenchmarkLoad opens channels as a start does.
func BenchmarkLoad(b *testing.B) {
	list := rows(b, 1000)
	b.ReportAllocs()
	var used float64
	for b.Loop() {
		used = loaded(b, list)
	}
	b.ReportMetric(used, "B/channel")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(list)), "µs/channel")
}
