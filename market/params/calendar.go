package params

import (
	"math"
	"time"
)

// Calendar counts windows and epochs from T0 (MECHANISM 0): window w covers [T0 + w·W, T0 + (w+1)·W), epoch e = ⌊w/n⌋.
// All values are exact to the millisecond; a window too far to be a date stands at the end of time (the year 287,396).
type Calendar struct {
	t0, window, perEpoch, day int64 // milliseconds, except perEpoch
}

const endOfTime = int64(math.MaxInt64 / 1024) // milliseconds: a sum of two never overflows

// WindowAt returns the window that covers t, and false before T0.
func (c Calendar) WindowAt(t time.Time) (uint64, bool) {
	ms := t.UnixMilli() - c.t0
	if ms < 0 {
		return 0, false
	}
	return uint64(ms / c.window), true
}

// WindowStart is the first moment of window w; its end is WindowStart(w+1).
func (c Calendar) WindowStart(w uint64) time.Time {
	if w > uint64(endOfTime/c.window) {
		return time.UnixMilli(endOfTime)
	}
	return time.UnixMilli(min(c.t0+int64(w)*c.window, endOfTime))
}

// NextWindow is the first window that starts at t or later.
func (c Calendar) NextWindow(t time.Time) uint64 {
	ms := t.UnixMilli() - c.t0
	if ms <= 0 {
		return 0
	}
	return uint64((ms + c.window - 1) / c.window)
}

// EpochOf is the epoch of window w.
func (c Calendar) EpochOf(w uint64) uint64 { return w / uint64(c.perEpoch) }

// FirstWindow is the first window of epoch e.
func (c Calendar) FirstWindow(e uint64) uint64 {
	if e > math.MaxUint64/uint64(c.perEpoch) {
		return math.MaxUint64
	}
	return e * uint64(c.perEpoch)
}

// EpochStart is the first moment of epoch e.
func (c Calendar) EpochStart(e uint64) time.Time { return c.WindowStart(c.FirstWindow(e)) }

// CutTime is start(e−1): the ball of the first unit of the order providers from then on seeds epoch e.
func (c Calendar) CutTime(e uint64) time.Time {
	if e > 0 {
		return c.EpochStart(e - 1)
	}
	return time.UnixMilli(c.t0 - c.window*c.perEpoch)
}

// EpochAt is the epoch that covers t; before T0 it is 0.
func (c Calendar) EpochAt(t time.Time) uint64 {
	w, _ := c.WindowAt(t)
	return c.EpochOf(w)
}

// Days is how many days of 24 hours since T0 end after the start of window from and not after the start of window to:
// how often reputation decays between the two.
func (c Calendar) Days(from, to uint64) uint64 {
	day := func(w uint64) uint64 { return uint64(c.WindowStart(w).UnixMilli()-c.t0) / uint64(c.day) }
	if to <= from {
		return 0
	}
	return day(to) - day(from)
}
