package host

import (
	"time"

	"github.com/shirou/gopsutil/v4/disk"
)

// BusyClock, WholeDisks and Rate give the tests what cannot be seen from outside on every machine.
var (
	BusyClock  = busyClock
	WholeDisks = func(all map[string]disk.IOCountersStat) []string { return wholeDisks(all) }
)

// Rate is a fresh counter's meter.
func Rate() func(at time.Time, count float64) (float64, bool) { return new(rate).add }
