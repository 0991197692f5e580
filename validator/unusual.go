package validator

import (
	"github.com/iotverse/iotverse/validator/event"
	"github.com/iotverse/iotverse/validator/number"
	"github.com/iotverse/iotverse/validator/score"
)

// unusual says whether the opened batches of a window show what the stream did not show before: package event scores the
// median of each, after those of the batches that are kept of the windows before it, back to the history horizon. The window that follows is marked only if it is clearly
// more unusual, so an event is marked once, when it begins. Members that keep other batches may see it otherwise: the mark
// stands in a stamp if most of them see it.
func (a *archive) unusual(key streamKey, window int64, batches []score.Batch) bool {
	scorer := event.New()
	for _, s := range a.streams[key] {
		if int64(s.wc.Window) >= window {
			break
		}
		if int64(s.wc.Window) < window-int64(a.m.Params.History) {
			continue
		}
		for _, p := range s.proofs {
			scorer.Add(p.middle())
		}
	}
	marked := false
	for _, b := range batches {
		if len(b.Readings) > 0 && scorer.Add(middle(b.Readings)) >= event.Alarm {
			marked = true
		}
	}
	return marked
}

// event says whether a window that may be sold is to be marked as one with an event.
func (c *Core) event(key streamKey, in score.Input, res score.Result) bool {
	return len(res.Hard) == 0 && res.I >= c.par.IntegrityMin && c.archive.unusual(key, in.Window, in.Batches)
}

// middle is the median of readings; 0 of none.
func middle(list []score.Reading) float64 {
	values := make([]float64, 0, len(list))
	for _, r := range list {
		values = append(values, r.V)
	}
	return number.Median(values)
}
