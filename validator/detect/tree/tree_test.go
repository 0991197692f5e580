package tree_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

// golden is the hash of the forest that small grows: training gives the same bytes on every platform.
const golden = "a5b1a1ace84d513bc4d30b48d00c941f20b570045b2be94bab6418587fc2f3b4"

var small = tree.Config{Trees: 12, Depth: 3, Rate: .2, Smooth: 4, Columns: .8, Sample: .8, Seed: 7}

// rows are false where the first feature and the third are on one side.
func rows() []tree.Row {
	rng := rand.New(rand.NewPCG(1, 2))
	var list []tree.Row
	for range 600 {
		x := []float32{float32(rng.Float64()), float32(rng.Float64()), float32(rng.Float64())}
		list = append(list, tree.Row{Features: x, False: (x[0] > .5) == (x[2] > .3), Weight: 1})
	}
	return list
}

func TestRetraining(t *testing.T) {
	b := tree.Train(rows(), small).Encode()
	if again := tree.Train(rows(), small).Encode(); !bytes.Equal(again, b) {
		t.Error("the same rows gave another forest")
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != golden {
		t.Errorf("hash %s, want %s", got, golden)
	}
}

func TestLearns(t *testing.T) {
	f := tree.Train(rows(), small)
	right := 0
	for _, r := range rows() {
		if (f.Margin(r.Features) > 0) == r.False {
			right++
		}
	}
	if right < 560 {
		t.Errorf("%d of 600 rows are told right, want 560", right)
	}
}

func TestBlind(t *testing.T) {
	cfg := small
	cfg.Blind = []int{0, 2}
	f := tree.Train(rows(), cfg)
	if a, b := f.Margin([]float32{0, .5, 0}), f.Margin([]float32{1, .5, 1}); a != b {
		t.Errorf("margins %v and %v differ by features not to be used", a, b)
	}
}

func TestDecodeRefuses(t *testing.T) {
	b := tree.Train(rows(), small).Encode()
	wrong := bytes.Clone(b)
	wrong[9] = 200
	for name, b := range map[string][]byte{"nothing": nil, "short": b[:len(b)-1], "version": append([]byte{9}, b[1:]...), "feature": wrong} {
		if _, err := tree.Decode(b); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: error %v, want Invalid", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(tree.Train(rows(), small).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		forest, err := tree.Decode(b)
		if err != nil {
			return
		}
		if got := forest.Encode(); len(forest.Encode()) != len(b) && len(b) > 9 {
			t.Errorf("%d bytes became %d", len(b), len(got))
		}
		forest.Margin(make([]float32, forest.Features))
	})
}
