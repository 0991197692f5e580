package rate_test

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/learn"
	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

var networks = flag.Int("networks", 16, "made-up networks that TestUnknownNetworks grows its forest on")

// What a forest reaches on the labelled cases that has seen no measured network at all, in the short form of the flags.
const (
	unknownAUC    = .82
	unknownRecall = .28
)

// TestUnknownNetworks stands for the forests that leave one network out, which take minutes (go run ./validator/detect/train
// -leave): it grows a small forest on made-up networks alone and rates it on all labelled cases.
func TestUnknownNetworks(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(data, "*.readings.csv.gz"))
	if len(files) == 0 {
		t.Skip("no reference data")
	}
	if testing.Short() {
		t.Skip("grows a forest")
	}
	var samples []learn.Sample
	for i := range *networks {
		samples = append(samples, learn.Samples(learn.Made(i))...)
	}
	cfg := learn.Config()
	cfg.Trees, cfg.Columns = 100, .3
	forest := tree.Train(learn.Rows(samples, ""), cfg)
	var marks []rate.Mark
	for _, name := range files {
		for _, s := range learn.Samples(read(t, name)) {
			marks = append(marks, rate.Mark{Score: float64(detect.Judged(s.X, forest).Score), Truth: s.Truth})
		}
	}
	table := rate.Rate(marks)
	if err := table.WriteText(t.Output()); err != nil {
		t.Fatal(err)
	}
	if table.AUC < unknownAUC || table.Recall < unknownRecall {
		t.Errorf("mean AUC %.3f, found %.3f; want at least %v and %v", table.AUC, table.Recall, unknownAUC, unknownRecall)
	}
}
