package host

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/net"
)

// span is the least time over which a counter is compared: ten ticks of the kernel's 10 ms clock, less some jitter.
const span = 95 * time.Millisecond

// rate turns a counter into its change per second over span or the time since the last poll, whichever is longer.
type rate struct{ past []point }

type point struct {
	at    time.Time
	count float64
}

// add takes the counter's state and gives the rate, if one can be told yet. A counter that falls was reset: start again.
func (r *rate) add(at time.Time, count float64) (perSecond float64, ok bool) {
	if n := len(r.past); n > 0 && (count < r.past[n-1].count || at.Before(r.past[n-1].at)) {
		r.past = nil
	}
	for len(r.past) > 1 && at.Sub(r.past[1].at) >= span {
		r.past = slices.Delete(r.past, 0, 1)
	}
	if len(r.past) > 0 && at.Sub(r.past[0].at) >= span {
		perSecond, ok = (count-r.past[0].count)/at.Sub(r.past[0].at).Seconds(), true
	}
	r.past = append(r.past, point{at, count})
	return perSecond, ok
}

// of makes a meter of a counter.
func of(count func() (float64, error)) (func(time.Time) (float64, bool, error), error) {
	if _, err := count(); err != nil {
		return nil, err
	}
	var r rate
	return func(now time.Time) (float64, bool, error) {
		n, err := count()
		if err != nil {
			return 0, false, err
		}
		v, ok := r.add(now, n)
		return v, ok, nil
	}, nil
}

// networkRate is what all interfaces, loopback too, receive and send, in bytes per second.
func networkRate() (func(time.Time) (float64, bool, error), error) {
	return of(func() (float64, error) {
		all, err := net.IOCounters(false)
		if err != nil {
			return 0, err
		}
		if len(all) == 0 {
			return 0, fmt.Errorf("no network interface")
		}
		return float64(all[0].BytesRecv) + float64(all[0].BytesSent), nil
	})
}

// diskRate is what all whole disks read and write, in bytes per second.
func diskRate() (func(time.Time) (float64, bool, error), error) {
	all, err := disk.IOCounters()
	if err != nil {
		return nil, err
	}
	disks := wholeDisks(all)
	if len(disks) == 0 {
		return nil, fmt.Errorf("no disk")
	}
	return of(func() (float64, error) {
		all, err := disk.IOCounters(slices.Clone(disks)...)
		sum := 0.0
		for _, d := range all {
			sum += float64(d.ReadBytes) + float64(d.WriteBytes)
		}
		return sum, err
	})
}

// wholeDisks leaves out disks that are no hardware, those that never worked, and partitions: their traffic is counted at
// their disk.
func wholeDisks(all map[string]disk.IOCountersStat) []string {
	var names []string
	for name, d := range all {
		virtual := slices.ContainsFunc([]string{"loop", "ram", "zram", "dm-", "md", "sr", "fd"}, func(s string) bool { return strings.HasPrefix(name, s) })
		if !virtual && d.ReadCount+d.WriteCount > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var whole []string
	for _, name := range names { // sda comes before sda1, nvme0n1 before nvme0n1p1
		if !slices.ContainsFunc(whole, func(disk string) bool { return partOf(name, disk) }) {
			whole = append(whole, name)
		}
	}
	return whole
}

// partOf tells whether name is disk with a number, after a p where the disk's own name ends in a digit.
func partOf(name, disk string) bool {
	rest, ok := strings.CutPrefix(name, disk)
	if last := disk[len(disk)-1]; ok && last >= '0' && last <= '9' {
		rest, ok = strings.CutPrefix(rest, "p")
	}
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}
