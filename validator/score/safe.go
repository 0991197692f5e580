package score

import "math"

const longNumber = 10_000_000 // a whole number of eight digits and more that stays the same is a serial or telephone number

// safe is 0 where most of the readings look like something else than measurements, so that a person or a device could be
// told from them (MECHANISM 7), or where a batch was no pack of numbers of the property in its unit at all; else 1. Hidden
// messages in the last digits cannot be told from noise and are not looked for.
func (w *window) safe(p Profile) float64 {
	if w.refused > 0 {
		w.looks = "no numbers of the property in its unit"
		return 0
	}
	if len(w.values) == 0 {
		return dropped
	}
	for _, k := range []struct {
		looks string
		like  func(Reading) bool
	}{
		{"times of day or dates", likeTime},
		{"serial numbers", func(r Reading) bool { return math.Abs(r.V) >= longNumber && r.V == w.median }},
		{"letters", likeText},
		{"a place on the map", func(r Reading) bool { return w.likePlace(r, p) }},
	} {
		n := 0
		for _, r := range w.seen {
			if finite(r.V) && k.like(r) {
				n++
			}
		}
		if 2*n > len(w.seen) {
			w.looks, w.alike = k.looks, n
			return 0
		}
	}
	return 1
}

// likeTime: within a day of the reading's own time, in seconds or in milliseconds.
func likeTime(r Reading) bool {
	const day = 86_400_000
	return math.Abs(r.V-float64(r.T)) < day && r.T > day || math.Abs(r.V-float64(r.T)/1000) < day/1000 && r.T > 2*day
}

// likeText: a whole number of which every byte, four or more, is a letter, a digit or another printable sign. Of large
// random numbers 1 in 50 is.
func likeText(r Reading) bool {
	if r.V != math.Trunc(r.V) || r.V < 1<<24 || r.V >= 1<<53 {
		return false
	}
	for n := uint64(r.V); n > 0; n >>= 8 {
		if c := n & 0xff; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// likePlace: four to seven decimals where the property has fewer, and all readings alike in the first three, as a coordinate
// of a device that lies still. Grids of binary fractions (21.0625) and values that were converted from another unit (70 °F are
// 21.1111 °C) have such decimals honestly.
func (w *window) likePlace(r Reading, p Profile) bool {
	if p.Grid < .001 || math.Abs(r.V) > 180 || math.Abs(r.V-w.median) > .001 || whole(float64(r.V*1000)) || whole(float64(r.V*64)) || !whole(float64(r.V*1e7)) {
		return false
	}
	for _, u := range p.Units {
		if tenths := float64(10 * (float64(r.V*u.Factor) + u.Offset)); u.Offset != 0 && !u.Inverse && math.Abs(tenths-math.Round(tenths)) < .02 {
			return false
		}
	}
	return true
}

func whole(x float64) bool { return math.Abs(x-math.Round(x)) < 1e-6 }
