package sysfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor/sysfs"
)

// tree makes a /sys of the lines "path: content"; \n in a content is a line feed.
func tree(lines string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for line := range strings.Lines(lines) {
		if name, text, ok := strings.Cut(strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t"), ": "); ok {
			fsys[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, `\n`, "\n"))}
		}
	}
	return fsys
}

type open func(fs.FS, sysfs.Config) (*sysfs.Driver, error)

// poll returns what a driver reads, as "property=value …", and the error.
func poll(d *sysfs.Driver) (string, error) {
	now := time.UnixMilli(1_700_000_000_123)
	samples, err := d.Read(now)
	var out []string
	for _, s := range samples {
		if s.Reading.Time != now.UnixMilli() {
			out = append(out, "wrong time")
		}
		out = append(out, fmt.Sprintf("%s=%.6g", s.Prop, s.Reading.Value))
	}
	return strings.Join(out, " "), err
}

// Recorded on boards and shortened.
const (
	slaveGood  = `72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n`
	slaveCold  = `5e ff 4b 46 7f ff 02 10 9e : crc=9e YES\n5e ff 4b 46 7f ff 02 10 9e t=-10125\n`
	slaveNo    = `72 01 4b 46 7f ff 0e 10 ff : crc=57 NO\n72 01 4b 46 7f ff 0e 10 ff t=23125\n`
	slaveZero  = `00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n`
	slavePower = `50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n`

	bus   = "bus/w1/devices/w1_bus_master1/w1_master_slave_count: 1\n"
	probe = "bus/w1/devices/28-0316a2798bff/"
	bme   = `bus/iio/devices/iio:device0/name: bme280
		bus/iio/devices/iio:device0/in_temp_input: 21870
		bus/iio/devices/iio:device0/in_humidityrelative_input: 45120
		bus/iio/devices/iio:device0/in_pressure_input: 98.765432
		`
	board = `class/hwmon/hwmon0/name: cpu_thermal
		class/hwmon/hwmon0/temp1_input: 48312
		class/hwmon/hwmon1/name: rpi_volt
		class/hwmon/hwmon1/in0_lcrit_alarm: 0
		class/hwmon/hwmon1/in0_input: 5021
		`
)

func TestReads(t *testing.T) {
	for name, c := range map[string]struct {
		open open
		tree string
		cfg  sysfs.Config
		want string
		fail string // part of the error of a poll
	}{
		"w1, slave file":       {sysfs.W1, bus + probe + "w1_slave: " + slaveGood, sysfs.Config{}, "air-temperature=23.125", ""},
		"w1, below zero":       {sysfs.W1, probe + "w1_slave: " + slaveCold, sysfs.Config{}, "air-temperature=-10.125", ""},
		"w1, newer file":       {sysfs.W1, probe + "temperature: 23125\\n\n" + probe + "w1_slave: " + slaveCold, sysfs.Config{}, "air-temperature=23.125", ""},
		"w1, of a pipe":        {sysfs.W1, probe + "temperature: 60000", sysfs.Config{Temperature: "surface-temperature"}, "surface-temperature=60", ""},
		"w1, the second":       {sysfs.W1, probe + "temperature: 1000\n bus/w1/devices/28-ffff/temperature: 2000", sysfs.Config{Device: "28-ff*"}, "air-temperature=2", ""},
		"w1, first is dead":    {sysfs.W1, probe + "temperature: x\n bus/w1/devices/28-ffff/temperature: 2000", sysfs.Config{}, "air-temperature=2", ""},
		"w1, other chips":      {sysfs.W1, "bus/w1/devices/3a-11/state: 1\n" + probe + "temperature: 1000", sysfs.Config{}, "air-temperature=1", ""},
		"w1, bad checksum":     {sysfs.W1, probe + "w1_slave: " + slaveNo, sysfs.Config{}, "", "checksum"},
		"w1, short circuit":    {sysfs.W1, probe + "w1_slave: " + slaveZero, sysfs.Config{}, "", "short circuit"},
		"w1, power-on":         {sysfs.W1, probe + "w1_slave: " + slavePower, sysfs.Config{}, "", "power-on"},
		"w1, power-on, newer":  {sysfs.W1, probe + "temperature: 85000", sysfs.Config{}, "", "power-on"},
		"w1, impossible":       {sysfs.W1, probe + "temperature: -127000", sysfs.Config{}, "", "outside"},
		"w1, empty":            {sysfs.W1, probe + "temperature: ", sysfs.Config{}, "", "no number"},
		"w1, garbage":          {sysfs.W1, probe + "w1_slave: hello", sysfs.Config{}, "", "second line"},
		"w1, garbage after":    {sysfs.W1, probe + `w1_slave: 72 : crc=57 YES\n72 t=warm`, sysfs.Config{}, "", "no t="},
		"w1, no file at all":   {sysfs.W1, probe + "id: x", sysfs.Config{}, "", "not exist"},
		"hwmon, a Pi":          {sysfs.Hwmon, board, sysfs.Config{}, "device-temperature=48.312 voltage=5.021", ""},
		"hwmon, by chip":       {sysfs.Hwmon, board, sysfs.Config{Device: "rpi_*"}, "voltage=5.021", ""},
		"hwmon, by label":      {sysfs.Hwmon, "class/hwmon/hwmon0/temp1_input: 1000\nclass/hwmon/hwmon0/temp2_input: 2000\nclass/hwmon/hwmon0/temp2_label: Tctl", sysfs.Config{Device: "Tctl"}, "device-temperature=2", ""},
		"hwmon, tenth":         {sysfs.Hwmon, "class/hwmon/hwmon10/temp1_input: 10000\nclass/hwmon/hwmon9/temp1_input: 9000", sysfs.Config{}, "device-temperature=9", ""},
		"hwmon, of a room":     {sysfs.Hwmon, "class/hwmon/hwmon2/name: sht3x\nclass/hwmon/hwmon2/temp1_input: 21500\nclass/hwmon/hwmon2/humidity1_input: 40250", sysfs.Config{}, "air-temperature=21.5 relative-humidity=40.25", ""},
		"hwmon, older driver":  {sysfs.Hwmon, "class/hwmon/hwmon0/device/temp1_input: 30000", sysfs.Config{}, "device-temperature=30", ""},
		"hwmon, broken":        {sysfs.Hwmon, "class/hwmon/hwmon0/temp1_input: 30000\nclass/hwmon/hwmon0/temp1_fault: 1", sysfs.Config{}, "", "broken"},
		"hwmon, one of two":    {sysfs.Hwmon, strings.Replace(board, "5021", "?", 1), sysfs.Config{}, "device-temperature=48.312", "in0_input: \"?\" is no number"},
		"hwmon, intrusion":     {sysfs.Hwmon, "class/hwmon/hwmon0/intrusion0_input: 1\n" + board, sysfs.Config{}, "device-temperature=48.312 voltage=5.021", ""},
		"thermal":              {sysfs.Thermal, "class/thermal/thermal_zone0/type: cpu-thermal\nclass/thermal/thermal_zone0/temp: 47236\\n\nclass/thermal/cooling_device0/type: fan", sysfs.Config{}, "device-temperature=47.236", ""},
		"thermal, by type":     {sysfs.Thermal, "class/thermal/thermal_zone0/temp: 1000\nclass/thermal/thermal_zone1/type: gpu\nclass/thermal/thermal_zone1/temp: 2000", sysfs.Config{Device: "gpu"}, "device-temperature=2", ""},
		"iio, converted":       {sysfs.IIO, bme, sysfs.Config{}, "air-temperature=21.87 relative-humidity=45.12 air-pressure=98765.4", ""},
		"iio, raw":             {sysfs.IIO, "bus/iio/devices/iio:device1/in_temp_raw: 5812\nbus/iio/devices/iio:device1/in_temp_offset: -3000\nbus/iio/devices/iio:device1/in_temp_scale: 7.5", sysfs.Config{}, "air-temperature=21.09", ""},
		"iio, raw without":     {sysfs.IIO, "bus/iio/devices/iio:device1/in_illuminance_raw: 812", sysfs.Config{}, "illuminance=812", ""},
		"iio, shared scale":    {sysfs.IIO, "bus/iio/devices/iio:device1/in_voltage_scale: 2.5\nbus/iio/devices/iio:device1/in_voltage3_raw: 400", sysfs.Config{}, "voltage=1", ""},
		"iio, own scale first": {sysfs.IIO, "bus/iio/devices/iio:device1/in_voltage_scale: 2.5\nbus/iio/devices/iio:device1/in_voltage3_scale: 5\nbus/iio/devices/iio:device1/in_voltage3_raw: 400", sysfs.Config{}, "voltage=2", ""},
		"iio, differential":    {sysfs.IIO, "bus/iio/devices/iio:device1/in_voltage0-voltage1_raw: 4\nbus/iio/devices/iio:device1/in_voltage1_raw: 400", sysfs.Config{}, "voltage=0.4", ""},
		"iio, particles":       {sysfs.IIO, "bus/iio/devices/iio:device0/in_massconcentration_pm2p5_input: 12.5\nbus/iio/devices/iio:device0/in_massconcentration_pm10_input: 20", sysfs.Config{}, "pm2.5=12.5 pm10=20", ""},
		"iio, motion chip":     {sysfs.IIO, "bus/iio/devices/iio:device0/in_accel_x_raw: 4\nbus/iio/devices/iio:device0/in_temp_raw: 31000", sysfs.Config{}, "device-temperature=31", ""},
		"iio, by name":         {sysfs.IIO, bme + "bus/iio/devices/iio:device1/in_voltage1_raw: 400", sysfs.Config{Device: "bme*"}, "air-temperature=21.87 relative-humidity=45.12 air-pressure=98765.4", ""},
		"iio, bad scale":       {sysfs.IIO, "bus/iio/devices/iio:device1/in_temp_raw: 58\nbus/iio/devices/iio:device1/in_temp_scale: inf", sysfs.Config{}, "", "scale"},
		"iio, bad offset":      {sysfs.IIO, "bus/iio/devices/iio:device1/in_temp_raw: 58\nbus/iio/devices/iio:device1/in_temp_offset: ", sysfs.Config{}, "", "offset"},
		"iio, garbage":         {sysfs.IIO, "bus/iio/devices/iio:device1/in_temp_raw: " + strings.Repeat("9", 1<<16), sysfs.Config{}, "", "no number"},
	} {
		c.cfg.Period = time.Second
		d, err := c.open(tree(c.tree), c.cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := poll(d)
		if got != c.want || (err != nil) != (c.fail != "") || err != nil && (!errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: got %s, %v; want %s, %q", name, got, err, c.want, c.fail)
		}
		for _, q := range d.Quantities() {
			if _, known := protocol.PropertyOf(q.Prop); !known || q.Period != time.Second {
				t.Errorf("%s: got %+v", name, q)
			}
			if _, err := protocol.ParseDecimal(q.Accuracy); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestUnplugged takes a thermometer off the bus and puts it on again.
func TestUnplugged(t *testing.T) {
	fsys := tree(probe + "temperature: 21000")
	d, err := sysfs.W1(fsys, sysfs.Config{Period: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ text, want string }{{"21000", "air-temperature=21"}, {"", ""}, {"85000", ""}, {"22000", "air-temperature=22"}} {
		if delete(fsys, probe+"temperature"); c.text != "" {
			fsys[probe+"temperature"] = &fstest.MapFile{Data: []byte(c.text)}
		}
		got, err := poll(d)
		if got != c.want || (c.want == "") != errors.Is(err, protocol.Transient) {
			t.Errorf("poll %d: got %s, %v, want %s", i, got, err, c.want)
		}
	}
}

// TestTrue85: a boiler may well have 85 °C.
func TestTrue85(t *testing.T) {
	fsys := tree(probe + "temperature: 84500")
	d, err := sysfs.W1(fsys, sysfs.Config{Period: time.Second, Temperature: "surface-temperature"})
	if err != nil {
		t.Fatal(err)
	}
	poll(d)
	fsys[probe+"temperature"].Data = []byte("85000")
	if got, err := poll(d); got != "surface-temperature=85" {
		t.Errorf("got %s, %v", got, err)
	}
}

// failing is a tree in which files can be opened but not read, as when a chip does not answer.
type failing struct{ fs.FS }

func (f failing) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, "_input") {
		return file, err
	}
	return dead{file, name}, nil
}

type dead struct {
	fs.File
	name string
}

func (d dead) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("input/output error")}
}

func TestNoAnswer(t *testing.T) {
	d, err := sysfs.Hwmon(failing{tree(board)}, sysfs.Config{Period: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := poll(d); got != "" || !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), "temp1_input: input/output error") {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  sysfs.Config
		want error
	}{
		"no such device":   {sysfs.Config{Period: time.Second, Device: "nothing*"}, protocol.NotFound},
		"bad pattern":      {sysfs.Config{Period: time.Second, Device: "["}, protocol.Invalid},
		"no temperature":   {sysfs.Config{Period: time.Second, Temperature: "pm10"}, protocol.Invalid},
		"unknown property": {sysfs.Config{Period: time.Second, Temperature: "heat"}, protocol.Invalid},
		"no period":        {sysfs.Config{}, protocol.Invalid},
	} {
		for i, open := range []open{sysfs.W1, sysfs.Hwmon, sysfs.IIO, sysfs.Thermal} {
			if _, err := open(tree(board+bme+probe+"temperature: 1"), c.cfg); !errors.Is(err, c.want) {
				t.Errorf("%s, driver %d: got %v, want %v", name, i, err, c.want)
			}
			if _, err := open(fstest.MapFS{}, sysfs.Config{Period: time.Second}); !errors.Is(err, protocol.NotFound) {
				t.Errorf("empty tree, driver %d: got %v, want NotFound", i, err)
			}
		}
	}
}

func FuzzSlave(f *testing.F) {
	for _, s := range []string{slaveGood, slaveCold, slaveNo, slaveZero, slavePower, "", "YES\nt=", "YES\nt=99999999999"} {
		f.Add([]byte(strings.ReplaceAll(s, `\n`, "\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := sysfs.W1(fstest.MapFS{probe + "w1_slave": &fstest.MapFile{Data: data}}, sysfs.Config{Period: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		samples, err := d.Read(time.UnixMilli(1))
		if (err == nil) != (len(samples) == 1) {
			t.Fatalf("got %v, %v", samples, err)
		}
		for _, s := range samples {
			if v := s.Reading.Value; !(v >= -55 && v <= 125) {
				t.Errorf("got %v °C", v)
			}
		}
	})
}
