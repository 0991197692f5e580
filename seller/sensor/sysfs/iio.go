package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// kind is a type of IIO channel: what stands after in_ and before an index (Documentation/ABI/testing/sysfs-bus-iio).
type kind struct {
	name, prop, accuracy string
	factor, divisor      float64 // from the ABI's unit to the property's
}

var iioKinds = []kind{
	{"temp", "", "1", 1, 1000},                              // m°C
	{"humidityrelative", "relative-humidity", "3", 1, 1000}, // thousandths of a per cent
	{"pressure", "air-pressure", "100", 1000, 1},            // kPa
	{"illuminance", "illuminance", "5", 1, 1},               // lx
	{"voltage", "voltage", "0.01", 1, 1000},                 // mV
	{"massconcentration_pm2p5", "pm2.5", "10", 1, 1},        // µg/m³
	{"massconcentration_pm10", "pm10", "25", 1, 1},
}

// IIO reads chips of the kernel's industrial I/O: temperature, humidity, pressure, illuminance, voltage, particles, either
// converted (_input) or as (_raw + _offset) × _scale. The temperature of a chip that measures acceleration, rotation or
// voltage is its own. Errors: Invalid for a bad Config, NotFound where no device has any such channel.
func IIO(fsys fs.FS, cfg Config) (*Driver, error) {
	var found []*channel
	for _, dir := range glob(fsys, "bus/iio/devices/iio:device*") {
		names := labels(fsys, dir, dir+"/name", dir+"/label")
		for _, k := range iioKinds {
			for _, base := range inputs(fsys, dir, k.name) {
				c := &channel{prop: k.prop, accuracy: k.accuracy, file: base, names: names, read: reader(base, k)}
				if k.name == "temp" {
					c.prop = or(cfg.Temperature, iioTemperature(fsys, dir))
				}
				found = append(found, c)
			}
		}
	}
	return newDriver("iio", fsys, cfg, found)
}

// inputs lists the channels of a kind, without _input or _raw, each once.
func inputs(fsys fs.FS, dir, kind string) []string {
	var bases []string
	for _, suffix := range []string{"_input", "_raw"} {
		for _, file := range glob(fsys, dir+"/in_"+kind+"*"+suffix) {
			base := strings.TrimSuffix(file, suffix)
			index := strings.TrimPrefix(path.Base(base), "in_"+kind)
			if strings.Trim(index, "0123456789") != "" { // in_voltage0-voltage1, in_temp_ambient: not what is meant
				continue
			}
			if suffix == "_raw" {
				if _, err := fs.Stat(fsys, base+"_input"); err == nil {
					continue
				}
			}
			bases = append(bases, base)
		}
	}
	return bases
}

func iioTemperature(fsys fs.FS, dir string) string {
	if len(glob(fsys, dir+"/in_accel*", dir+"/in_anglvel*", dir+"/in_voltage*_raw")) > 0 {
		return "device-temperature"
	}
	return "air-temperature"
}

// reader reads one channel.
func reader(base string, k kind) func(fs.FS) (float64, error) {
	shared := path.Join(path.Dir(base), "in_"+k.name)
	return func(fsys fs.FS) (float64, error) {
		v, err := number(fsys, base+"_input")
		if errors.Is(err, fs.ErrNotExist) {
			v, err = converted(fsys, base, shared)
		}
		return v * k.factor / k.divisor, err
	}
}

// converted is (raw + offset) × scale; offset and scale stand by the channel or by its kind.
func converted(fsys fs.FS, base, shared string) (float64, error) {
	raw, err := number(fsys, base+"_raw")
	if err != nil {
		return 0, err
	}
	offset, err := either(fsys, "_offset", base, shared, 0)
	if err != nil {
		return 0, err
	}
	scale, err := either(fsys, "_scale", base, shared, 1)
	if err != nil {
		return 0, err
	}
	return (raw + offset) * scale, nil
}

func either(fsys fs.FS, suffix, base, shared string, without float64) (float64, error) {
	for _, name := range []string{base, shared} {
		v, err := number(fsys, name+suffix)
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, fmt.Errorf("%s: %w", suffix[1:], err)
		}
	}
	return without, nil
}
