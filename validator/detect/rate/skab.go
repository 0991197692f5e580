package rate

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// pump are the columns of the pump testbed, each a sensor of another quantity.
var pump = []string{"Accelerometer1RMS", "Accelerometer2RMS", "Current", "Pressure", "Temperature", "Thermocouple", "Voltage", "Volume Flow RateRMS"}

// ReadPump reads the experiments of the pump testbed (sensor,datetime,…,anomaly,…; a reading a second): a case for each, in
// which every column is a sensor, batches are of 32 readings, and the label says whether the machine failed (type
// "failing") in at least one of them; all readings are honest.
func ReadPump(r io.Reader) ([]*series.Case, error) {
	var list []*series.Case
	failing := false
	rows := 0
	err := lines(r, func(cell func(string) string) error {
		if name := cell("sensor"); len(list) == 0 || list[len(list)-1].Name != name {
			c := &series.Case{Name: name}
			for _, p := range pump {
				c.Streams = append(c.Streams, series.Stream{Name: name + "/" + p})
			}
			list = append(list, c)
			rows = 0
		}
		c := list[len(list)-1]
		t, err := time.Parse(time.DateTime, cell("datetime"))
		if err != nil {
			return err
		}
		if rows%32 == 0 {
			failing = false
		}
		failing = failing || cell("anomaly") != "0"
		for i, p := range pump {
			v, err := strconv.ParseFloat(cell(p), 64)
			if err != nil {
				return fmt.Errorf("%s: %v", p, err)
			}
			s := &c.Streams[i]
			if rows%32 == 0 {
				s.Batches = append(s.Batches, series.Batch{Number: int64(rows / 32), Truth: series.Truth{Type: "clean"}})
			}
			s.Readings = append(s.Readings, detect.Reading{T: t.UnixMilli(), V: v})
			b := &s.Batches[len(s.Batches)-1]
			if b.End = len(s.Readings); failing {
				b.Truth.Type = "failing"
			}
		}
		rows++
		return nil
	})
	return list, err
}
