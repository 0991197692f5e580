package detect

// Reason is one thing that speaks against a batch.
type Reason struct {
	Code  string  // stable, one word
	Text  string  // for people
	Grade float64 // 1 is odd, 2 and more grave
}

// signs are the features that say something to people, with the value from which on they are odd.
var signs = []struct {
	feature int
	from    float64
	code    string
	text    string
}{
	{fDuplicates, .5, "duplicate", "readings were sent twice: check the link and the outbox"},
	{fBacks, .5, "order", "times run backwards: check the clock, or the order of sending"},
	{fSkewEnded, .5, "clock", "the clock was wrong and has been set back"},
	{fIndebted, .3, "clock", "the clock was set back and not yet forward again"},
	{fEarly, .01, "clock", "readings came before the time they bear: the clock is ahead"},
	{fGapTail, 6, "gaps", "more readings are missing than this sensor usually loses"},
	{fGapRare, 1.8, "gap", "a pause longer than nearly all of these sensors"},
	{fRun, 3.5, "stuck", "the value stood still for longer than usual: check the sensor"},
	{fSpike, 2.3, "spike", "single readings leave and come back at once"},
	{fRoughNetZ, 4, "noise", "the curve is rougher than it was, and the neighbours' is not"},
	{fLevelMid, 4, "level", "the level left that of the neighbours: check placing, unit and calibration"},
	{fLevelSum, 14, "drift", "the level has moved away from the neighbours for some time"},
	{fGainZ, 6, "unit", "values are a multiple of what the neighbours say: check the unit"},
	{fReplayRun, 10, "replay", "the readings repeat an earlier stretch of this sensor"},
	{fCopyEqual, .5, "copy", "the readings are those of a neighbour"},
	{fCorrTopZ, 4, "copy", "the curve follows one neighbour more closely than before"},
	{fOffGrid, .2, "grid", "values are not on the grid of this sensor: check the unit"},
	{fFinger, 7, "shape", "the curve does not look like this sensor's"},
}

// reasons lists what speaks against a batch, the gravest first; a batch that would be refused has at least one.
func reasons(v *vector, score int) []Reason {
	if score >= 700 {
		return nil
	}
	var list []Reason
	for _, s := range signs {
		if x := v.get(s.feature) / s.from; x >= 1 {
			list = append(list, Reason{s.code, s.text, x})
		}
	}
	for i := 1; i < len(list); i++ {
		for k := i; k > 0 && list[k].Grade > list[k-1].Grade; k-- {
			list[k], list[k-1] = list[k-1], list[k]
		}
	}
	if len(list) == 0 && score < 500 {
		list = append(list, Reason{"pattern", "several small signs together are like those of false data", 1})
	}
	return list
}
