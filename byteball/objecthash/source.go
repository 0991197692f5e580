// Package objecthash turns JSON trees into the two source strings of the ledger and hashes them. Everything that is hashed
// or addressed on the ledger goes through one of them: the legacy form (definitions and addresses, balls, device messages,
// units of version 1.0) and the JSON form (units since version 2.0). It also reads JSON as ECMAScript does and counts
// sizes. Facts: the reference's string_utils.js, object_hash.js, object_length.js.
//
// A tree is map[string]any, []any, string, float64 or bool. Strings are UTF-8; lone surrogates, which JavaScript can hold,
// are refused by ParseTree. Which fields of a unit are hashed is known by package unit.
package objecthash

import (
	"math"
	"strconv"

	"github.com/iotverse/iotverse/byteball"
)

// Source returns the legacy source string of v: components joined by zero bytes, each value with the letter of its type.
// Error: Invalid for a null, an empty array or object, a zero byte in a string or a number that is not finite.
func Source(v any) (string, error) { return source(v, true) }

// JSONSource returns the JSON source string of v: compact JSON with sorted keys. Error: as Source, but zero bytes are
// escaped.
func JSONSource(v any) (string, error) { return source(v, false) }

func source(v any, legacy bool) (string, error) {
	w := NewWriter(legacy)
	defer w.Free()
	w.Tree(v)
	if w.err != nil {
		return "", describe(w.err, v)
	}
	return string(w.buf), nil
}

// Hash returns the base64 SHA-256 of Source(v).
func Hash(v any) (byteball.Hash, error) { return hash(v, true) }

// JSONHash returns the base64 SHA-256 of JSONSource(v).
func JSONHash(v any) (byteball.Hash, error) { return hash(v, false) }

func hash(v any, legacy bool) (byteball.Hash, error) {
	w := NewWriter(legacy)
	defer w.Free()
	w.Tree(v)
	h, err := w.Hash()
	if err != nil {
		return "", describe(err, v)
	}
	return h, nil
}

func describe(err error, v any) error {
	w := NewJSONWriter()
	defer w.Free()
	w.Tree(v)
	return Describe(err, w.Bytes())
}

// maxDescribed bounds the object that an error quotes.
const maxDescribed = 4096

// Describe adds the object's JSON to an error of a Writer, as the reference's texts do, at most 4096 bytes of it.
func Describe(err error, json []byte) error {
	if len(json) > maxDescribed {
		json = append(append([]byte{}, json[:maxDescribed]...), "..."...)
	}
	return byteball.Errorf(byteball.Invalid, "%s in %s", err, json)
}

// AppendNumber appends f as JavaScript's Number.toString prints it.
func AppendNumber(b []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case f == 0:
		return append(b, '0')
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	case abs >= 1e-6 && abs < 1e21:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); b[n-2] == '0' && (b[n-3] == '-' || b[n-3] == '+') { // e-07 -> e-7
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

// Compare orders strings by UTF-16 code units, as JavaScript sorts keys. It differs from Go's order only between
// characters beyond U+FFFF and those from U+E000 to U+FFFF.
func Compare(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if (x >= 0xf0) != (y >= 0xf0) && x >= 0xee && y >= 0xee {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}
