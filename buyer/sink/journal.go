package sink

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/iotverse/iotverse/protocol"
)

// promise is one line of the journal: this batch is to stand in these bytes of that file.
type promise struct {
	deal          protocol.Hash
	window        uint64
	index         int
	start, length int64
	sum           uint32
	file          string
}

// text ends with a checksum of the line itself, so that a torn line is known.
func (p promise) text() string {
	body := fmt.Sprintf("%x %d %d %d %d %08x %s", p.deal[:], p.window, p.index, p.start, p.length, p.sum, p.file)
	return fmt.Sprintf("%s %08x\n", body, crc32.Checksum([]byte(body), castagnoli))
}

func parsePromise(s string) (promise, error) {
	var (
		p    promise
		deal []byte
		own  uint32
	)
	_, err := fmt.Sscanf(s, "%x %d %d %d %d %x %s %x\n", &deal, &p.window, &p.index, &p.start, &p.length, &p.sum, &p.file, &own)
	copy(p.deal[:], deal)
	if err != nil || p.text() != s || p.index < 0 || p.index >= protocol.MaxBatches || p.start < 0 || p.length < 0 || strings.ContainsAny(p.file, `/\`) {
		return promise{}, fmt.Errorf("journal line %.80q is damaged: %w", s, protocol.Invalid)
	}
	return p, nil
}

// journal is the file of promises and, in memory, a bit for each batch that was written.
type journal struct {
	file *os.File
	size int64 // of the lines that are good
	seen map[window]uint64
	last *promise // the newest line
	from int64    // where it starts
}

// window of a deal; its batches are the bits of a number, since there are protocol.MaxBatches = 64 at most.
type window struct {
	deal protocol.Hash
	n    uint64
}

var errLocked = errors.New("another process writes to this folder")

// openJournal locks and reads the journal. A line that a crash cut off is removed. A damaged one amid others is passed over:
// its batch may then be written twice, but none is lost.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, seen: make(map[window]uint64)}
	if err := lock(f); err != nil {
		f.Close()
		return nil, err
	}
	if err := j.load(); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

func (j *journal) load() error {
	in := bufio.NewReader(j.file)
	for at := int64(0); ; {
		line, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if p, errLine := parsePromise(line); errLine == nil {
			j.keep(p)
			j.last, j.from, j.size = &p, at, at+int64(len(line))
		}
		if at += int64(len(line)); err != nil {
			return j.cut(j.size)
		}
	}
}

// cut ends the journal at size.
func (j *journal) cut(size int64) error {
	if err := j.file.Truncate(size); err != nil {
		return err
	}
	j.size = size
	return j.file.Sync()
}

func (j *journal) has(deal protocol.Hash, w uint64, index int) bool {
	return j.seen[window{deal, w}]>>index&1 == 1
}

// keep remembers that a promise was kept.
func (j *journal) keep(p promise) { j.seen[window{p.deal, p.window}] |= 1 << p.index }

// add writes a promise and waits until it is on disk.
func (j *journal) add(p promise) error {
	text := p.text()
	j.from = j.size
	if _, err := j.file.WriteAt([]byte(text), j.size); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size += int64(len(text))
	return nil
}

// withdraw takes the newest promise back.
func (j *journal) withdraw() error { return j.cut(j.from) }

func (j *journal) close() error { return j.file.Close() }

// repair sees whether the newest promise was kept, and if not, takes it back with what was written of it. A file that has
// more than was promised, or less than there was before, was changed by its owner and is left alone.
func (j *journal) repair(dir string) error {
	if j.last == nil {
		return nil
	}
	p := *j.last
	f, err := os.OpenFile(filepath.Join(dir, p.file), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) && p.start > 0 {
		return nil // moved away by its owner, with the data
	}
	if errors.Is(err, fs.ErrNotExist) {
		return j.forget(p)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size < p.start || kept(f, p) {
		return err
	}
	if size <= p.start+p.length {
		if err := errors.Join(f.Truncate(p.start), f.Sync()); err != nil {
			return err
		}
	}
	return j.forget(p)
}

// kept tells whether the bytes stand where they were promised.
func kept(f *os.File, p promise) bool {
	h := crc32.New(castagnoli)
	n, err := io.Copy(h, io.NewSectionReader(f, p.start, p.length))
	return err == nil && n == p.length && bytes.Equal(h.Sum(nil), []byte{byte(p.sum >> 24), byte(p.sum >> 16), byte(p.sum >> 8), byte(p.sum)})
}

func (j *journal) forget(p promise) error {
	j.seen[window{p.deal, p.window}] &^= 1 << p.index
	return j.withdraw()
}
