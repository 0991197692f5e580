package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// events scores text as the command does.
func events(from io.Reader, to, stderr io.Writer) error {
	e := eventRows{name: "x.csv", stderr: stderr}
	if err := e.open(from); err != nil {
		return err
	}
	return e.score(to)
}

// TestEventsRowByRow: the score of a row is there before the next row is written to the pipe.
func TestEventsRowByRow(t *testing.T) {
	from, feed := io.Pipe()
	out, to := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := events(from, to, io.Discard)
		to.CloseWithError(err)
		done <- err
	}()
	lines := bufio.NewScanner(out)
	fmt.Fprintln(feed, "timestamp,value")
	if !lines.Scan() {
		t.Fatal("no header")
	}
	for i := range 300 {
		fmt.Fprintf(feed, "%d,%d\n", 1_700_000_000+i, i%7)
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), fmt.Sprintf("%d,%d,", 1_700_000_000+i, i%7)) {
			t.Fatalf("after row %d: got %q", i, lines.Text())
		}
	}
	feed.Close()
	if lines.Scan() {
		t.Errorf("got %q after the end", lines.Text())
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestEventsGzip(t *testing.T) {
	const text = "timestamp,value\n1,2\n2,3\n"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, text)
	z.Close()
	var got, want bytes.Buffer
	if err := events(&packed, &got, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := events(strings.NewReader(text), &want, io.Discard); err != nil || got.String() != want.String() {
		t.Errorf("got %q, want %q: %v", &got, &want, err)
	}
}

// endless is a file of n rows that is nowhere as a whole.
type endless struct {
	n    int
	rest []byte
}

func (e *endless) Read(p []byte) (int, error) {
	for len(e.rest) == 0 {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = fmt.Appendf(e.rest, "%d,%d.5\n", 1_700_000_000+e.n, e.n*7919%1000)
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestEventsMemory: a longer file takes no more memory.
func TestEventsMemory(t *testing.T) {
	allocated := func(rows int) (bytes uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e := eventRows{name: "x.csv", stderr: io.Discard}
		if err := e.open(io.MultiReader(strings.NewReader("timestamp,value\n"), &endless{n: rows})); err != nil {
			t.Fatal(err)
		}
		if err := e.score(io.Discard); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(e)
		return max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
	}
	allocated(10)
	if long := allocated(20_000); long > 1<<20 {
		t.Errorf("%d bytes are left after 20,000 rows, want at most a megabyte", long)
	}
}

// FuzzEvents: no text makes the command panic, every score is in 0..1, and there are as many lines as good rows.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{"", "timestamp,value\n", "timestamp,value\n1,2\n", "\ufefftimestamp,value\r\n2014-04-10 00:00:00,1e308\r\n3,-1e308",
		"value,x,timestamp\n,,\n1\n\"1\",2,\"3\"\n", "timestamp,value\n\x00\n", "\x1f\x8b", "timestamp,value\n" + strings.Repeat("1,1\n", 60) + "2,9\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		e := eventRows{name: "x.csv", stderr: io.Discard}
		if e.open(bytes.NewReader(text)) != nil {
			return
		}
		err := e.score(&out)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if got := int64(len(lines) - 1); err == nil && got != e.good && !strings.ContainsAny(string(text), "\"\r") {
			t.Errorf("%d lines of %d good rows", got, e.good)
		}
		for _, line := range lines[1:] {
			var score float64
			cell := line[strings.LastIndexByte(line, ',')+1:]
			if _, err := fmt.Sscanf(cell, "%f", &score); err == nil && (score < 0 || score > 1) {
				t.Errorf("score %v in %q", score, line)
			}
		}
	})
}
