package host_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor/host"
)

func TestThisMachine(t *testing.T) {
	const period = 100 * time.Millisecond
	h, err := host.New(period)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]float64{}
	for range 12 {
		now := time.Now()
		samples, err := h.Read(now)
		if err != nil {
			t.Error(err)
		}
		for _, s := range samples {
			p, known := protocol.PropertyOf(s.Prop)
			if v := s.Reading.Value; !known || v < p.Min || v > p.Max || math.IsNaN(v) {
				t.Errorf("got %s of %v, want %v..%v", s.Prop, v, p.Min, p.Max)
			}
			if steps := s.Reading.Value / p.Grid; math.Abs(steps-math.Round(steps)) > 1e-3 {
				t.Errorf("got %s of %v, not in steps of %v", s.Prop, s.Reading.Value, p.Grid)
			}
			if s.Reading.Time != now.UnixMilli() {
				t.Errorf("got time %d, want %d", s.Reading.Time, now.UnixMilli())
			}
			got[s.Prop] = append(got[s.Prop], s.Reading.Value)
		}
		time.Sleep(period - time.Since(now))
	}
	for _, q := range h.Quantities() {
		if _, err := protocol.ParseDecimal(q.Accuracy); err != nil || q.Period != period {
			t.Errorf("got %+v, %v", q, err)
		}
		if len(got[q.Prop]) < 11 {
			t.Errorf("got %d readings of %s in 12 polls", len(got[q.Prop]), q.Prop)
		}
	}
	for _, prop := range []string{"host-cpu-load", "host-timer-latency"} {
		values := slices.DeleteFunc(slices.Clone(got[prop]), func(v float64) bool { return v == 100 }) // a busy machine may well stand there
		if got[prop] == nil || len(slices.Compact(slices.Clone(values))) < len(values)/2 {
			t.Errorf("%s stands still: %v", prop, values)
		}
	}
	if values := got["host-memory-used"]; values == nil || values[0] <= 0 {
		t.Errorf("got memory %v", values)
	}
}

func TestNew(t *testing.T) {
	if h, err := host.New(time.Second, "host-timer-latency", "host-cpu-load"); err != nil || len(h.Quantities()) != 2 {
		t.Errorf("got %v, %v", h, err)
	}
	for name, c := range map[string]struct {
		period time.Duration
		prop   string
	}{
		"no host's property": {time.Second, "air-temperature"},
		"unknown":            {time.Second, "host-smell"},
		"too often":          {time.Millisecond, "host-cpu-load"},
		"too seldom":         {2 * time.Hour, "host-cpu-load"},
	} {
		if _, err := host.New(c.period, c.prop); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
	if !slices.Contains(host.Available(), "device-temperature") {
		if _, err := host.New(time.Second, "device-temperature"); !errors.Is(err, protocol.NotFound) || !strings.Contains(err.Error(), "it has host-cpu-load") {
			t.Errorf("no thermometer: got %v", err)
		}
	}
}

func TestRate(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	type poll struct {
		ms    int
		count float64
		want  float64
		ok    bool
	}
	for name, polls := range map[string][]poll{
		"ten a second":      {{0, 5, 0, false}, {100, 15, 100, true}, {200, 15, 0, true}, {300, 115, 1000, true}},
		"a little early":    {{0, 0, 0, false}, {99, 99, 1000, true}, {197, 99, 0, true}},
		"a hundred":         {{0, 0, 0, false}, {50, 50, 0, false}, {100, 100, 1000, true}, {150, 100, 500, true}, {200, 100, 0, true}},
		"the same moment":   {{0, 0, 0, false}, {0, 9, 0, false}},
		"counter was reset": {{0, 900, 0, false}, {100, 5, 0, false}, {200, 105, 1000, true}},
		"clock set back":    {{500, 0, 0, false}, {100, 5, 0, false}, {200, 105, 1000, true}},
	} {
		add := host.Rate()
		for _, p := range polls {
			if got, ok := add(at(p.ms), p.count); math.Abs(got-p.want) > 1e-9 && math.Abs(got-p.want) > .011*p.want || ok != p.ok {
				t.Errorf("%s, at %d ms: got %v, %v, want %v, %v", name, p.ms, got, ok, p.want, p.ok)
			}
		}
	}
}

func TestWholeDisks(t *testing.T) {
	all := map[string]disk.IOCountersStat{}
	for _, name := range strings.Fields("sda sda1 sda2 sda10 sdb mmcblk0 mmcblk0p1 mmcblk0boot0 nvme0n1 nvme0n1p1 nvme0n10 loop0 zram0 dm-0 md127 sr0 vda1") {
		all[name] = disk.IOCountersStat{ReadCount: 1}
	}
	all["sdc"] = disk.IOCountersStat{} // never worked
	got, want := host.WholeDisks(all), strings.Fields("mmcblk0 mmcblk0boot0 nvme0n1 nvme0n10 sda sdb vda1")
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBusyClock(t *testing.T) {
	const schedstat = "version 17\ntimestamp 4295\ncpu0 0 0 0 0 0 0 1500000000 7 9\ndomain0 MC 03 0 0\ncpu1 0 0 0 0 0 0 500000000 7 9\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  float64 // under 0: the kernel's ticks
	}{
		"scheduler":     {map[string]string{"proc/schedstat": schedstat}, 2},
		"root group":    {map[string]string{"sys/fs/cgroup/cpuacct/release_agent": "", "sys/fs/cgroup/cpuacct/cpuacct.usage": "3500000000\n"}, 3.5},
		"other group":   {map[string]string{"sys/fs/cgroup/cpuacct/cpuacct.usage": "3500000000\n"}, -1},
		"garbage":       {map[string]string{"proc/schedstat": "cpu0 0 0 0 0 0 0 x 7 9\n"}, -1},
		"nothing there": {nil, -1},
	} {
		root := t.TempDir() + "/"
		for file, text := range c.files {
			os.MkdirAll(filepath.Dir(root+file), 0o755)
			os.WriteFile(root+file, []byte(text), 0o644)
		}
		got, err := host.BusyClock(root)()
		if err != nil || c.want >= 0 && got != c.want || c.want < 0 && got <= 0 {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, prop := range host.Available() {
		b.Run(prop, func(b *testing.B) {
			h, err := host.New(time.Second, prop)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				h.Read(time.Now())
			}
		})
	}
}
