package outbox_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/outbox"
)

const t0 = 1_700_000_000

func manifest() *params.Manifest { return &params.Manifest{T0: t0, Params: params.Fast()} }

func property(t testing.TB) protocol.Property {
	p, ok := protocol.PropertyOf("air-temperature")
	if !ok {
		t.Fatal("no such property")
	}
	return p
}

func TestReadingsBecomeChainedBatchesOfTheirSlots(t *testing.T) {
	o := outbox.New(property(t), manifest(), []byte("secret"))
	var got []outbox.Batch
	for ms := int64(0); ms < 12_000; ms += 100 {
		b, err := o.Add(protocol.Reading{Time: t0*1000 + ms, Value: float64(ms)})
		if err != nil {
			t.Fatal(err)
		}
		if b != nil {
			got = append(got, *b)
		}
	}
	if len(got) != 11 {
		t.Fatalf("%d closed batches, want 11", len(got))
	}
	for i, b := range got {
		if b.Header.Seq != uint64(i) || b.Header.N != 10 || b.Window != uint64(i/5) {
			t.Errorf("batch %d: seq %d, %d readings, window %d", i, b.Header.Seq, b.Header.N, b.Window)
		}
		if b.Header.Commit != protocol.BatchCommit(b.Salt, b.Pack) {
			t.Errorf("batch %d: the header does not commit to the pack", i)
		}
	}
	if n := len(o.Window(1)); n != 5 {
		t.Errorf("window 1 has %d batches, want 5", n)
	}
}

func TestWhatIsNoNumberIsDropped(t *testing.T) {
	o := outbox.New(property(t), manifest(), []byte("secret"))
	for i, v := range []float64{1, math.NaN(), math.Inf(1), math.Inf(-1), 2} {
		if _, err := o.Add(protocol.Reading{Time: t0*1000 + int64(i), Value: v}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := o.Pack(time.UnixMilli(t0*1000 + 1000))
	if err != nil || b == nil || b.Header.N != 2 || o.Dropped() != 3 {
		t.Errorf("batch %+v, %v, %d dropped, want two readings and three dropped", b, err, o.Dropped())
	}
}

func TestPackClosesAnEndedSlotOnly(t *testing.T) {
	o := outbox.New(property(t), manifest(), []byte("secret"))
	o.Add(protocol.Reading{Time: t0*1000 + 100, Value: 1})
	if b, _ := o.Pack(time.UnixMilli(t0*1000 + 900)); b != nil {
		t.Error("a slot was closed before its end")
	}
	if b, _ := o.Pack(time.UnixMilli(t0*1000 + 1000)); b == nil {
		t.Fatal("an ended slot was not closed")
	}
	o.Add(protocol.Reading{Time: t0*1000 + 950, Value: 2})
	if o.Dropped() != 1 {
		t.Errorf("%d readings dropped, want the late one", o.Dropped())
	}
}

// Law: whatever the times, saved batches restore to the same chain, and the next batch follows the last.
func TestRestoreGoesOnWhereItStopped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, _ := protocol.PropertyOf("air-temperature")
		o := outbox.New(p, manifest(), []byte("s"))
		ms, saved := int64(t0*1000), []outbox.Batch(nil)
		for range rapid.IntRange(1, 60).Draw(t, "readings") {
			ms += rapid.Int64Range(0, 3000).Draw(t, "step")
			b, err := o.Add(protocol.Reading{Time: ms, Value: 1})
			if err != nil {
				t.Fatal(err)
			}
			if b != nil {
				saved = append(saved, *b)
			}
		}
		again := outbox.New(p, manifest(), []byte("s"))
		if err := again.Restore(saved); err != nil {
			t.Fatal(err)
		}
		if len(saved) == 0 {
			return
		}
		last := saved[len(saved)-1].Header
		next, prev := again.Position()
		if next != last.Seq+1 || prev != last.Hash() {
			t.Fatalf("goes on at %d, want %d", next, last.Seq+1)
		}
	})
}

// TestAForkIsBeyondEveryOtherCopy: whatever a lost copy did after the backup, further forks included, the numbers of the
// restored one are higher, and do not follow them directly.
func TestAForkIsBeyondEveryOtherCopy(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lost := outbox.New(property(t), manifest(), []byte("secret"))
		slot := int64(rapid.IntRange(0, 50).Draw(rt, "first slot"))
		at := func() time.Time { return time.UnixMilli(t0*1000 + slot*1000) }
		fill := func(o *outbox.Outbox, slots int) {
			for range slots {
				if _, err := o.Add(protocol.Reading{Time: at().UnixMilli(), Value: 1}); err != nil {
					rt.Fatal(err)
				}
				slot++
				if _, err := o.Pack(at()); err != nil {
					rt.Fatal(err)
				}
			}
		}
		fill(lost, rapid.IntRange(0, 30).Draw(rt, "before the backup"))
		next, prev := lost.Position()
		for range rapid.IntRange(0, 3).Draw(rt, "forks of the lost copy") {
			lost.Fork(at(), protocol.H("fork", slot))
			fill(lost, rapid.IntRange(1, 30).Draw(rt, "slots"))
		}
		used, _ := lost.Position()
		restored := outbox.New(property(t), manifest(), []byte("secret"))
		restored.Resume(next, prev)
		apart := protocol.H("apart")
		restored.Fork(at(), apart)
		if got, after := restored.Position(); got <= used || after != apart {
			rt.Errorf("goes on with %d after %s, the lost copy would with %d", got, after, used)
		}
	})
}
