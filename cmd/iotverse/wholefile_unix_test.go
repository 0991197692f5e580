//go:build unix

package main

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe is written and stays a pipe: whoever reads it gets all of it.
func TestWriteWholePipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	both, err := os.OpenFile(pipe, os.O_RDWR, 0) // so that nobody has to wait
	if err != nil {
		t.Fatal(err)
	}
	defer both.Close()
	if err := writeWhole(pipe, func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(pipe)
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is %v now: %v", info.Mode(), err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(both, got); err != nil || string(got) != "whole" {
		t.Errorf("read %q: %v", got, err)
	}
}
