package learn_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"testing"

	"github.com/iotverse/iotverse/validator/detect/learn"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

// small is the hash of a small forest grown on four made-up networks. It holds on amd64: the injector uses package math,
// which may round otherwise elsewhere. The judgement with a forest is the same everywhere.
const small = "2beb75cc0c3854d0ac923375725fb197eb4da94b5bce725f7fb2995c98f160cc"

func grow() []byte {
	var list []learn.Sample
	for i := range 4 {
		list = append(list, learn.Samples(learn.Made(i))...)
	}
	cfg := learn.Config()
	cfg.Trees = 20
	return tree.Train(learn.Rows(list, ""), cfg).Encode()
}

func TestGrowingAgainGivesTheSameForest(t *testing.T) {
	first := grow()
	if !bytes.Equal(grow(), first) {
		t.Error("the same examples gave another forest")
	}
	sum := sha256.Sum256(first)
	if got := hex.EncodeToString(sum[:]); runtime.GOARCH == "amd64" && got != small {
		t.Errorf("hash %s, want %s", got, small)
	}
}

// Law: each type of fault weighs alike, and all together half as much as the clean batches do.
func TestRows(t *testing.T) {
	list := learn.Samples(learn.Made(5))
	if len(list) == 0 {
		t.Fatal("no samples")
	}
	clean, spoilt := 0.0, 0.0
	for _, r := range learn.Rows(list, "") {
		if r.False {
			spoilt += r.Weight
		} else {
			clean += r.Weight
		}
	}
	types := map[string]bool{}
	for _, s := range list {
		types[s.Truth.Type] = true
	}
	want := clean / 2 * float64(len(types)-1) / 15
	if spoilt < want-1e-6*want || spoilt > want+1e-6*want {
		t.Errorf("false batches weigh %v, want %v", spoilt, want)
	}
	if got := learn.Rows(list, "made-up"); len(got) != 0 {
		t.Errorf("%d rows of a place that is left out", len(got))
	}
}
