package label_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/label"
)

var update = flag.Bool("update", false, "write testdata/golden.txt, after a change of the rules or of the table of properties")

// TestGolden holds for every platform: members of one committee run on different ones.
func TestGolden(t *testing.T) {
	sum := sha256.New()
	rng := rand.New(rand.NewPCG(11, 12))
	titles := []string{"", "supply air temperature", "relative humidity", "zone temp sp", "co2", "wind speed"}
	for range 3000 {
		p, _ := protocol.PropertyOf([]string{"air-temperature", "relative-humidity", "air-pressure", "pm2.5", "wind-speed", "illuminance"}[rng.IntN(6)])
		mean, spread := float64(rng.IntN(120_000))/100-200, 1+rng.IntN(1<<rng.IntN(12))
		e := evidence(p.Slug, func(int) float64 { return mean + float64(rng.IntN(spread)+rng.IntN(spread)-spread)/100 })
		e.Offer.Title = titles[rng.IntN(len(titles))]
		e.Near = map[string][]float64{}
		for range rng.IntN(8) {
			e.Near[p.Slug] = append(e.Near[p.Slug], float64(rng.IntN(8000)-3000)/100)
		}
		for range rng.IntN(6) {
			e.Past = append(e.Past, label.Earlier{Median: float64(rng.IntN(60)) / 2, Run: 60})
		}
		fmt.Fprintf(sum, "%v\n", label.Of(e))
	}
	got := hex.EncodeToString(sum.Sum(nil))
	const path = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(want)) != got {
		t.Errorf("got %s, want %s, %v", got, want, err)
	}
}

func BenchmarkOf(b *testing.B) {
	e := evidence("air-temperature", noisy(15, .08))
	e.Near = map[string][]float64{"air-temperature": around(15), "relative-humidity": around(50)}
	e.Offer.Title = "supply air temperature, building 3"
	b.ReportAllocs()
	for b.Loop() {
		label.Of(e)
	}
}
