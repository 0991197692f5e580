package sink_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/buyer/sink"
	"github.com/iotverse/iotverse/protocol"
)

const t0 = 1_700_000_000_123

func batch(w uint64, i int) sink.Batch {
	b := sink.Batch{
		Deal: protocol.Hash{1, 2}, Window: w, Index: i, Seller: protocol.Identity(strings.Repeat("s", 32)), Prop: "air-temperature",
		Cell: "u281z", Integrity: 950, Relevance: 800, Price: 2300,
	}
	for n := range int64(3) {
		b.Readings = append(b.Readings, protocol.Reading{Time: t0 + 1000*n, Value: 20 + float64(i) + float64(n)/8})
	}
	return b
}

func open(t testing.TB, dir, format string) *sink.Sink {
	t.Helper()
	s, err := sink.Open(dir, format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t testing.TB, s *sink.Sink, batches ...sink.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := s.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// content returns the only data file of a folder and what it holds.
func content(t testing.TB, dir string) (name string, text []byte) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "[a-z]*"))
	if len(files) != 1 {
		t.Fatalf("got files %v, want one", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files[0], text
}

func TestJSONLines(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir, "jsonl")
	second := batch(7, 4)
	second.Integrity, second.Relevance = -1, -1
	write(t, s, batch(7, 3), second)
	name, text := content(t, dir)
	if got, want := filepath.Base(name), "air-temperature-"; !strings.HasPrefix(got, want) || filepath.Ext(got) != ".jsonl" {
		t.Errorf("got file %s", got)
	}
	got, want := strings.SplitAfter(string(text), "\n")[0], `{"time":"2023-11-14T22:13:20.123Z","value":23,"unit":"Cel","property":"air-temperature",`+
		`"seller":"…","cell":"u281z","integrity":950,"relevance":800,"price":2300,"window":7,"batch":3,"deal":"0102`+strings.Repeat("00", 30)+"\"}\n"
	cut := func(s string) string { // the seller's hash is the identity's own business
		a, rest, _ := strings.Cut(s, `"seller":"`)
		_, b, _ := strings.Cut(rest, `"`)
		return a + b
	}
	if cut(got) != cut(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var rows int
	for line := range strings.Lines(string(text)) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if _, known := v["integrity"]; known != (v["batch"] == 3.0) {
			t.Errorf("got integrity in %s", line)
		}
		if id := v["seller"].(string); len(id) != 64 {
			t.Errorf("got seller %s, want 64 digits", id)
		}
		rows++
	}
	if rows != 6 {
		t.Errorf("got %d rows, want 6", rows)
	}
}

func TestCSV(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "csv")
	small := batch(1, 2)
	small.Readings[0].Value, small.Integrity = 1e-9, -1
	write(t, s, small)
	s.Close()
	write(t, open(t, dir, "csv"), batch(1, 3), small)
	_, text := content(t, dir)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("got %d rows, %v, want a header and 6", len(rows), err)
	}
	for i, want := range []string{"time", "value", "unit", "property", "seller", "cell", "integrity", "relevance", "price", "window", "batch", "deal"} {
		if rows[0][i] != want {
			t.Errorf("got column %s, want %s", rows[0][i], want)
		}
	}
	if got := rows[1]; got[1] != "1e-09" || got[6] != "" || got[7] != "800" {
		t.Errorf("got %v", got)
	}
}

// TestOnce: the same batch again, in the same process or a later one, changes nothing; any other key is written.
func TestOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "jsonl")
	write(t, s, batch(1, 0), batch(1, 63), batch(2, 0))
	_, want := content(t, dir)
	write(t, s, batch(2, 0), batch(1, 0))
	s.Close()
	s = open(t, dir, "jsonl")
	write(t, s, batch(1, 63), batch(1, 0), batch(2, 0))
	if _, got := content(t, dir); !bytes.Equal(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	other := batch(1, 0)
	other.Deal[31] = 1
	write(t, s, other)
	if _, got := content(t, dir); len(got) <= len(want) {
		t.Error("another deal's batch was not written")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "csv")
	a, b, c := batch(1, 0), batch(1, 1), batch(1, 2)
	b.Prop, c.Seller = "pm2.5", protocol.Identity(strings.Repeat("t", 33))
	write(t, s, a, b, c)
	files, _ := filepath.Glob(filepath.Join(dir, "[a-z]*"))
	if len(files) != 3 {
		t.Fatalf("got %v, want a file for each seller and property", files)
	}
	for _, f := range files {
		if name := filepath.Base(f); strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
			t.Errorf("got name %q", name)
		}
	}
}

// TestCrash stops a write at each byte that it puts on disk. After the next start and delivery the file is as if nothing
// had happened.
func TestCrash(t *testing.T) {
	for _, format := range sink.Formats() {
		for _, before := range [][]sink.Batch{nil, {batch(1, 0)}} {
			dir := t.TempDir()
			s := open(t, dir, format)
			write(t, s, before...)
			journal := filepath.Join(dir, ".journal")
			journal0, _ := os.ReadFile(journal)
			var data0 []byte
			if before != nil {
				_, data0 = content(t, dir)
			}
			write(t, s, batch(1, 1))
			s.Close()
			name, data1 := content(t, dir)
			journal1, _ := os.ReadFile(journal)
			try := func(what string, at int, promised, data []byte) {
				os.WriteFile(journal, promised, 0o644)
				os.WriteFile(name, data, 0o644)
				s := open(t, dir, format)
				defer s.Close()
				write(t, s, batch(1, 1))
				write(t, s, batch(1, 1))
				if _, got := content(t, dir); !bytes.Equal(got, data1) {
					t.Fatalf("%s, %d batches before, %s stopped at %d: got\n%s\nwant\n%s", format, len(before), what, at, got, data1)
				}
			}
			for at := len(journal0); at < len(journal1); at++ {
				try("journal", at, journal1[:at], data0)
			}
			for at := len(data0); at <= len(data1); at++ {
				try("data", at, journal1, data1[:at])
			}
			try("zeros", 0, journal1, append(bytes.Clone(data0), make([]byte, len(data1)-len(data0))...))
			os.WriteFile(journal, journal1, 0o644)
			if before == nil {
				os.Remove(name)
				s := open(t, dir, format)
				write(t, s, batch(1, 1))
				if _, got := content(t, dir); !bytes.Equal(got, data1) {
					t.Errorf("%s, file never made: got %s", format, got)
				}
			}
		}
	}
}

// TestOwner: what the owner of the folder does to the files costs no line of his.
func TestOwner(t *testing.T) {
	for what, c := range map[string]struct {
		do    func(name string, text []byte) []byte
		again bool // is the last batch written again
	}{
		"appended a line":       {func(_ string, text []byte) []byte { return append(text, "note\n"...) }, false},
		"appended without feed": {func(_ string, text []byte) []byte { return append(text, "note"...) }, false},
		"moved it away":         {func(name string, _ []byte) []byte { os.Remove(name); return nil }, false},
		"changed the last line": {func(_ string, text []byte) []byte { text[len(text)-5] = '9'; return append(text, "note\n"...) }, true},
	} {
		dir := t.TempDir()
		s := open(t, dir, "csv")
		write(t, s, batch(1, 0), batch(1, 1))
		s.Close()
		name, text := content(t, dir)
		kept := c.do(name, text)
		if kept != nil {
			os.WriteFile(name, kept, 0o644)
		}
		s = open(t, dir, "csv")
		write(t, s, batch(1, 1), batch(1, 2))
		_, got := content(t, dir)
		if !bytes.HasPrefix(got, kept) {
			t.Errorf("%s: got %s", what, got)
		}
		if n := bytes.Count(got[len(kept):], []byte("\n2023")) + bytes.Count(got[len(kept):len(kept)+4], []byte("2023")); n != 3 && n != 6 || (n == 6) != c.again {
			t.Errorf("%s: got %d new rows in %s", what, n, got[len(kept):])
		}
		for _, row := range strings.Split(strings.TrimSpace(string(got)), "\n") {
			if fields := strings.Split(row, ","); len(fields) != 12 && row != "note" {
				t.Errorf("%s: got row %q", what, row)
			}
		}
	}
}

// TestDamagedJournal: a line spoiled amid the others costs at most a batch written twice.
func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "jsonl")
	write(t, s, batch(1, 0), batch(1, 1), batch(1, 2))
	s.Close()
	journal := filepath.Join(dir, ".journal")
	text, _ := os.ReadFile(journal)
	text[3] ^= 1
	os.WriteFile(journal, text, 0o644)
	write(t, open(t, dir, "jsonl"), batch(1, 0), batch(1, 1), batch(1, 2))
	if _, got := content(t, dir); bytes.Count(got, []byte("\n")) != 12 {
		t.Errorf("got %d lines, want 12: batch 0 twice", bytes.Count(got, []byte("\n")))
	}
}

func TestRefused(t *testing.T) {
	s := open(t, t.TempDir(), "jsonl")
	for what, spoil := range map[string]func(*sink.Batch){
		"path as property":  func(b *sink.Batch) { b.Prop = "../../etc/passwd" },
		"no property":       func(b *sink.Batch) { b.Prop = "" },
		"negative index":    func(b *sink.Batch) { b.Index = -1 },
		"index 64":          func(b *sink.Batch) { b.Index = 64 },
		"no readings":       func(b *sink.Batch) { b.Readings = nil },
		"too many readings": func(b *sink.Batch) { b.Readings = make([]protocol.Reading, protocol.MaxReadings+1) },
		"NaN":               func(b *sink.Batch) { b.Readings[1].Value = math.NaN() },
		"infinite":          func(b *sink.Batch) { b.Readings[1].Value = math.Inf(-1) },
		"time out of range": func(b *sink.Batch) { b.Readings[1].Time = math.MaxInt64 },
		"cell with a comma": func(b *sink.Batch) { b.Cell = "u2,8z" },
		"short identity":    func(b *sink.Batch) { b.Seller = "x" },
	} {
		b := batch(1, 1)
		spoil(&b)
		if err := s.Write(b); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: got %v, want Invalid", what, err)
		}
	}
	s.Close()
	if err := s.Write(batch(1, 1)); err == nil {
		t.Error("a closed sink took a batch")
	}
	if _, err := sink.Open(t.TempDir(), "xml"); !errors.Is(err, protocol.Invalid) {
		t.Errorf("format xml: got %v, want Invalid", err)
	}
}

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "csv")
	if _, err := sink.Open(dir, "csv"); !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: got %v", err)
	}
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o644)
	if _, err := sink.Open(filepath.Join(file, "below"), "csv"); !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), "choose a folder") {
		t.Errorf("a file in the way: got %v", err)
	}
}

// Law: over any deliveries, repetitions and restarts every batch stands in the files exactly once, and whole.
func TestExactlyOnce(t *testing.T) {
	top := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(top, "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := sink.Open(dir, "jsonl")
		if err != nil {
			t.Fatal(err)
		}
		want := map[[2]uint64]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "deliveries") {
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				s.Close()
				if s, err = sink.Open(dir, "jsonl"); err != nil {
					t.Fatal(err)
				}
			}
			w, i := rapid.Uint64Range(0, 1).Draw(t, "window"), rapid.IntRange(0, 2).Draw(t, "index")
			if err := s.Write(batch(w, i)); err != nil {
				t.Fatal(err)
			}
			want[[2]uint64{w, uint64(i)}] = true
		}
		s.Close()
		files, _ := filepath.Glob(filepath.Join(dir, "[a-z]*"))
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		got := map[[2]uint64]int{}
		for line := range strings.Lines(string(text)) {
			var v struct{ Window, Batch uint64 }
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatal(err)
			}
			got[[2]uint64{v.Window, v.Batch}]++
		}
		if len(got) != len(want) {
			t.Fatalf("got batches %v, want %v", got, want)
		}
		for k, n := range got {
			if n != 3 {
				t.Fatalf("got %d readings of %v, want 3", n, k)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	s := open(b, b.TempDir(), "jsonl")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := s.Write(batch(uint64(n/64), n%64)); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
