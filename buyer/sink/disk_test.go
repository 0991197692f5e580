//go:build linux

package sink_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer/sink"
	"github.com/iotverse/iotverse/protocol"
)

// TestNoRoom lets the system refuse to make files longer, as a full disk does: nothing of the batch stays, and when there
// is room again the same batch is written.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "jsonl")
	write(t, s, batch(1, 0), batch(1, 1))
	_, want := content(t, dir)
	journal, _ := os.ReadFile(dir + "/.journal")
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Skip(err)
	}
	for _, limit := range []int{len(journal), len(journal) + 20, len(want), len(want) + 1, len(want) + 100} {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(limit), Max: old.Max}); err != nil {
			t.Skip(err)
		}
		err := s.Write(batch(1, 2))
		syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
		if !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), "make room") {
			t.Errorf("at %d bytes: got %v, want Transient and what to do", limit, err)
		}
		if _, got := content(t, dir); !bytes.Equal(got, want) {
			t.Errorf("at %d bytes: got\n%s\nwant\n%s", limit, got, want)
		}
	}
	write(t, s, batch(1, 2), batch(1, 1))
	s.Close()
	write(t, open(t, dir, "jsonl"), batch(1, 2))
	if _, got := content(t, dir); bytes.Count(got, []byte("\n")) != 9 {
		t.Errorf("got %d lines, want 9", bytes.Count(got, []byte("\n")))
	}
}

func TestNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o500)
	if _, err := sink.Open(dir, "csv"); !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), "this user may write") {
		t.Errorf("got %v", err)
	}
}

// TestKill kills a process that writes, again and again, and lets the next one start from the beginning.
func TestKill(t *testing.T) {
	const all = 60
	if dir := os.Getenv("SINK_TEST_DIR"); dir != "" {
		s := open(t, dir, "csv")
		for i := range all {
			write(t, s, batch(1, i))
		}
		return
	}
	dir := t.TempDir()
	child := func() *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestKill$")
		c.Env = append(os.Environ(), "SINK_TEST_DIR="+dir)
		return c
	}
	for i := range 6 {
		c := child()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(10+7*i) * time.Millisecond)
		c.Process.Kill()
		c.Wait()
	}
	if out, err := child().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, got := content(t, dir)
	clean := t.TempDir()
	s := open(t, clean, "csv")
	for i := range all {
		write(t, s, batch(1, i))
	}
	if _, want := content(t, clean); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
