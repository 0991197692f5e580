package p2p

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iotverse/iotverse/protocol"
)

// MaxFrame is the largest direct message, bytes (MECHANISM 0).
const MaxFrame = 512 << 10

// A direct message is one stream: four bytes of length (big endian), the frame, end of stream. The answer is one byte of
// kind, one byte of length, a text for people, end of stream.

// writeFrame sends one frame in one write.
func writeFrame(w io.Writer, frame []byte) error {
	buf := make([]byte, 4+len(frame))
	binary.BigEndian.PutUint32(buf, uint32(len(frame)))
	copy(buf[4:], frame)
	_, err := w.Write(buf)
	return err
}

// errTooLong is a frame that another handler might take, but this one does not.
type errTooLong struct{ length, limit int }

func (e errTooLong) Error() string {
	return fmt.Sprintf("frame of %d bytes, at most %d", e.length, e.limit)
}

func (errTooLong) Unwrap() error { return protocol.Invalid }

// readFrame reads one frame up to the end of the stream. reserve is asked before the bytes are allocated.
// Errors: Invalid if the frame is empty, longer than limit, cut short, or followed by more; what reserve says.
func readFrame(r io.Reader, limit int, reserve func(n int) error) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, broken("length", err)
	}
	length := binary.BigEndian.Uint32(head[:])
	if length == 0 || length > MaxFrame {
		return nil, fmt.Errorf("frame of %d bytes, want 1 to %d: %w", length, MaxFrame, protocol.Invalid)
	}
	if int(length) > limit {
		return nil, errTooLong{int(length), limit}
	}
	if err := reserve(int(length)); err != nil {
		return nil, fmt.Errorf("no memory for a frame of %d bytes: %v: %w", length, err, protocol.Transient)
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, broken("frame", err)
	}
	return frame, atEnd(r)
}

// atEnd makes sure that nothing follows.
func atEnd(r io.Reader) error {
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return fmt.Errorf("bytes after the end of the message: %w", protocol.Invalid)
	case err != io.EOF:
		return broken("end", err)
	}
	return nil
}

// broken tells a message cut short (Invalid) from a connection that failed or was too slow (Transient).
func broken(part string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s cut short: %w", part, protocol.Invalid)
	}
	return fmt.Errorf("%s: %v: %w", part, err, protocol.Transient)
}

// answers are the kinds of an answer; the position is the byte on the wire, 0 is "accepted".
var answers = []error{nil, protocol.Invalid, protocol.Stale, protocol.NotFound, protocol.Funds, protocol.Transient}

// maxText is how many bytes of an error's text travel.
const maxText = 200

// encodeAnswer puts a handler's verdict into bytes. An error without a kind is a trouble of our own: the peer may try
// again, and learns no more than that.
func encodeAnswer(verdict error) []byte {
	if verdict == nil {
		return []byte{0, 0}
	}
	for code, kind := range answers {
		if kind != nil && errors.Is(verdict, kind) {
			text := printable(verdict.Error())
			return append([]byte{byte(code), byte(len(text))}, text...)
		}
	}
	return []byte{byte(len(answers) - 1), 0}
}

// readAnswer reads a peer's verdict. It returns heard = false if there was none or it made no sense.
func readAnswer(r io.Reader) (verdict error, heard bool) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("no answer: %v: %w", err, protocol.Transient), false
	}
	text := make([]byte, head[1])
	if _, err := io.ReadFull(r, text); err != nil {
		return fmt.Errorf("answer: %v: %w", err, protocol.Transient), false
	}
	if err := atEnd(r); err != nil || int(head[0]) >= len(answers) || len(text) > maxText {
		return fmt.Errorf("answer of kind %d and %d bytes makes no sense: %w", head[0], len(text), protocol.Transient), false
	}
	if head[0] == 0 {
		return nil, true
	}
	kind := answers[head[0]]
	said := strings.TrimSuffix(printable(string(text)), ": "+kind.Error())
	return fmt.Errorf("refused by the peer: %q: %w", said, kind), true
}

// printable cuts a text to maxText bytes of printable characters: it comes from, or goes to, a stranger's log.
func printable(s string) string {
	out := make([]byte, 0, maxText)
	for _, r := range s {
		if !unicode.IsPrint(r) {
			r = '?'
		}
		if len(out)+utf8.RuneLen(r) > maxText {
			break
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}
