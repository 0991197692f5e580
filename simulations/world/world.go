// Package world makes what simulated sensors see: a daily course, weather that moves slowly and is shared by a whole region,
// what is particular to a cell and to a sensor, noise, all on the grid on which the property is measured. The same seed gives
// the same readings; sensors draw from sources of their own, so one more changes nothing for the others.
//
// It is a stand-in for real recordings and claims to be none: drift, gaps and broken sensors are left out so far.
package world

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

// climate is how a property behaves, in its unit.
type climate struct {
	mean, daily      float64 // usual value, half the swing of a day
	peak             float64 // hour of the day
	weather          float64 // standard deviation of the region's slow weather
	cell, bias       float64 // of what is particular to a cell, to a sensor
	noise            float64 // of a single reading
	positive         bool    // the course moves in proportion to the value, never under 0
	weatherHalfHours float64 // memory of the weather
}

// climates holds the properties that the world can show.
var climates = map[string]climate{
	"air-temperature":     {11, 5, 15, 2, .5, .2, .05, false, 12},
	"surface-temperature": {13, 9, 14, 3, .8, .3, .08, false, 12},
	"relative-humidity":   {68, -14, 15, 6, 1.5, 1, .25, false, 12},
	"air-pressure":        {101_300, 40, 10, 500, 5, 15, 2, false, 36},
	"pm2.5":               {14, .25, 8, .3, .1, .05, .6, true, 6},
	"pm10":                {22, .25, 8, .3, .1, .05, .9, true, 6},
	"wind-speed":          {4, .3, 14, .3, .1, .05, .25, true, 4},
}

// Accuracy is the standard deviation of a reading of prop, as an offer states it; "" for what the world cannot show.
func Accuracy(prop string) string {
	c, ok := climates[prop]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.2f", math.Hypot(c.bias, c.noise))
}

// Sensor is one sensor in one cell.
type Sensor struct {
	prop    protocol.Property
	climate climate
	noise   *rand.Rand
	place   float64 // offset of cell and sensor, in the property's unit or as a share
	weather weather
}

// World is one seed's weather.
type World struct{ seed uint64 }

// New makes the world of a seed.
func New(seed uint64) *World { return &World{seed: seed} }

// source is a source of chance that belongs to names.
func (w *World) source(names ...string) *rand.Rand {
	h := fnv.New64a()
	for _, n := range names {
		fmt.Fprintf(h, "%d:%s", len(n), n)
	}
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// Sensor puts a sensor called name into a cell. Error: NotFound for a property that the world cannot show.
func (w *World) Sensor(name, prop, cell string) (*Sensor, error) {
	p, known := protocol.PropertyOf(prop)
	c, shown := climates[prop]
	if err := protocol.CheckCell(cell); err != nil {
		return nil, err
	}
	if !known || !shown {
		return nil, fmt.Errorf("world: no climate for property %q: %w", prop, protocol.NotFound)
	}
	sky := weather{rand: w.source("weather", prop, cell[:3]), memory: c.weatherHalfHours} // its own copy, the same for all of the region
	own := w.source("sensor", name, prop, cell)
	place := float64(w.source("cell", prop, cell).NormFloat64()*c.cell) + float64(own.NormFloat64()*c.bias)
	return &Sensor{prop: p, climate: c, noise: own, place: place, weather: sky}, nil
}

// Read measures at a time; times of one sensor must not fall.
func (s *Sensor) Read(at time.Time) protocol.Reading {
	c := &s.climate
	hours := float64(at.UnixMilli()%86_400_000) / 3_600_000
	course := float64(c.daily*math.Cos((hours-c.peak)*math.Pi/12)) + float64(c.weather*s.weather.at(at)) + s.place
	v := c.mean + course
	if c.positive {
		v = float64(c.mean * math.Exp(course))
	}
	v = min(max(v+float64(s.noise.NormFloat64()*c.noise), s.prop.Min), s.prop.Max)
	return protocol.Reading{Time: at.UnixMilli(), Value: onGrid(v, s.prop.Grid)}
}

// onGrid is the nearest value that the sensor's converter has: a whole number of steps, written as people write it.
func onGrid(v, grid float64) float64 {
	if per := math.Round(1 / grid); grid < 1 && per > 1 {
		return math.Round(float64(v*per)) / per
	}
	return math.Round(v/grid) * grid
}
