package objecthash

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/iotverse/iotverse/byteball"
)

// Writer writes one source string value by value, so that a typed record needs no tree. Keys of an object must be given
// in the order of UTF-16 code units (Compare); the Writer does not sort them. The first error sticks and comes out of Sum.
// A Writer is not safe for concurrent use.
type Writer struct {
	buf    []byte
	keys   []string // stack of the keys of the trees being written
	legacy bool
	loose  bool // empty arrays, empty objects and nulls are written, not refused
	filled bool // the innermost array or object has a member before this place
	begun  bool // legacy: something was written

	surrogates bool // lone surrogates are written, as HashLoose wants it
	err        error
}

var writers = sync.Pool{New: func() any { return &Writer{buf: make([]byte, 0, 2048)} }}

// NewWriter returns an empty Writer of the legacy form (definitions, balls, units of version 1.0) or of the JSON form.
// Free gives it back; nothing that it returned depends on it afterwards.
func NewWriter(legacy bool) *Writer {
	w := writers.Get().(*Writer)
	*w = Writer{buf: w.buf[:0], keys: w.keys[:0], legacy: legacy}
	return w
}

// NewJSONWriter returns a Writer of the JSON form that also writes empty arrays, empty objects and nulls: for text that
// is sent or stored, not hashed.
func NewJSONWriter() *Writer {
	w := NewWriter(false)
	w.loose = true
	return w
}

// maxKept bounds what the pool holds on to.
const maxKept = 64 << 10

// Free ends the use of w.
func (w *Writer) Free() {
	clear(w.keys[:cap(w.keys)])
	if cap(w.buf) <= maxKept {
		writers.Put(w)
	}
}

// Bytes returns the text written so far; it belongs to w.
func (w *Writer) Bytes() []byte { return w.buf }

// Err returns the first error, of kind Invalid.
func (w *Writer) Err() error { return w.err }

// Sum returns the SHA-256 of the text, or the first error.
func (w *Writer) Sum() ([32]byte, error) { return sha256.Sum256(w.buf), w.err }

// Hash is Sum in base64.
func (w *Writer) Hash() (byteball.Hash, error) {
	if w.err != nil {
		return "", w.err
	}
	sum := sha256.Sum256(w.buf)
	var text [44]byte
	base64.StdEncoding.Encode(text[:], sum[:])
	return byteball.Hash(text[:]), nil
}

// fail keeps the first error; Describe completes it with the whole object.
func (w *Writer) fail(text string) {
	if w.err == nil {
		w.err = byteball.Errorf(byteball.Invalid, "%s", text)
	}
}

// value makes room for the next value or key.
func (w *Writer) value() {
	if w.filled && !w.legacy {
		w.buf = append(w.buf, ',')
	}
	w.filled = true
}

// component adds a component of the legacy form.
func (w *Writer) component(s string) {
	if w.begun {
		w.buf = append(w.buf, 0)
	}
	w.begun = true
	if w.surrogates {
		s = replaced(s)
	}
	w.buf = append(w.buf, s...)
}

func (w *Writer) open(bracket byte) {
	w.value()
	if !w.legacy {
		w.buf = append(w.buf, bracket)
	} else if bracket == '[' {
		w.component("[")
	}
	w.filled = false
}

func (w *Writer) close(bracket byte, what string) {
	if !w.filled && !w.loose {
		w.fail("empty " + what)
	}
	if !w.legacy {
		w.buf = append(w.buf, bracket)
	} else if bracket == ']' {
		w.component("]")
	}
	w.filled = true
}

// Object and EndObject enclose the members of an object, each a Key and a value.
func (w *Writer) Object() { w.open('{') }

// EndObject refuses an object without members.
func (w *Writer) EndObject() { w.close('}', "object") }

// Array and EndArray enclose the elements of an array.
func (w *Writer) Array() { w.open('[') }

// EndArray refuses an array without elements.
func (w *Writer) EndArray() { w.close(']', "array") }

// Key begins a member.
func (w *Writer) Key(k string) {
	w.value()
	w.filled = false
	if !w.legacy {
		w.quote(k)
		w.buf = append(w.buf, ':')
		return
	}
	if strings.IndexByte(k, 0) >= 0 {
		w.fail("00 byte in object key")
	}
	w.component(k)
}

// String writes s, which must be UTF-8.
func (w *Writer) String(s string) {
	w.value()
	if !w.legacy {
		w.quote(s)
		return
	}
	if strings.IndexByte(s, 0) >= 0 {
		w.fail("00 byte in string value")
	}
	w.component("s")
	w.component(s)
}

// Int writes an integer that JavaScript holds exactly, |n| <= 2^53.
func (w *Writer) Int(n int64) {
	w.number()
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// Number writes f as JavaScript prints it and refuses NaN and infinities.
func (w *Writer) Number(f float64) {
	w.number()
	if f-f != 0 {
		w.fail("invalid number: " + string(AppendNumber(nil, f)))
		return
	}
	w.buf = AppendNumber(w.buf, f)
}

func (w *Writer) number() {
	w.value()
	if w.legacy {
		w.component("n")
		w.component("")
	}
}

// Bool writes true or false.
func (w *Writer) Bool(b bool) {
	w.value()
	if w.legacy {
		w.component("b")
		w.component("")
	}
	w.buf = strconv.AppendBool(w.buf, b)
}

// Tree writes a JSON tree: map[string]any, []any, string, float64, bool. A nil or another type is refused.
func (w *Writer) Tree(v any) {
	switch v := v.(type) {
	case string:
		w.String(v)
	case float64:
		w.Number(v)
	case bool:
		w.Bool(v)
	case []any:
		w.Array()
		for _, e := range v {
			w.Tree(e)
		}
		w.EndArray()
	case map[string]any:
		w.object(v)
	case nil:
		w.null()
	default:
		w.value()
		w.fail("unknown type in a JSON tree")
	}
}

func (w *Writer) null() {
	w.value()
	if !w.loose {
		w.fail("null value")
		return
	}
	w.buf = append(w.buf, "null"...)
}

// object sorts the keys on a stack that w keeps, so that a tree of any depth allocates nothing.
func (w *Writer) object(m map[string]any) {
	first := len(w.keys)
	for k := range m {
		w.keys = append(w.keys, k)
	}
	last := len(w.keys)
	slices.SortFunc(w.keys[first:], Compare)
	w.Object()
	for i := first; i < last; i++ {
		k := w.keys[i]
		w.Key(k)
		w.Tree(m[k])
	}
	w.EndObject()
	w.keys = w.keys[:first]
}

const hex = "0123456789abcdef"

// quote writes s as JSON.stringify does, with every character beyond U+FFFF as two lower-case escapes.
func (w *Writer) quote(s string) {
	w.buf = append(w.buf, '"')
	for {
		n := Plain(s)
		w.buf = append(w.buf, s[:n]...)
		s = s[n:]
		if s == "" {
			break
		}
		if s[0] >= 0x80 {
			if !utf8.ValidString(s) && !(w.surrogates && wellFormed(s)) {
				w.fail("string is not UTF-8")
			}
			w.wide(s)
			break
		}
		w.escape(s[0])
		s = s[1:]
	}
	w.buf = append(w.buf, '"')
}

// Plain returns how many bytes at the beginning of s stand for themselves in JSON: all up to a quote, a backslash, a control
// character or a character beyond ASCII.
func Plain(s string) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 { // eight at a time: a byte is special if its top bit is set in one of the terms
		v := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := v^'"'*ones, v^'\\'*ones
		if (v|(v-0x20*ones)|(quote-ones)|(slash-ones))&tops != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x80 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// wide writes a string with characters beyond ASCII.
func (w *Writer) wide(s string) {
	for i, r := range s {
		if r == utf8.RuneError {
			if lone, ok := surrogate(s[i:]); ok {
				w.unicode(lone)
				continue
			}
			if s[i] != 0xef { // the rest of a lone surrogate, not U+FFFD itself
				continue
			}
		}
		switch {
		case r < 0x20 || r == '"' || r == '\\':
			w.escape(byte(r))
		case r > 0xffff:
			r -= 0x10000
			w.unicode(0xd800 + r>>10)
			w.unicode(0xdc00 + r&0x3ff)
		default:
			w.buf = utf8.AppendRune(w.buf, r)
		}
	}
}

func (w *Writer) escape(c byte) {
	const short = "\"\"\\\\\bb\ff\nn\rr\tt"
	for i := 0; i < len(short); i += 2 {
		if short[i] == c {
			w.buf = append(w.buf, '\\', short[i+1])
			return
		}
	}
	w.unicode(rune(c))
}

func (w *Writer) unicode(r rune) {
	w.buf = append(w.buf, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
