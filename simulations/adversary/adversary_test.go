package adversary_test

import (
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/validator/score"
)

// counter is a sensor that never shows a value twice.
type counter struct{ n float64 }

func (c *counter) Read(at time.Time) protocol.Reading {
	c.n++
	return protocol.Reading{Time: at.UnixMilli(), Value: c.n}
}

func TestReplayed(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	s := adversary.Replayed(&counter{}, start.Add(10*time.Second), 4*time.Second)
	want := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 7, 8, 9, 10, 7, 8, 9, 10}
	for i, v := range want {
		at := start.Add(time.Duration(i) * time.Second)
		if got := s.Read(at); got.Value != v || got.Time != at.UnixMilli() {
			t.Errorf("reading %d: got %+v, want %v with a fresh time", i, got, v)
		}
	}
}

func TestUnseenDoesNotLook(t *testing.T) {
	blank := adversary.Unseen(score.Input{Window: 3})
	full := adversary.Unseen(score.Input{Window: 3, Faults: []score.Code{score.CodeChain}, Batches: []score.Batch{{N: 5}}})
	if blank.I != full.I || len(full.Hard) > 0 || blank.I == 0 {
		t.Errorf("got %+v and %+v, want the same judgement of anything", blank, full)
	}
}
