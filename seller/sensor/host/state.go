package host

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"
	"github.com/shirou/gopsutil/v4/sensors"
)

// always makes a meter of something that has a value at every poll.
func always(take func() (float64, error)) (func(time.Time) (float64, bool, error), error) {
	if _, err := take(); err != nil {
		return nil, err
	}
	return func(time.Time) (float64, bool, error) {
		v, err := take()
		return v, err == nil, err
	}, nil
}

// memoryUsed is the memory that programs cannot have any more, in percent.
func memoryUsed() (func(time.Time) (float64, bool, error), error) {
	return always(func() (float64, error) {
		m, err := mem.VirtualMemory()
		if err != nil {
			return 0, err
		}
		if m.Total == 0 || m.Available > m.Total {
			return 0, fmt.Errorf("%d of %d bytes available", m.Available, m.Total)
		}
		return float64(m.Total-m.Available) / float64(m.Total) * 100, nil
	})
}

func processes() (func(time.Time) (float64, bool, error), error) {
	return always(func() (float64, error) {
		pids, err := process.Pids()
		return float64(len(pids)), err
	})
}

// timerLatency is how much later than asked a sleep of a millisecond ends, in seconds: what a real-time program would
// suffer on this machine.
func timerLatency() (func(time.Time) (float64, bool, error), error) {
	const sleep = time.Millisecond
	return always(func() (float64, error) {
		start := time.Now()
		time.Sleep(sleep)
		return max(0, time.Since(start)-sleep).Seconds(), nil
	})
}

// temperature follows the sensor nearest to the processor, or else the first by name.
func temperature() (func(time.Time) (float64, bool, error), error) {
	all, err := sensors.SensorsTemperatures()
	if len(all) == 0 {
		return nil, fmt.Errorf("no temperature sensor (%v)", err)
	}
	slices.SortStableFunc(all, func(a, b sensors.TemperatureStat) int {
		if d := distance(a.SensorKey) - distance(b.SensorKey); d != 0 {
			return d
		}
		return strings.Compare(a.SensorKey, b.SensorKey)
	})
	key := all[0].SensorKey
	return always(func() (float64, error) {
		all, err := sensors.SensorsTemperatures()
		for _, s := range all {
			if s.SensorKey == key {
				return s.Temperature, nil
			}
		}
		return 0, fmt.Errorf("sensor %s is gone (%v)", key, err)
	})
}

// distance ranks the names that drivers give to a processor's own sensors.
func distance(key string) int {
	near := []string{"coretemp_package", "k10temp_tctl", "k10temp", "cpu_thermal", "cpu-thermal", "x86_pkg_temp", "coretemp", "soc"}
	if i := slices.IndexFunc(near, func(name string) bool { return strings.HasPrefix(strings.ToLower(key), name) }); i >= 0 {
		return i
	}
	return len(near)
}
