package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
)

// W1 reads 1-Wire thermometers (DS18B20 and its family) as the kernel's w1_therm shows them: by file temperature where
// there is one, else by w1_slave with its checksum. Values are in °C, ±0.5 by the data sheet. Errors: Invalid for a bad
// Config, NotFound where no thermometer hangs on the bus.
func W1(fsys fs.FS, cfg Config) (*Driver, error) {
	var found []*channel
	for _, dir := range glob(fsys, "bus/w1/devices/*-*") {
		family, _, _ := strings.Cut(strings.TrimPrefix(dir, "bus/w1/devices/"), "-")
		if !strings.Contains(" 10 22 28 3b 42 ", " "+family+" ") {
			continue
		}
		last := math.NaN()
		found = append(found, &channel{
			prop: or(cfg.Temperature, "air-temperature"), accuracy: "0.5", file: dir, names: labels(fsys, dir, dir+"/name"),
			read: func(fsys fs.FS) (float64, error) {
				v, err := celsius(fsys, dir)
				if err == nil {
					err = plausible(v, last)
				}
				if err != nil {
					return 0, err
				}
				last = v
				return v, nil
			},
		})
	}
	return newDriver("w1", fsys, cfg, found)
}

// celsius reads a thermometer once; the kernel waits for the conversion.
func celsius(fsys fs.FS, dir string) (float64, error) {
	v, err := number(fsys, dir+"/temperature")
	if !errors.Is(err, fs.ErrNotExist) {
		return milli(v), err
	}
	s, err := text(fsys, dir+"/w1_slave")
	if err != nil {
		return 0, err
	}
	return slave(s)
}

// slave reads the two lines of w1_slave: nine bytes with their checksum, and again with the value.
func slave(s string) (float64, error) {
	first, second, ok := strings.Cut(s, "\n")
	if !ok {
		return 0, fmt.Errorf("w1_slave %.40q has no second line", s)
	}
	if !strings.HasSuffix(strings.TrimSpace(first), "YES") {
		return 0, fmt.Errorf("checksum is wrong: bad contact or cable too long")
	}
	if strings.HasPrefix(first, "00 00 00 00 00 00 00 00 00") {
		return 0, fmt.Errorf("nothing but zeros: short circuit on the data line")
	}
	_, t, ok := strings.Cut(second, "t=")
	n, err := strconv.ParseInt(strings.TrimSpace(t), 10, 32)
	if !ok || err != nil {
		return 0, fmt.Errorf("w1_slave has no t= in %.60q", second)
	}
	return milli(float64(n)), nil
}

// plausible refuses what a DS18B20 cannot measure, and 85 °C unless it was near that before: after a loss of power it
// stands at 85 until its first conversion.
func plausible(v, last float64) error {
	switch {
	case v < -55 || v > 125:
		return fmt.Errorf("%v °C is outside -55 to 125", v)
	case v == 85 && !(math.Abs(last-v) <= 5):
		return fmt.Errorf("85 °C, the value after power-on: the supply is unstable")
	}
	return nil
}
