package rate

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/series"
)

// lines calls row for each line of a CSV file, gzip or plain, after the header; cells are looked up by column name.
func lines(r io.Reader, row func(cell func(string) string) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("rate: %v: %w", err, byteball.Invalid)
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	scan := bufio.NewScanner(in)
	var columns map[string]int
	for n := 1; scan.Scan(); n++ {
		cells := strings.Split(scan.Text(), ",")
		if columns == nil {
			columns = map[string]int{}
			for i, c := range cells {
				columns[c] = i
			}
			continue
		}
		err := row(func(name string) string {
			if i, ok := columns[name]; ok && i < len(cells) {
				return cells[i]
			}
			return ""
		})
		if err != nil {
			return fmt.Errorf("rate: line %d: %v: %w", n, err, byteball.Invalid)
		}
	}
	return scan.Err()
}

// ReadCase reads the readings of a fault case: sensor,batch,seq,ts,value, sorted by sensor and as sent.
func ReadCase(name string, r io.Reader) (*series.Case, error) {
	c := &series.Case{Name: name}
	err := lines(r, func(cell func(string) string) error {
		batch, err1 := strconv.ParseInt(cell("batch"), 10, 64)
		t, err2 := strconv.ParseFloat(cell("ts"), 64)
		v, err3 := strconv.ParseFloat(cell("value"), 64)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return err
			}
		}
		put(c, cell("sensor"), batch, detect.Reading{T: int64(t * 1000), V: v})
		return nil
	})
	return c, err
}

func put(c *series.Case, sensor string, batch int64, r detect.Reading) {
	if n := len(c.Streams); n == 0 || c.Streams[n-1].Name != sensor {
		c.Streams = append(c.Streams, series.Stream{Name: sensor})
	}
	s := &c.Streams[len(c.Streams)-1]
	if n := len(s.Batches); n == 0 || s.Batches[n-1].Number != batch {
		s.Batches = append(s.Batches, series.Batch{Number: batch})
	}
	s.Readings = append(s.Readings, r)
	s.Batches[len(s.Batches)-1].End = len(s.Readings)
}

// ReadTruth reads the truth of a fault case into c: sensor,batch,label,type,level,…,warmup.
func ReadTruth(c *series.Case, r io.Reader) error {
	type key struct {
		sensor string
		batch  int64
	}
	where := map[key]*series.Batch{}
	for i := range c.Streams {
		for k := range c.Streams[i].Batches {
			b := &c.Streams[i].Batches[k]
			where[key{c.Streams[i].Name, b.Number}] = b
		}
	}
	return lines(r, func(cell func(string) string) error {
		batch, err := strconv.ParseInt(cell("batch"), 10, 64)
		if err != nil {
			return err
		}
		b := where[key{cell("sensor"), batch}]
		if b == nil {
			return fmt.Errorf("no readings of batch %d of sensor %s", batch, cell("sensor"))
		}
		b.Truth.Label, _ = strconv.Atoi(cell("label"))
		b.Truth.Level, _ = strconv.Atoi(cell("level"))
		b.Truth.Type, b.Truth.Warm = cell("type"), cell("warmup") == "1"
		return nil
	})
}

// ReadSeries reads clean series, ts,sensor,COLUMN, sorted by sensor and time; rows without a value are left out. Batches
// are of 32 readings.
func ReadSeries(name, column string, r io.Reader) (*series.Case, error) {
	c := &series.Case{Name: name}
	counts := map[string]int{}
	err := lines(r, func(cell func(string) string) error {
		t, err := strconv.ParseFloat(cell("ts"), 64)
		if err != nil {
			return err
		}
		v, err := strconv.ParseFloat(cell(column), 64)
		if err != nil {
			return nil
		}
		s := cell("sensor")
		put(c, s, int64(counts[s]/32), detect.Reading{T: int64(t * 1000), V: v})
		counts[s]++
		return nil
	})
	return c, err
}

// Marks pairs the results of series.Run with the truth.
func Marks(c *series.Case, results [][]detect.Result) []Mark {
	var list []Mark
	for i, s := range c.Streams {
		for k, b := range s.Batches {
			list = append(list, Mark{Score: float64(results[i][k].Score), Truth: b.Truth})
		}
	}
	return list
}
