package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file is there when it is whole, or stays as it was; it keeps its mode, and a link to it stays one.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "scores.csv"), filepath.Join(dir, "link.csv")
	broken := errors.New("broken")
	half := func(w io.Writer) error {
		io.WriteString(w, "half")
		return broken
	}
	whole := func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	}
	if err := writeWhole(file, half); !errors.Is(err, broken) {
		t.Errorf("a new file: %v, want %v", err, broken)
	}
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("a failure left %v", list)
	}
	if err := os.WriteFile(file, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("scores.csv", link); err != nil {
		t.Skip(err)
	}
	if err := writeWhole(link, half); !errors.Is(err, broken) {
		t.Errorf("an old file: %v, want %v", err, broken)
	}
	if got, _ := os.ReadFile(file); string(got) != "old" {
		t.Errorf("after a failure %q, want what was there", got)
	}
	if err := writeWhole(link, whole); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(file)
	info, err := os.Lstat(link)
	if err != nil || string(got) != "whole" || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got %q through a link that is %v now: %v", got, info, err)
	}
	if info, err = os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want that of before: %v", info.Mode(), err)
	}
	if err := writeWhole(dir, whole); err == nil {
		t.Error("a folder was written")
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("left over: %v", list)
	}
}
