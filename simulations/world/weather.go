package world

import (
	"math"
	"math/rand/v2"
	"time"
)

// weather is a region's deviation from its usual day, in standard deviations: a value every half hour that remembers the
// one before, and a smooth way between them.
type weather struct {
	rand   *rand.Rand
	memory float64 // half hours until half is forgotten
	first  int64   // half hour of knots[0]
	knots  []float64
}

const halfHour = int64(30 * time.Minute / time.Millisecond)

func (w *weather) at(t time.Time) float64 {
	ms := t.UnixMilli()
	n := ms / halfHour
	if len(w.knots) == 0 {
		w.first, w.knots = n, []float64{w.rand.NormFloat64()}
	}
	n = max(n, w.first)
	keep := math.Exp2(-1 / w.memory)
	for int64(len(w.knots)) < n-w.first+2 {
		last := w.knots[len(w.knots)-1]
		w.knots = append(w.knots, float64(last*keep)+float64(w.rand.NormFloat64()*math.Sqrt(1-float64(keep*keep))))
	}
	a, b := w.knots[n-w.first], w.knots[n-w.first+1]
	part := float64(max(ms-n*halfHour, 0)) / float64(halfHour)
	return a + float64((b-a)*(1-math.Cos(part*math.Pi))/2)
}
