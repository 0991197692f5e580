package p2p_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

func free(int) error { return nil }

// Law: what is written is read back, and the memory asked for is the frame's length.
func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "frame")
		var wire bytes.Buffer
		if err := p2p.WriteFrame(&wire, frame); err != nil {
			t.Fatal(err)
		}
		asked := 0
		got, err := p2p.ReadFrame(&wire, 3000, func(n int) error { asked = n; return nil })
		if err != nil || !bytes.Equal(got, frame) || asked != len(frame) {
			t.Fatalf("read %d bytes, asked for %d (%v), want %d", len(got), asked, err, len(frame))
		}
	})
}

func TestFrameRefused(t *testing.T) {
	slow := errors.New("deadline")
	for _, tt := range []struct {
		name string
		wire string
		end  error
		want error
	}{
		{"nothing", "", io.EOF, protocol.Invalid},
		{"half a length", "\x00\x00", io.EOF, protocol.Invalid},
		{"empty frame", "\x00\x00\x00\x00", io.EOF, protocol.Invalid},
		{"4 GB", "\xff\xff\xff\xffabc", io.EOF, protocol.Invalid},
		{"a byte over MaxFrame", "\x00\x08\x00\x01", io.EOF, protocol.Invalid},
		{"over the handler's limit", "\x00\x00\x00\x0b12345678901", io.EOF, protocol.Invalid},
		{"cut short", "\x00\x00\x00\x05abc", io.EOF, protocol.Invalid},
		{"bytes after the end", "\x00\x00\x00\x03abcd", io.EOF, protocol.Invalid},
		{"never ends", "\x00\x00\x00\x03abc", slow, protocol.Transient},
		{"slow", "\x00\x00\x00\x03a", slow, protocol.Transient},
	} {
		r := io.MultiReader(bytes.NewReader([]byte(tt.wire)), failing{tt.end})
		if _, err := p2p.ReadFrame(r, 10, free); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	full := errors.New("no memory")
	if _, err := p2p.ReadFrame(bytes.NewReader([]byte("\x00\x00\x00\x03abc")), 10, func(int) error { return full }); !errors.Is(err, protocol.Transient) {
		t.Errorf("no memory: got %v, want Transient", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAnswerRefused(t *testing.T) {
	for _, wire := range []string{"", "\x01", "\x01\x05abc", "\x06\x00", "\x01\x01ab", "\xff\xff" + string(make([]byte, 255))} {
		if err, heard := p2p.ReadAnswer(bytes.NewReader([]byte(wire))); heard || !errors.Is(err, protocol.Transient) {
			t.Errorf("%q: heard %v, %v; want false, Transient", wire, heard, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03abc"), 10)
	f.Add([]byte("\xff\xff\xff\xff"), p2p.MaxFrame)
	f.Fuzz(func(t *testing.T, wire []byte, limit int) {
		limit = min(max(limit, 1), p2p.MaxFrame)
		asked := 0
		frame, err := p2p.ReadFrame(bytes.NewReader(wire), limit, func(n int) error { asked = n; return nil })
		if asked > limit {
			t.Errorf("asked for %d bytes with a limit of %d", asked, limit)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := p2p.WriteFrame(&again, frame); err != nil || !bytes.Equal(again.Bytes(), wire) {
			t.Errorf("%x read as %x", wire, frame)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte("\x01\x03abc"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		err, heard := p2p.ReadAnswer(bytes.NewReader(wire))
		if err != nil && !anyKind(err) {
			t.Errorf("%x: error without a kind: %v", wire, err)
		}
		if !heard && err == nil {
			t.Errorf("%x: accepted without an answer", wire)
		}
	})
}

func anyKind(err error) bool {
	for _, kind := range []error{protocol.Invalid, protocol.Stale, protocol.NotFound, protocol.Funds, protocol.Transient} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// Law: a verdict keeps its kind over the wire.
func TestAnswerRoundTrip(t *testing.T) {
	for _, want := range []error{nil, protocol.Invalid, protocol.Stale, protocol.NotFound, protocol.Funds, protocol.Transient} {
		got, heard := p2p.ReadAnswer(bytes.NewReader(p2p.EncodeAnswer(want)))
		if !heard || !errors.Is(got, want) {
			t.Errorf("got %v (heard %v), want %v", got, heard, want)
		}
	}
}
