package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/seller/privacy"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/seller/sensor/file"
	"github.com/iotverse/iotverse/seller/sensor/host"
	"github.com/iotverse/iotverse/seller/sensor/sysfs"
)

// sellerFlags are what seller run is told.
type sellerFlags struct {
	commonFlags
	sensor, data, quantity, at, device string
	props, titles                      []string
	period                             time.Duration
	price, floor                       uint64
}

func sellerCommand() *cobra.Command {
	var f sellerFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "sell what this device measures",
		Example: `  iotverse seller run --sensor host --at 52.52,13.40
  iotverse seller run --sensor w1 --at 52.52,13.40 --price 3000 --title "supply air temperature, building 3"
  iotverse seller run --sensor file --data temperatures.csv.gz --quantity air-temperature --at 52.52,13.40`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.commonFlags.add(cmd, "seller")
	fl := cmd.Flags()
	fl.StringVar(&f.sensor, "sensor", "host", "driver: host, file, w1, hwmon, iio or thermal")
	fl.StringVar(&f.at, "at", "", "where the sensor stands, LAT,LON in degrees; only its 5 km cell is told")
	fl.StringSliceVar(&f.props, "property", nil, "what of it to sell (default: all that the driver has)")
	fl.StringArrayVar(&f.titles, "title", nil, "what the sensor is called, in words of the trade; PROPERTY=TITLE where several quantities are sold")
	fl.StringVar(&f.data, "data", "", "recording for --sensor file")
	fl.StringVar(&f.quantity, "quantity", "air-temperature", "what the recording is of")
	fl.StringVar(&f.device, "device", "", "pattern for the device or chip of w1, hwmon, iio and thermal (default: any)")
	fl.DurationVar(&f.period, "period", 0, "between readings (default: what the market suggests)")
	fl.Uint64Var(&f.price, "price", 0, "of a batch of perfect data, in bytes (default: the market's example)")
	fl.Uint64Var(&f.floor, "floor", 0, "least price of a batch at integrity 850 (default: what a newcomer gets 60 % of)")
	return group("seller", "sell what sensors measure", withConfig(cmd))
}

func (f *sellerFlags) run(cmd *cobra.Command) error {
	if f.at == "" {
		return usagef("say where the sensor stands: --at LAT,LON")
	}
	cell, err := privacy.Cell(f.at)
	if err != nil {
		return usageError{err}
	}
	m, err := readMarket(f.market)
	if err != nil {
		return err
	}
	p := m.Params
	if f.period == 0 {
		f.period = pace(p)
	}
	d, err := f.driver(cmd)
	if err != nil {
		return err
	}
	price := byteball.Bytes(f.price)
	if price == 0 {
		price = p.Price
	}
	list := products(d, price, byteball.Bytes(f.floor))
	if err := titled(list, f.titles); err != nil {
		return err
	}
	stderr := cmd.ErrOrStderr()
	return running(cmd, &f.commonFlags, bondNeed(p, p.SellerParts, p.SellerBond), func(ctx context.Context, r *rig, settle <-chan struct{}) error {
		fmt.Fprintf(stderr, "iotverse: selling %s in cell %s\n", strings.Join(propsOf(d), ", "), cell)
		return runSeller(ctx, r, d, cell, list, min(privacy.Resolution(p), f.period), printer(stderr), settle)
	})
}

func propsOf(d sensor.Driver) []string {
	var list []string
	for _, q := range d.Quantities() {
		list = append(list, q.Prop)
	}
	return list
}

// driver makes the sensor that the flags name.
func (f *sellerFlags) driver(cmd *cobra.Command) (sensor.Driver, error) {
	root := os.DirFS("/sys")
	cfg := sysfs.Config{Period: f.period, Device: f.device}
	chips := map[string]func(fs.FS, sysfs.Config) (*sysfs.Driver, error){
		"w1": sysfs.W1, "hwmon": sysfs.Hwmon, "iio": sysfs.IIO, "thermal": sysfs.Thermal,
	}
	switch f.sensor {
	case "host":
		return host.New(f.period, f.props...)
	case "file":
		if f.data == "" {
			return nil, usagef("--sensor file needs a recording: --data FILE")
		}
		bad := func(line int, err error) {
			fmt.Fprintf(cmd.ErrOrStderr(), "iotverse: %s:%d skipped: %v\n", f.data, line, err)
		}
		in, err := file.Open(f.data, file.Config{Prop: f.quantity, Bad: bad})
		if err != nil {
			return nil, err
		}
		return file.Play(in, file.Pace{Prop: f.quantity, Period: f.period})
	}
	chip, ok := chips[f.sensor]
	if !ok {
		return nil, usagef("sensor %q: want host, file, w1, hwmon, iio or thermal", f.sensor)
	}
	d, err := chip(root, cfg)
	if err != nil {
		return nil, err
	}
	return d, nil
}
