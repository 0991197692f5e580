package sysfs

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// rooms are hwmon chips that measure the air around them and not a board.
var rooms = []string{"sht3x", "sht4x", "sht15", "sht21", "shtc1", "htu21", "hih6130", "hs3001", "aht10", "chipcap2", "lm75", "tmp102", "tmp108", "mcp9808"}

// Hwmon reads temperatures (m°C), humidities (‰ of a per cent) and voltages (mV) by the kernel's hwmon interface
// (Documentation/hwmon/sysfs-interface). Errors: Invalid for a bad Config, NotFound where no chip has any.
func Hwmon(fsys fs.FS, cfg Config) (*Driver, error) {
	var found []*channel
	files := glob(fsys, "class/hwmon/hwmon*/temp*_input", "class/hwmon/hwmon*/humidity*_input", "class/hwmon/hwmon*/in*_input",
		"class/hwmon/hwmon*/device/temp*_input", "class/hwmon/hwmon*/device/in*_input")
	for _, file := range files {
		dir := path.Dir(file)
		base := strings.TrimSuffix(file, "_input")
		c := &channel{file: file, names: labels(fsys, strings.TrimSuffix(dir, "/device"), dir+"/name", base+"_label")}
		switch kind := strings.TrimRight(path.Base(base), "0123456789"); kind {
		case "temp":
			c.prop, c.accuracy = or(cfg.Temperature, temperatureOf(c.names)), "1"
		case "humidity":
			c.prop, c.accuracy = "relative-humidity", "3"
		case "in":
			c.prop, c.accuracy = "voltage", "0.05"
		default: // intrusion0_input and the like
			continue
		}
		c.read = func(fsys fs.FS) (float64, error) {
			if fault, err := number(fsys, base+"_fault"); err == nil && fault != 0 {
				return 0, errors.New("the chip reports a broken sensor")
			}
			v, err := number(fsys, file)
			return milli(v), err
		}
		found = append(found, c)
	}
	return newDriver("hwmon", fsys, cfg, found)
}

func temperatureOf(names []string) string {
	for _, n := range names {
		for _, r := range rooms {
			if strings.HasPrefix(n, r) {
				return "air-temperature"
			}
		}
	}
	return "device-temperature"
}

// Thermal reads the thermal zones: what the kernel cools the board by, in m°C (Documentation/driver-api/thermal). Errors as
// Hwmon.
func Thermal(fsys fs.FS, cfg Config) (*Driver, error) {
	var found []*channel
	for _, file := range glob(fsys, "class/thermal/thermal_zone*/temp") {
		dir := path.Dir(file)
		found = append(found, &channel{
			prop: or(cfg.Temperature, "device-temperature"), accuracy: "1", file: file, names: labels(fsys, dir, dir+"/type"),
			read: func(fsys fs.FS) (float64, error) {
				v, err := number(fsys, file)
				return milli(v), err
			},
		})
	}
	return newDriver("thermal", fsys, cfg, found)
}
