package utim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/iotverse/iotverse/protocol"
)

// Create makes new keys and writes them to path, which must not exist: mode 0600, whole or not at all, on disk when
// Create returns. Errors: Invalid if opts asks for neither a passphrase nor Unencrypted, or for both, or path exists;
// otherwise what the system says.
func Create(path string, opts Options) (*Module, error) {
	if (len(opts.Passphrase) == 0) != opts.Unencrypted {
		return nil, fmt.Errorf("utim: create %s: give either a passphrase or leave to store the keys unencrypted: %w", path, protocol.Invalid)
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, exists(path)
	}
	random := randomOr(opts.Rand)
	s, err := newSecrets(opts, random)
	if err != nil {
		return nil, err
	}
	m, err := s.open()
	if err != nil {
		return nil, err
	}
	data, err := encode(s, m.identity, opts, random)
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, data); err != nil {
		return nil, err
	}
	return m, nil
}

// Open reads the keys at path. passphrase is not looked at if the file is unencrypted.
// Errors: NotFound if there is no file; ErrPassphrase; Invalid if others may read the file, it is no key file, of a newer
// version, or damaged; otherwise what the system says.
func Open(path string, passphrase []byte) (*Module, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("utim: no key file at %s: %w", path, protocol.NotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("utim: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("utim: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("utim: %s is not a file: %w", path, protocol.Invalid)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("utim: %s has mode %04o, others may read it; run: chmod 600 %s: %w", path, mode, path, protocol.Invalid)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileMax+1))
	if err != nil {
		return nil, fmt.Errorf("utim: read %s: %w", path, err)
	}
	m, err := decode(data, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func exists(path string) error {
	return fmt.Errorf("utim: %s exists already; keys are never overwritten, move it away first: %w", path, protocol.Invalid)
}

// writeNew writes data beside path, syncs it, and only then gives it its name, without replacing anything.
func writeNew(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("utim: %w", err)
	}
	defer func() {
		if rmErr := os.Remove(tmp.Name()); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
	}()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("utim: write %s: %w", path, err)
	}
	if err := publish(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// publish gives the file its name. A link cannot replace a file; where the file system has none, look first.
func publish(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return exists(path)
	}
	if _, err := os.Lstat(path); err == nil {
		return exists(path)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("utim: %w", err)
	}
	return nil
}

// syncDir makes the new name survive a power cut.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("utim: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("utim: sync %s: %w", dir, err)
	}
	return nil
}
