package event

import (
	"math"

	"github.com/iotverse/iotverse/validator/number"
)

// heights are the classes in which alarms are counted, a quarter of a surprise each.
const heights = 256

// calm holds back what follows an alarm, and what came often before.
type calm struct {
	last   int     // row of the last alarm
	height float64 // of it
	alarms [heights]float64
}

// longest is the number of rows at which a stream counts as no longer than that.
const longest = 1 << 15

// after returns what is left of the surprise v in row, counted from 1.
func (m *calm) after(v float64, row int, c *constants) float64 {
	rows := min(row, longest)
	if v < 1 { // in no scale is it one of ten
		return 0
	}
	v -= float64(c.Growth*number.Ln(float64(rows)/1000)) / math.Ln10
	if !(v > 0) {
		return 0
	}
	age := float64(row-m.last) / (c.Rest + float64(c.Share*float64(rows)))
	fresh := m.height > 0 && age < 1
	if fresh && v < float64(float64(c.Bar*m.height)*(1-age)) {
		return 0
	}
	often := 0.0
	for _, n := range m.alarms[height(float64(v*alike)):] {
		often += n
	}
	if fresh {
		m.alarms[height(m.height)]--
	}
	m.alarms[height(v)]++
	m.last, m.height = row, v
	return max(0, v-float64(c.Often*number.Ln(1+often))/math.Ln10)
}

// alike is how high an alarm must have been to count as one of the same.
const alike = .6

func height(v float64) int { return int(min(float64(v*4), heights-1)) }
