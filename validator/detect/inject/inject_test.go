package inject_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/inject"
	"github.com/iotverse/iotverse/validator/detect/series"
)

func waves(sensors, readings int) *series.Case {
	c := &series.Case{}
	for i := range sensors {
		s := series.Stream{Name: string(rune('a' + i))}
		for k := range readings {
			v := math.Round(1000*math.Sin(float64(k)/200)+float64(k*7919%97*i)) / 100
			s.Readings = append(s.Readings, detect.Reading{T: int64(k) * 60e3, V: v})
		}
		c.Streams = append(c.Streams, s)
	}
	return c
}

func TestFaults(t *testing.T) {
	base := waves(8, 6000)
	got := inject.Faults(base, 4)
	if again := inject.Faults(waves(8, 6000), 4); !reflect.DeepEqual(again, got) {
		t.Error("the same seed gave another case")
	}
	if !reflect.DeepEqual(base, waves(8, 6000)) {
		t.Error("the base was changed")
	}
	counts := map[string]int{}
	for _, s := range got.Streams {
		for _, b := range s.Batches {
			if b.Truth.Warm && b.Truth.Label != 0 {
				t.Errorf("sensor %s batch %d: label %d while warming up", s.Name, b.Number, b.Truth.Label)
			}
			if b.Truth.Label == 1 {
				counts[b.Truth.Type]++
			}
		}
		if n := len(s.Batches); s.Batches[n-1].End != len(s.Readings) {
			t.Errorf("sensor %s: last batch ends at %d of %d", s.Name, s.Batches[n-1].End, len(s.Readings))
		}
	}
	for _, kind := range inject.Types {
		if counts[kind] == 0 {
			t.Errorf("no batch of type %s", kind)
		}
	}
}
