package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
)

// cpuLoad is the share of processor time that is used, in percent of all processors. Busy time comes from the finest clock
// that the kernel shows: the scheduler's nanoseconds where there are some, else ticks of 10 ms, and then never less than
// what this process alone has used, which is known to the microsecond.
func cpuLoad() (func(time.Time) (float64, bool, error), error) {
	cores, err := cpu.Counts(true)
	if err != nil || cores < 1 {
		return nil, fmt.Errorf("number of processors: %d, %v", cores, err)
	}
	busy, err := of(busyClock("/"))
	if err != nil {
		return nil, err
	}
	own, err := of(ownSeconds)
	if err != nil {
		return nil, err
	}
	return func(now time.Time) (float64, bool, error) {
		used, ok, err := busy(now)
		mine, _, errMine := own(now)
		if err != nil || errMine != nil || !ok {
			return 0, false, firstOf(err, errMine)
		}
		return min(100, max(used, mine)/float64(cores)*100), true, nil
	}, nil
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// busyClock picks the source of busy seconds of all processors below root.
func busyClock(root string) func() (float64, error) {
	for _, clock := range []func() (float64, error){
		func() (float64, error) { return schedstat(root + "proc/schedstat") },
		func() (float64, error) { return cpuacct(root + "sys/fs/cgroup/cpuacct/") },
	} {
		if v, err := clock(); err == nil && v > 0 {
			return clock
		}
	}
	return ticks
}

// schedstat sums the time that tasks ran on each processor (Documentation/scheduler/sched-stats.rst: seventh number).
func schedstat(file string) (float64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var sum float64
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 8 || !strings.HasPrefix(f[0], "cpu") {
			continue
		}
		ns, err := strconv.ParseUint(f[7], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += float64(ns) / 1e9
	}
	return sum, nil
}

// cpuacct reads the nanoseconds used by the root control group; other groups see only a part of the machine and have no
// release_agent (Documentation/admin-guide/cgroup-v1).
func cpuacct(dir string) (float64, error) {
	if _, err := os.Stat(dir + "release_agent"); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(dir + "cpuacct.usage")
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return float64(ns) / 1e9, err
}

func ticks() (float64, error) {
	all, err := cpu.Times(false)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("no processor times")
	}
	t := all[0] // guest time is part of user time already
	return t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal, nil
}
