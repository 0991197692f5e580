package sink

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write promises b, then keeps the promise. On error both files are as before, or the sink takes nothing any more.
func (s *Sink) write(b Batch) (err error) {
	name := file(&b, s.form)
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	start, lead, err := end(f)
	if err != nil {
		return err
	}
	text := []byte(lead)
	if start == 0 {
		text = append(text, s.form.head()...)
		if err := syncDir(s.dir); err != nil {
			return err
		}
	}
	for _, r := range b.Readings {
		text = s.form.add(text, &b, r)
	}
	p := promise{deal: b.Deal, window: b.Window, index: b.Index, start: start, length: int64(len(text)), sum: crc32.Checksum(text, castagnoli), file: name}
	if err := s.journal.add(p); err != nil {
		return s.takeBack(err, nil, 0)
	}
	_, err = f.WriteAt(text, start)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return s.takeBack(err, f, start)
	}
	s.journal.keep(p)
	return nil
}

// takeBack undoes a write that failed with err: what stands of the data first, then the promise.
func (s *Sink) takeBack(err error, data *os.File, start int64) error {
	var undo error
	if data != nil {
		undo = errors.Join(data.Truncate(start), data.Sync())
	}
	if undo == nil {
		undo = s.journal.withdraw()
	}
	if undo != nil {
		s.broken = hint(fmt.Errorf("the files could not be set back after a failed write (%w); start again: %w", err, undo))
		return s.broken
	}
	return err
}

// end is where a file ends, and a line feed if somebody else's last line lacks it.
func end(f *os.File) (at int64, lead string, err error) {
	at, err = f.Seek(0, io.SeekEnd)
	if err != nil || at == 0 {
		return at, "", err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, at-1); err != nil {
		return at, "", err
	}
	if last[0] != '\n' {
		lead = "\n"
	}
	return at, lead, nil
}
