package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// writeWhole writes a file that is there when it is whole, or not at all. A link stays a link and a file keeps its mode.
// What is no file, such as a pipe or /dev/null, is written as it is: a new file in its place would take it from everybody.
func writeWhole(path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writeAside(path, 0, write)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // also says whether it may be written
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.Join(write(f), f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	return writeAside(path, info.Mode().Perm(), write)
}

// writeAside writes a file under a name of its own and then gives it its name; mode 0 is that of any new file.
func writeAside(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(fmt.Sprintf("%s.%08x.part", path, rand.Uint32()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if mode != 0 {
		if err = f.Chmod(mode); err != nil {
			return err
		}
	}
	if err = write(f); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// same tells if two names mean one file.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && x.Mode().IsRegular() && os.SameFile(x, y)
}
