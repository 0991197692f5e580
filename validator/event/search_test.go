package event_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/validator/event"
)

var search = flag.Int("search", 0, "constants to try at random, some seconds each")

// tellings are the constants of what follows an alarm that are tried with each of the others.
const tellings = 12

// draws notes what was drawn.
type draws struct {
	*rand.Rand
	list []string
}

func (d *draws) pick(name string, p *float64, choice ...float64) {
	*p = choice[d.IntN(len(choice))]
	d.list = append(d.list, fmt.Sprintf("%s %v", name, *p))
}

func (d *draws) whole(name string, p *int, choice ...float64) {
	x := 0.0
	d.pick(name, &x, choice...)
	*p = int(x)
}

// feeling draws the constants of surprise.
func (d *draws) feeling(c *event.Constants) {
	d.list = nil
	c.Sizes = slices.Clone(c.Sizes)
	d.whole("size 2", &c.Sizes[1], 8, 12, 16, 20)
	d.whole("size 3", &c.Sizes[2], 32, 48, 64, 96)
	d.whole("blocks", &c.Blocks, 4, 5, 6, 8)
	d.whole("keep", &c.Keep, 1500, 3000, 4500)
	d.pick("memory", &c.Memory, 2000, 5000, 10000)
	d.pick("tail", &c.Tail, .03, .05, .08)
	d.pick("shape", &c.Shape, 2, 3, 5)
	d.pick("weight", &c.Weight, 2, 5, 10)
	d.pick("fade", &c.Fade, .5, .75, .9)
}

// telling draws the constants of what follows an alarm.
func (d *draws) telling(c *event.Constants) {
	d.list = nil
	d.pick("growth", &c.Growth, 0, .25, .5, .75, 1)
	d.pick("rest", &c.Rest, 20, 40, 60, 90)
	d.pick("share", &c.Share, .02, .05, .08)
	d.pick("bar", &c.Bar, 1.25, 1.5, 2, 2.5)
	d.pick("often", &c.Often, 0, .25, .5, .75)
}

// TestSearch tries constants at random (go test -v -run TestSearch ./validator/event -search 20 -timeout 0) and prints the
// mean score of each choice, which tells how much it matters, and a cross-validation: the constants that are best on one half
// of the files, on the other half.
func TestSearch(t *testing.T) {
	if *search == 0 {
		t.Skip("no -search")
	}
	corpus := readCorpus(t)
	d := draws{Rand: rand.New(rand.NewPCG(1, 5))}
	var trials [][][]float64 // of constants, of file, of row; the standard ones first
	sum, count := map[string]float64{}, map[string]float64{}
	for n := range *search + 1 {
		c := event.Standard
		if n > 0 {
			d.feeling(&c)
		}
		felt := d.list
		var sums [][]float64
		for _, s := range corpus {
			sums = append(sums, event.Feel(c, s.values))
		}
		for m := range tellings {
			if n+m > 0 {
				d.telling(&c)
			}
			var scores [][]float64
			for k := range corpus {
				scores = append(scores, event.Tell(c, sums[k]))
			}
			trials = append(trials, scores)
			got := rate(corpus, scores, profiles[0]).score
			drawn := append(slices.Clone(felt), d.list...)
			if n == 0 {
				drawn = append(drawn, "standard feeling")
			}
			for _, name := range append(drawn, "all") {
				sum[name] += got
				count[name]++
			}
			t.Logf("%.1f %v", got, drawn)
		}
	}
	var names []string
	for d := range sum {
		names = append(names, d)
	}
	slices.Sort(names)
	for _, d := range names {
		t.Logf("%-14s %.1f of %v", d, sum[d]/count[d], count[d])
	}
	crossValidate(t, corpus, trials)
}

func crossValidate(t *testing.T, corpus []*series, trials [][][]float64) {
	r := rand.New(rand.NewPCG(2, 5))
	var tuned, standard, mean float64
	const splits = 20
	for range splits {
		order := r.Perm(len(corpus))
		half := len(order) / 2
		score := func(scores [][]float64, files []int) float64 {
			var part []*series
			var theirs [][]float64
			for _, k := range files {
				part, theirs = append(part, corpus[k]), append(theirs, scores[k])
			}
			return rate(part, theirs, profiles[0]).score
		}
		best, at := -1.0, 0
		for n, scores := range trials {
			if s := score(scores, order[:half]); s > best {
				best, at = s, n
			}
			mean += score(scores, order[half:]) / float64(splits*len(trials))
		}
		tuned += score(trials[at], order[half:]) / splits
		standard += score(trials[0], order[half:]) / splits
	}
	t.Logf("on the other half: tuned on one half %.1f, standard %.1f, mean of all tried %.1f", tuned, standard, mean)
}
