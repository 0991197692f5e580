// Package sysfs reads the sensor chips that Linux knows: 1-Wire thermometers, hwmon, IIO, thermal zones. Everything is a
// small text file below /sys, given as an fs.FS, so that recorded trees test it. It leaves out raw buses (I²C, SPI, UART).
// The command line builds a driver with os.DirFS("/sys") for sensor.Run.
package sysfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
)

// Config says what to read.
type Config struct {
	Period time.Duration // between polls, 10 ms to 1 hour; a 1-Wire thermometer needs 750 ms for each
	// Device is a pattern (path.Match) for the device: its folder's name, its name file or a channel's label. Empty: any.
	Device string
	// Temperature is the property of the temperatures where the driver cannot know what they are of, a slug of the table.
	// Empty: air-temperature from thermometers, device-temperature from what sits on a board.
	Temperature string
}

// Driver reads one channel of each property: the first that works, in the order of names.
type Driver struct {
	fsys     fs.FS
	period   time.Duration
	channels []*channel
}

// channel is one measured value.
type channel struct {
	prop     string
	accuracy string
	file     string // names the channel in errors
	names    []string
	read     func(fs.FS) (float64, error)
}

// newDriver chooses the channels. Errors: Invalid for a bad Config, NotFound where none matches.
func newDriver(what string, fsys fs.FS, cfg Config, found []*channel) (*Driver, error) {
	if cfg.Period < 10*time.Millisecond || cfg.Period > time.Hour {
		return nil, fmt.Errorf("%s: period of %v, want 10ms to 1h: %w", what, cfg.Period, protocol.Invalid)
	}
	if p, ok := protocol.PropertyOf(cfg.Temperature); cfg.Temperature != "" && (!ok || p.Unit != "Cel") {
		return nil, fmt.Errorf("%s: %.40q is no temperature of the table: %w", what, cfg.Temperature, protocol.Invalid)
	}
	if _, err := path.Match(cfg.Device, ""); err != nil {
		return nil, fmt.Errorf("%s: device %.40q: %w: %w", what, cfg.Device, err, protocol.Invalid)
	}
	d := &Driver{fsys: fsys, period: cfg.Period}
	for _, c := range found {
		if cfg.Device != "" && !slices.ContainsFunc(c.names, func(n string) bool { ok, _ := path.Match(cfg.Device, n); return ok }) {
			continue
		}
		i := slices.IndexFunc(d.channels, func(o *channel) bool { return o.prop == c.prop })
		if i < 0 {
			d.channels = append(d.channels, c)
		} else if _, err := d.channels[i].read(fsys); err != nil {
			if _, err := c.read(fsys); err == nil {
				d.channels[i] = c
			}
		}
	}
	if len(d.channels) == 0 {
		return nil, fmt.Errorf("%s: no sensor%s; is its kernel driver loaded? %w", what, wanted(cfg), protocol.NotFound)
	}
	return d, nil
}

func wanted(cfg Config) string {
	if cfg.Device == "" {
		return ""
	}
	return fmt.Sprintf(" like %q", cfg.Device)
}

// Quantities lists what is measured.
func (d *Driver) Quantities() []sensor.Quantity {
	var q []sensor.Quantity
	for _, c := range d.channels {
		q = append(q, sensor.Quantity{Prop: c.prop, Period: d.period, Accuracy: c.accuracy})
	}
	return q
}

// Read reads every channel once. One that cannot be read is missing and named in a Transient error: it may be plugged in
// again.
func (d *Driver) Read(now time.Time) ([]sensor.Sample, error) {
	var (
		samples []sensor.Sample
		failed  error
	)
	for _, c := range d.channels {
		v, err := c.read(d.fsys)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w: %w", c.file, err, protocol.Transient))
			continue
		}
		samples = append(samples, sensor.Sample{Prop: c.prop, Reading: protocol.Reading{Time: now.UnixMilli(), Value: v}})
	}
	return samples, failed
}

const maxFile = 4096 // bytes, a page: no attribute is larger

// text reads a small file, without the space around it.
func text(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", bare(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	return strings.TrimSpace(string(data)), bare(err)
}

// bare takes the file's name out of an error, since the channel's stands before it.
func bare(err error) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// number reads a file that holds one number.
func number(fsys fs.FS, name string) (float64, error) {
	s, err := text(fsys, name)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%.40q is no number", s)
	}
	return v, nil
}

// glob lists matches in the order that people count in: hwmon2 before hwmon10.
func glob(fsys fs.FS, patterns ...string) []string {
	var all []string
	for _, p := range patterns {
		found, _ := fs.Glob(fsys, p) // a folder that cannot be read holds nothing for us
		slices.SortFunc(found, func(a, b string) int {
			if d := len(a) - len(b); d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		all = append(all, found...)
	}
	return all
}

// labels are the names of a channel that a Config.Device can mean: those of its folder, and of the files given.
func labels(fsys fs.FS, dir string, files ...string) []string {
	names := []string{path.Base(dir)}
	for _, f := range files {
		if s, err := text(fsys, f); err == nil && s != "" {
			names = append(names, s)
		}
	}
	return names
}

func or(s, without string) string {
	if s != "" {
		return s
	}
	return without
}

// milli turns thousandths into units without the error of a multiplication by 0.001.
func milli(v float64) float64 { return v / 1000 }
