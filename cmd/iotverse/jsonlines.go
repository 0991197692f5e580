package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/iotverse/iotverse/byteball"
)

// fatal marks an error that ends the work, other than that of one line.
type fatal struct{ error }

// ends makes an error end the work; nil stays nil.
func ends(err error) error {
	if err == nil {
		return nil
	}
	return fatal{err}
}

// maxLine bounds a line of a file, in bytes; maxReports the bad lines that are told one by one.
const (
	maxLine    = 1 << 20
	maxReports = 20
)

// jsonLines hands out the lines of a file that are not blank, the first without a mark of byte order. Lines that each refuses
// are reported on stderr with their number and skipped, unless the error ends the work. Errors: Invalid for a file that is
// empty, binary, or without a single good line.
func jsonLines(stderr io.Writer, path string, in io.Reader, each func(line []byte) error) error {
	r := bufio.NewReaderSize(in, 1<<16)
	good, bad := 0, 0
	for n := 1; ; n++ {
		line, err := readLine(r)
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		long := errors.Is(err, errLongLine)
		last := errors.Is(err, io.EOF)
		switch {
		case err != nil && !long && !last:
			return fmt.Errorf("%s:%d: %w", path, n, err)
		case bytes.IndexByte(line, 0) >= 0 || n == 1 && !utf8.Valid(line):
			return fmt.Errorf("%s:%d: this is no text, want a JSON object on each line: %w", path, n, byteball.Invalid)
		}
		if line = bytes.TrimSpace(line); long || len(line) > maxLine {
			err = errLongLine
		} else if err = nil; len(line) > 0 {
			if err = each(line); err == nil {
				good++
			}
		}
		var end fatal
		if errors.As(err, &end) {
			return end.error
		}
		if err != nil {
			if bad++; bad <= maxReports {
				fmt.Fprintf(stderr, "iotverse: %s:%d: skipped: %v\n", path, n, err)
			}
		}
		if last {
			return sumUp(stderr, path, good, bad)
		}
	}
}

// sumUp ends the reading of a file.
func sumUp(stderr io.Writer, path string, good, bad int) error {
	if bad > maxReports {
		fmt.Fprintf(stderr, "iotverse: %s: %d lines skipped in all\n", path, bad)
	}
	if good == 0 {
		return fmt.Errorf("%s: no line can be read (%d tried), want a JSON object on each: %w", path, bad, byteball.Invalid)
	}
	return nil
}
