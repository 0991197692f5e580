package file_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor/file"
)

type rows []protocol.Reading

// read takes everything from a recording: its readings, the lines of its bad rows, and why it ended.
func read(t testing.TB, in io.Reader, cfg file.Config) (got rows, bad []int, err error) {
	t.Helper()
	cfg.Bad = func(line int, err error) {
		if err == nil || err.Error() == "" {
			t.Errorf("line %d is bad without a reason", line)
		}
		bad = append(bad, line)
	}
	r, err := file.NewReader(in, cfg)
	for err == nil {
		var x protocol.Reading
		if x, err = r.Next(); err == nil {
			got = append(got, x)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return got, bad, err
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

func TestCSV(t *testing.T) {
	long := "1700000002," + strings.Repeat("1", 70<<10)
	one, two := rows{{Time: 1700000000000, Value: 1.5}}, rows{{Time: 1700000000000, Value: 1.5}, {Time: 1700000001500, Value: -2}}
	for name, c := range map[string]struct {
		text string
		cfg  file.Config
		want rows
		bad  []int
	}{
		"bare":                   {"1700000000,1.5\n1700000001.5,-2\n", file.Config{}, two, nil},
		"no end of line":         {"1700000000,1.5\n1700000001.5,-2", file.Config{}, two, nil},
		"Windows":                {"\xef\xbb\xbfts,value\r\n1700000000,1.5\r\n1700000001.5,-2\r\n", file.Config{}, two, nil},
		"header":                 {"ts,value\n1700000000,1.5\n1700000001.5,-2\n", file.Config{}, two, nil},
		"RFC 3339":               {"2023-11-14T22:13:20Z,1.5\n2023-11-14T23:13:21.5+01:00,-2\n", file.Config{}, two, nil},
		"time without zone":      {"timestamp,value\n2023-11-14 22:13:20,1.5\n2023-11-14T22:13:21.5,-2\n", file.Config{}, two, nil},
		"empty lines and spaces": {"\n 1700000000 , 1.5 \n\n\n1700000001.5,-2\n\n", file.Config{}, two, nil},
		"quotes":                 {"\"ts\",\"sensor\",\"value\"\n\"1700000000\",\"a, b\",\"1.5\"\n1700000001.5,\"a, b\",-2\n", file.Config{}, two, nil},
		"first sensor":           {"1700000000,a,1.5\n1700000000,b,7\n1700000001.5,a,-2\n", file.Config{}, two, nil},
		"named sensor":           {"1700000000,b,7\n1700000000,a,1.5\n1700000001.5,b,7\n1700000001.5,a,-2\n", file.Config{Sensor: "a"}, two, nil},
		"columns by name":        {"sensor,batch,seq,ts,value\na,0,0,1700000000,1.5\na,0,1,1700000001.5,-2\n", file.Config{}, two, nil},
		"column of the property": {"ts,sensor,pm10,air_temperature\n1700000000,a,3,1.5\n1700000001.5,a,,-2\n", file.Config{Prop: "air-temperature"}, two, nil},
		"unknown names":          {"when,what\n1700000000,1.5\n1700000001.5,-2\n", file.Config{}, two, nil},
		"exponents":              {"1.7e9,15e-1\n", file.Config{}, one, nil},
		"gzip":                   {zipped("ts,value\n1700000000,1.5\n1700000001.5,-2\n"), file.Config{}, two, nil},
		"gzip in two members":    {zipped("ts,value\n1700000000,1.5\n") + zipped("1700000001.5,-2\n"), file.Config{}, two, nil},
		"bad rows": {"ts,value\nx,1\n1700000000,1.5\n1700000000\n1700000000,1,2\n1700000001,\n1700000001,NaN\n1700000001,1e999\n1700000001,0x10\n1700000001,Inf\n1700000001.5,-2\n",
			file.Config{}, two, []int{2, 4, 5, 6, 7, 8, 9, 10}},
		"milliseconds":          {"1700000000,1.5\n1700000000000,3\n-1,3\n", file.Config{}, one, []int{2, 3}},
		"broken quote":          {"1700000000,1.5\n\"1700000001,2\n1700000001.5,-2\n", file.Config{}, two, []int{2}},
		"endless line":          {"1700000000,1.5\n" + long + "\n1700000001.5,-2\n", file.Config{}, two, []int{2}},
		"endless last line":     {"1700000000,1.5\n" + long, file.Config{}, one, []int{2}},
		"zeros amid":            {"1700000000,1.5\n" + strings.Repeat("#", 2000) + "\n\x00\x00\n1700000001.5,-2\n", file.Config{}, two, []int{2, 3}},
		"bad row of another":    {"1700000000,a,1.5\nx,b,1\nx,a,1\n1700000001.5,a,-2\n", file.Config{}, two, []int{3}},
		"endless line, sensors": {"1700000000,a,1.5\n" + long + "\n1700000001.5,a,-2\n", file.Config{}, two, []int{2}},
	} {
		got, bad, err := read(t, strings.NewReader(c.text), c.cfg)
		if err != nil || !slices.Equal(got, c.want) || !slices.Equal(bad, c.bad) {
			t.Errorf("%s: got %v, bad %v, %v; want %v, bad %v", name, got, bad, err, c.want, c.bad)
		}
	}
}

func TestSenML(t *testing.T) {
	air := file.Config{Prop: "air-temperature"}
	two := rows{{Time: 1700000000000, Value: 1.5}, {Time: 1700000001500, Value: -2}}
	for name, c := range map[string]struct {
		text string
		cfg  file.Config
		want rows
		bad  []int
	}{
		"full records":        {`[{"n":"a","t":1700000000,"u":"Cel","v":1.5},{"n":"a","t":1700000001.5,"u":"Cel","v":-2}]`, air, two, nil},
		"base fields":         {`[{"bn":"urn:dev:ow:1:","bt":1.7e9,"bu":"Cel","bv":1,"n":"t","v":0.5},{"n":"t","t":1.5,"v":-3}]`, air, two, nil},
		"base time moves":     {`[{"bn":"a","bt":1700000000,"v":1.5},{"bt":1700000001,"t":0.5,"v":-2}]`, air, two, nil},
		"base value alone":    {`[{"n":"a","bt":1700000000,"bv":1.5},{"n":"a","t":1.5,"v":-3.5}]`, air, two, nil},
		"other quantities":    {`[{"bn":"a/","bt":1700000000,"n":"h","u":"%RH","v":40},{"n":"t","u":"Cel","v":1.5},{"n":"h","t":1.5,"u":"%RH","v":40},{"n":"t","t":1.5,"u":"Cel","v":-2}]`, air, two, nil},
		"named":               {`[{"bt":1700000000,"n":"x","v":9},{"n":"a","v":1.5},{"n":"x","v":9},{"n":"a","t":1.5,"v":-2}]`, file.Config{Sensor: "a"}, two, nil},
		"relative":            {`[{"n":"a","t":-3600,"v":1.5},{"n":"a","t":-3598.5,"v":-2}]`, file.Config{Now: time.Unix(1700003600, 0)}, two, nil},
		"relative, no now":    {`[{"n":"a","t":-3,"v":1},{"n":"a","v":1},{"n":"a","t":1700000000,"v":1.5}]`, air, two[:1], []int{1, 2}},
		"records one by one":  {"{\"n\":\"a\",\"t\":1700000000,\"v\":1.5}\n{\"n\":\"a\",\"t\":1700000001.5,\"v\":-2}\n", air, two, nil},
		"packs one by one":    {"[{\"n\":\"a\",\"bt\":1700000000,\"v\":1.5}]\n[{\"n\":\"a\",\"t\":1700000001.5,\"v\":-2}]\n", air, two, nil},
		"gzip, spaces":        {zipped("\n [ {\"n\":\"a\",\"t\":1700000000,\"v\":1.5} ,\n {\"n\":\"a\",\"t\":1700000001.5,\"v\":-2} ] "), air, two, nil},
		"bad records":         {`[{"n":"a","bt":1700000000,"v":1.5},{"n":"a","vs":"hot"},{"n":"a","vb":true},7,{"n":"a","v":"1"},{"n":"a","u":"K","v":1},{"n":"a","must_":1,"v":1},{"n":"a","t":1e12,"v":1},{"n":"a","t":1.5,"v":-2}]`, air, two, []int{2, 3, 4, 5, 6, 7, 8}},
		"version":             {`[{"n":"a","t":1700000000,"v":1.5},{"bver":11,"n":"a","t":1700000000,"v":1}]`, air, two[:1], []int{2}},
		"sum is infinite":     {`[{"n":"a","bt":1700000000,"bv":1.7e308,"v":1.7e308},{"n":"a","bv":0,"v":1.5}]`, air, two[:1], []int{1}},
		"unknown fields pass": {`[{"n":"a","t":1700000000,"v":1.5,"ut":30,"x":{"y":[1]}}]`, air, two[:1], nil},
	} {
		got, bad, err := read(t, strings.NewReader(c.text), c.cfg)
		if err != nil || !slices.Equal(got, c.want) || !slices.Equal(bad, c.bad) {
			t.Errorf("%s: got %v, bad %v, %v; want %v, bad %v", name, got, bad, err, c.want, c.bad)
		}
	}
}

func TestUnusable(t *testing.T) {
	whole := zipped("ts,value\n" + strings.Repeat("1700000000,1.5\n", 3000))
	for name, text := range map[string]string{
		"empty":                "",
		"blank":                " \n\r\n ",
		"binary":               "\x7fELF\x02\x01\x01\x00\x00",
		"picture":              "\x89PNG\r\n\x1a\n\xff\xd8",
		"gzipped binary":       zipped("\x00\x01\x02"),
		"empty gzip":           zipped(""),
		"gzip torn at once":    whole[:5],
		"gzip torn":            whole[:len(whole)-12],
		"header only":          "ts,value\n",
		"bad rows only":        "ts,value\n1,x\n2,y\n",
		"prose":                "Dear Sir,\nplease find attached\n",
		"one column":           "1\n2\n",
		"too many columns":     "1700000000,a,b,1\n",
		"no such column":       "ts,sensor,pm10,no2\n1700000000,a,1,2\n",
		"no such sensor":       "1700000000,a,1\n",
		"empty pack":           "[]",
		"torn pack":            `[{"n":"a","t":1700000000,"v":1},{"n":"a"`,
		"endless pack":         `[{"n":"a","t":1700000000,"v":1}`,
		"garbage after a pack": `[{"n":"a","t":1700000000,"v":1}] 7`,
		"text in a pack":       `[{"n":"a","t":1700000000,"v":1},hello]`,
		"huge record":          `[{"n":"` + strings.Repeat("a", 3<<20) + `","t":1700000000,"v":1}]`,
		"deep":                 "[" + strings.Repeat("[", 100_000),
	} {
		_, _, err := read(t, strings.NewReader(text), file.Config{Sensor: map[bool]string{true: "z"}[name == "no such sensor"]})
		if !errors.Is(err, protocol.Invalid) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line of Invalid", name, err)
		}
	}
	dir := t.TempDir()
	if _, err := file.Open(filepath.Join(dir, "none.csv"), file.Config{}); !errors.Is(err, protocol.NotFound) {
		t.Errorf("no file: got %v, want NotFound", err)
	}
	if _, err := file.Open(dir, file.Config{}); err == nil {
		t.Error("opened a folder")
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.csv.gz")
	os.WriteFile(path, []byte(zipped("1700000000,b7,2\n")), 0o644)
	r, err := file.Open(path, file.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if x, err := r.Next(); err != nil || x.Value != 2 || r.Sensor() != "b7" {
		t.Errorf("got %v of %q, %v", x, r.Sensor(), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// endless gives lines until it has given size bytes.
type endless struct {
	line       string
	given, end int
	n          int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.given >= e.end {
		return 0, io.EOF
	}
	n := 0
	for len(p)-n > 80 {
		n += copy(p[n:], fmt.Sprintf(e.line, 1700000000+e.n, e.n%97))
		e.n++
	}
	e.given += n
	return n, nil
}

// TestLargeFile reads 12 MB and looks at the memory on the way.
func TestLargeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("12 MB twice")
	}
	for name, in := range map[string]io.Reader{
		"CSV":   &endless{line: "%d,sensor,%d.25\n", end: 12 << 20},
		"SenML": &endless{line: "{\"n\":\"a\",\"t\":%d,\"v\":%d.25}\n", end: 12 << 20},
	} {
		r, err := file.NewReader(in, file.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		before, most, n := m.HeapAlloc, uint64(0), 0
		for {
			if _, err := r.Next(); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
			if n++; n%50_000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		if n < 250_000 || most > before+2<<20 {
			t.Errorf("%s: %d readings took %d bytes of memory, want under 2 MB", name, n, int64(most)-int64(before))
		}
	}
}

// fuzz checks what holds for any input: no panic, one line of error, finite values, times that a pack can hold.
func fuzz(t *testing.T, data []byte, cfg file.Config) {
	got, _, err := read(t, bytes.NewReader(data), cfg)
	if err != nil && !errors.Is(err, protocol.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
	if err == nil && len(got) == 0 {
		t.Error("got neither a reading nor an error")
	}
	for _, r := range got {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || r.Time < 0 || r.Time > 1e13 {
			t.Errorf("got %v", r)
		}
	}
	p, _ := protocol.PropertyOf("air-temperature")
	if n := min(len(got), protocol.MaxReadings); n > 0 {
		if _, err := protocol.EncodePack(p, got[:n]); err != nil {
			t.Error(err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"ts,value\n1700000000,1.5\n", "1700000000,a,1.5\r\n\"1\",\"b\",2\n", "2023-11-14T22:13:20Z,1.5\nx\n", zipped("1,2\n"), "\xef\xbb\xbf,\n,,\n", "ts,x,value,pm10\n1,2,3,4\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzz(t, append([]byte("1700000000,1\n"), data...), file.Config{})
		fuzz(t, data, file.Config{Prop: "pm10"})
	})
}

func FuzzSenML(f *testing.F) {
	for _, s := range []string{`[{"bn":"a","bt":1.7e9,"bv":1,"v":2},{"t":1,"v":3}]`, `{"n":"a","t":1,"v":2}`, `[] []`, `[{"v":null},{"must_":1}]`, `[[1]]`, `[{"bt":-1e308,"t":-1e308,"v":1e308,"bv":1e308}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzz(t, append([]byte("["), data...), file.Config{Prop: "air-temperature", Now: time.Unix(1700000000, 0)})
		fuzz(t, append([]byte("{"), data...), file.Config{})
	})
}

func BenchmarkNext(b *testing.B) {
	for name, line := range map[string]string{"CSV": "%d,sensor,%d.25\n", "SenML": "{\"n\":\"a\",\"t\":%d,\"v\":%d.25}\n"} {
		b.Run(name, func(b *testing.B) {
			r, err := file.NewReader(&endless{line: line, end: math.MaxInt}, file.Config{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
