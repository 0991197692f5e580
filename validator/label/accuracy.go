package label

import (
	"math"
	"slices"
	"strconv"

	"github.com/iotverse/iotverse/protocol"
)

// worse is how much worse than offered the readings must prove to be before the offer's accuracy is corrected, and
// secondDifference the median of |x₁ − 2x₂ + x₃| of normal noise of standard deviation 1: .6745·√6.
const (
	worse            = 1.5
	secondDifference = 1.6522
)

// accuracy is the standard deviation of a reading as offered, or as the readings prove.
func (w *window) accuracy() string {
	offered, err := strconv.ParseFloat(w.Offer.Accuracy, 64)
	if _, plain := protocol.ParseDecimal(w.Offer.Accuracy); plain != nil || err != nil {
		return w.Offer.Accuracy
	}
	proven := w.noise()
	if !(proven > max(float64(worse*offered), w.Prop.Grid)) || proven > 1e12 {
		return w.Offer.Accuracy
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(proven, 'e', 1, 64), 64)
	text := strconv.FormatFloat(short, 'f', -1, 64)
	if _, plain := protocol.ParseDecimal(text); err != nil || plain != nil {
		return w.Offer.Accuracy
	}
	return text
}

// noise is the least standard deviation that the second differences prove: what a quantity of this rate can do by itself
// is taken off. 0 where any change is honest, or too little was seen.
func (w *window) noise() float64 {
	if w.Prop.Rate <= 0 || !w.Prop.Noise {
		return 0
	}
	var list []float64
	for _, b := range w.Batches {
		for i := 2; i < len(b); i++ {
			seconds := float64(b[i].Time-b[i-2].Time) / 1000
			d := b[i].Value - b[i-1].Value - (b[i-1].Value - b[i-2].Value)
			list = append(list, math.Abs(d)-float64(w.Prop.Rate*seconds))
		}
	}
	if len(list) < leastValues {
		return 0
	}
	slices.Sort(list)
	return max(0, lower(list)/secondDifference)
}
