package score_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/validator/score"
	"github.com/iotverse/iotverse/validator/truth"
)

// The model behind the fault table of MECHANISM 4: 80 sensors in a square of 10 km, one reading a minute, 16 days. All share
// a daily curve and slow weather; a part of the weather differs smoothly from place to place; each has an offset and noise.
const (
	townSensors = 80
	townHours   = 24 * 16
	townBase    = 168 // hours of history
	townJudged  = 20  // sensors that are put on trial
)

type town struct {
	rng    *rand.Rand
	near   [townSensors][]int // the eight nearest, the nearest first
	offset [townSensors]float64
	values [][][]float64 // hour, sensor, minute
	medians,
	around [][]float64 // hour, sensor: own median, and the median of the neighbours' medians
	scale   float64 // of the class
	learned [townJudged][]truth.Source
}

func newTown(seed uint64) *town {
	w := &town{rng: rand.New(rand.NewPCG(seed, 11))}
	var x, y [townSensors]float64
	for i := range x {
		x[i], y[i] = 10*w.rng.Float64(), 10*w.rng.Float64()
		w.offset[i] = .6 * w.rng.NormFloat64()
	}
	apart := func(i, j int) float64 { return math.Hypot(x[i]-x[j], y[i]-y[j]) }
	for i := range w.near {
		for j := range townSensors {
			if j != i {
				w.near[i] = append(w.near[i], j)
			}
		}
		slices.SortFunc(w.near[i], func(a, b int) int { return cmp.Compare(apart(i, a), apart(i, b)) })
		w.near[i] = w.near[i][:8]
	}
	w.measure(cholesky(func(i, j int) float64 { return math.Exp(-apart(i, j) / 8) }))
	w.digest()
	return w
}

// cholesky is the lower triangle L with L·Lᵀ = cov.
func cholesky(cov func(i, j int) float64) (l [townSensors][townSensors]float64) {
	for i := range townSensors {
		for j := range i + 1 {
			sum := cov(i, j)
			if i == j {
				sum += 1e-6
			}
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(sum)
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	return l
}

func (w *town) measure(l [townSensors][townSensors]float64) {
	var local, chance [townSensors]float64
	region := 0.0
	for h := range townHours {
		row := make([][]float64, townSensors)
		for m := range perHour {
			region = .9995*region + .08*w.rng.NormFloat64()
			for i := range chance {
				chance[i] = .03 * w.rng.NormFloat64()
			}
			for i := range row {
				step := 0.0
				for j := range i + 1 {
					step += l[i][j] * chance[j]
				}
				local[i] = .999*local[i] + step
				v := 15 + curve(float64(h)+float64(m)/60) + region + local[i] + w.offset[i] + .08*w.rng.NormFloat64()
				row[i] = append(row[i], onGrid(v))
			}
		}
		w.values = append(w.values, row)
	}
}

// digest computes what a validator remembers: the medians, what it has learned of every sensor's neighbours in a week, and
// the level that they gave for its place.
func (w *town) digest() {
	for h := range w.values {
		own := make([]float64, townSensors)
		for i := range own {
			own[i] = median(w.values[h][i])
		}
		w.medians = append(w.medians, own)
		w.around = append(w.around, make([]float64, townSensors))
	}
	var scales []float64
	for i, nearest := range w.near[:townJudged] {
		history := make([][]float64, len(nearest))
		for k, j := range nearest {
			for h := range townBase {
				history[k] = append(history[k], w.medians[h][j])
			}
		}
		w.learned[i] = truth.Learn(history)
		var own, near []float64
		for h := range w.values {
			var claims []truth.Claim
			for k, j := range nearest {
				claims = append(claims, truth.Claim{Value: w.medians[h][j] - w.learned[i][k].Bias, Scale: w.learned[i][k].Scale})
			}
			w.around[h][i] = truth.Estimate(claims)
			own, near = append(own, w.medians[h][i]), append(near, w.around[h][i])
		}
		scales = append(scales, classScale(own, near))
	}
	w.scale = median(scales)
}

// lie is what a seller at place i sends in hour h, with the medians of the hours before that he sent by the same trick.
type lie struct {
	values, past []float64
}

// tableCases are the rows of MECHANISM 4 and some more of its simulation, with the median of I and the AUC that the rule is
// said to reach.
var tableCases = []struct {
	name   string
	i, auc float64
	do     func(w *town, i, h int, l *lie)
}{
	{"honest", 1, .5, func(*town, int, int, *lie) {}},
	{"gap", .80, 1, func(_ *town, _, _ int, l *lie) { l.values = l.values[:48] }},
	{"stuck", .63, 1, func(_ *town, _, _ int, l *lie) {
		for m := 11; m < perHour; m++ {
			l.values[m] = l.values[10]
		}
	}},
	{"spikes", .50, 1, func(w *town, _, _ int, l *lie) {
		for _, m := range w.rng.Perm(perHour)[:9] {
			l.values[m] += (8 + 17*w.rng.Float64()) * float64(1-2*w.rng.IntN(2))
		}
	}},
	{"invented daily curve", .33, 1, func(w *town, i, h int, l *lie) {
		for m := range l.values {
			l.values[m] = onGrid(15 + curve(float64(h)+float64(m)/60) + w.offset[i] + .08*w.rng.NormFloat64())
		}
		for g := range l.past {
			l.past[g] = 15 + curve(float64(g+h-len(l.past))+.5) + w.offset[i]
		}
	}},
	{"replay", 0, 1, func(w *town, i, h int, l *lie) { l.values = slices.Clone(w.values[h-24][i]) }},
	// How low this one comes hangs on how much the weather of the two days differs, which the neighbours show: over other seeds
	// of the mechanism's own model it is .26. That is what makes its margin wide.
	{"replay with noise", .38, 1, func(w *town, i, h int, l *lie) {
		for m, v := range w.values[h-24][i] {
			l.values[m] = onGrid(v + .05*w.rng.NormFloat64())
		}
	}},
	{"copy of a neighbour", 0, 1, func(w *town, i, h int, l *lie) { w.copy(i, h, l, 0, 0) }},
	{"copy with noise and offset", .86, .99, func(w *town, i, h int, l *lie) { w.copy(i, h, l, .3, .08) }},
	{"drift of 24 h", .65, .99, func(_ *town, _, _ int, l *lie) { l.drift(24) }},
	{"drift of 72 h", .23, 1, func(_ *town, _, _ int, l *lie) { l.drift(72) }},
	{"two degrees more", .39, 1, func(_ *town, _, _ int, l *lie) { l.shift(2, 0) }},
	{"four degrees more, always", .74, .98, func(_ *town, _, _ int, l *lie) { l.shift(4, 4) }},
	// The open hole: from one set of towns to the next the area lies between .51 and .57.
	{"average of neighbours", 1, .57, func(w *town, i, h int, l *lie) {
		for m := range l.values {
			l.values[m] = onGrid(w.mean(h, m) + .08*w.rng.NormFloat64())
		}
		for g := range l.past {
			var sum float64
			for _, v := range w.medians[g+h-len(l.past)] {
				sum += v
			}
			l.past[g] = sum / townSensors
		}
	}},
}

func (w *town) copy(i, h int, l *lie, plus, noise float64) {
	j := w.near[i][0]
	for m, v := range w.values[h][j] {
		l.values[m] = onGrid(v + plus + noise*w.rng.NormFloat64())
	}
	for g := range l.past {
		l.past[g] = w.medians[g+h-len(l.past)][j] + plus
	}
}

func (w *town) mean(h, m int) float64 {
	var sum float64
	for _, series := range w.values[h] {
		sum += series[m]
	}
	return sum / townSensors
}

func (l *lie) drift(hours int) {
	l.shift(.05*float64(hours), 0)
	for g := range l.past {
		l.past[g] += .05 * float64(max(0, g-len(l.past)+hours))
	}
}

func (l *lie) shift(now, before float64) {
	for m := range l.values {
		l.values[m] = onGrid(l.values[m] + now)
	}
	for g := range l.past {
		l.past[g] += before
	}
}

// opened is the index at the time of a trial: a week of the seller, and a day and this hour of the neighbours, who all
// committed before him.
func (w *town) opened(t *testing.T, i, h int) *score.Index {
	x := index(t, score.Limits{})
	add := func(j, from, to int) {
		for g := from; g < to; g++ {
			for _, r := range runs(name(uint64(j+1)), name(uint64(g)), int64(g+1)*hour, batches(g, uint64(g), w.values[g][j], perHour)) {
				if err := x.Add(r); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	add(i, h-townBase, h)
	for _, j := range w.near[i] {
		add(j, h-24, h+1)
	}
	return x
}

func (w *town) input(i, h int, l *lie, x *score.Index) score.Input {
	in := score.Input{
		Profile: air(), Seller: name(uint64(i + 1)), Wid: name(1000), Window: int64(h), Committed: int64(h+1)*hour + 1, Device: 1000, Expected: perHour,
		Batches: batches(h, uint64(h), l.values, perHour), Index: x, ClassScale: w.scale,
	}
	for g, m := range l.past {
		at := g + h - len(l.past)
		in.Past = append(in.Past, score.Past{Window: int64(at), Median: m, Run: 2, Near: true, Residual: m - w.around[at][i]})
	}
	for k, j := range w.near[i] {
		l := w.learned[i][k]
		in.Neighbours = append(in.Neighbours, score.Neighbour{Seller: name(uint64(j + 1)), Median: w.medians[h][j], Offset: l.Bias, Scale: l.Scale})
	}
	return in
}

// TestFaultTable reproduces the fault table of MECHANISM 4 and prints it. Each cell is held to the mechanism's own figure, by
// a margin as wide as the spread of that figure over towns.
func TestFaultTable(t *testing.T) {
	const towns, trials = 3, 120
	marks := make([][]float64, len(tableCases))
	for seed := range uint64(towns) {
		w := newTown(seed)
		for range trials / towns {
			i, h := w.rng.IntN(townJudged), townBase+24+w.rng.IntN(townHours-townBase-24)
			x := w.opened(t, i, h)
			for c, k := range tableCases {
				l := lie{values: slices.Clone(w.values[h][i])}
				for g := h - townBase; g < h; g++ {
					l.past = append(l.past, w.medians[g][i])
				}
				k.do(w, i, h, &l)
				marks[c] = append(marks[c], float64(score.Window(w.input(i, h, &l, x)).I)/1000)
			}
		}
	}
	var out strings.Builder
	for c, k := range tableCases {
		slices.Sort(marks[c])
		mid, auc := median(marks[c]), area(marks[0], marks[c])
		fmt.Fprintf(&out, "%-28s %5.2f %5.2f %5.2f %5.2f   %4.2f/%4.2f\n", k.name, marks[c][trials/10], mid, marks[c][trials*9/10], auc, k.i, k.auc)
		margin := .06
		if k.name == "replay with noise" {
			margin = .2
		}
		if math.Abs(mid-k.i) > margin || math.Abs(auc-k.auc) > .07 {
			t.Errorf("%s: got I %.3f, AUC %.3f, want %.2f, %.2f", k.name, mid, auc, k.i, k.auc)
		}
	}
	t.Logf("%-28s   p10   mid   p90   AUC   MECHANISM 4\n%s", "", out.String())
}

// area is the share of pairs in which the honest mark is the higher one; equal ones count half.
func area(honest, other []float64) float64 {
	var sum float64
	for _, a := range honest {
		for _, b := range other {
			sum += float64(1+cmp.Compare(a, b)) / 2
		}
	}
	return sum / float64(len(honest)*len(other))
}

// TestLearnedNeighbours: what truth.Learn says of the neighbours leaves the fault table as it is while the eight stay the
// same, for a usual offset absorbs theirs. Where only four of them are there in each hour, the residual of an honest seller, on
// whose scale all is judged, is a seventh smaller than against the plain median, though what was learned is a week old here.
func TestLearnedNeighbours(t *testing.T) {
	w := newTown(9)
	var plain, learned []float64
	for i := range townJudged {
		var own, raw, better []float64
		for h := townBase; h < townHours; h++ {
			var medians []float64
			var claims []truth.Claim
			for _, k := range w.rng.Perm(8)[:4] {
				m, l := w.medians[h][w.near[i][k]], w.learned[i][k]
				medians = append(medians, m)
				claims = append(claims, truth.Claim{Value: m - l.Bias, Scale: l.Scale})
			}
			own, raw, better = append(own, w.medians[h][i]), append(raw, median(medians)), append(better, truth.Estimate(claims))
		}
		plain, learned = append(plain, classScale(own, raw)), append(learned, classScale(own, better))
	}
	t.Logf("scale of the residuals: %.3f against the median, %.3f against the learned level", median(plain), median(learned))
	if got, most := median(learned), .9*median(plain); got > most {
		t.Errorf("got %.3f, want ≤ %.3f", got, most)
	}
}
