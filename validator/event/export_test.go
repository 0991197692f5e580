package event

// Constants are what the search varies.
type Constants = constants

// Standard are those in use.
var Standard = standard

// Build returns a Scorer with other constants.
func Build(c Constants) *Scorer { return build(c) }

// Feel returns the sums of surprises of values, from which Tell makes scores. A search tries the constants of each apart.
func Feel(c Constants, values []float64) []float64 {
	s := build(c)
	sums := make([]float64, len(values))
	for i, v := range values {
		sums[i] = s.feel(v)
	}
	return sums
}

// Tell returns the scores of sums.
func Tell(c Constants, sums []float64) []float64 {
	s := build(c)
	scores := make([]float64, len(sums))
	for i, v := range sums {
		s.rows++
		scores[i] = s.told(v)
	}
	return scores
}
