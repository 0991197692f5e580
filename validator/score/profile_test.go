package score_test

import (
	"errors"
	"math"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/validator/score"
)

func TestProfileCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*score.Profile)
		want error
	}{
		{"as it is", func(*score.Profile) {}, nil},
		{"nothing optional", func(p *score.Profile) { p.MaxRate, p.NoiseFloor, p.BiasMax, p.Period, p.Length = 0, 0, 0, 0, 0 }, nil},
		{"bound is no number", func(p *score.Profile) { p.Max = math.NaN() }, byteball.Invalid},
		{"endless rate", func(p *score.Profile) { p.MaxRate = math.Inf(1) }, byteball.Invalid},
		{"bounds swapped", func(p *score.Profile) { p.Min, p.Max = p.Max, p.Min }, byteball.Invalid},
		{"no grid", func(p *score.Profile) { p.Grid = 0 }, byteball.Invalid},
		{"negative floor", func(p *score.Profile) { p.NoiseFloor = -1 }, byteball.Invalid},
		{"negative period", func(p *score.Profile) { p.Period = -1 }, byteball.Invalid},
		{"negative history", func(p *score.Profile) { p.HistWindows = -1 }, byteball.Invalid},
	} {
		p := air()
		c.do(&p)
		if got := p.Check(); !errors.Is(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
