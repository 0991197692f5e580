package definition

import (
	"encoding/base64"
	"math"
	"unicode/utf16"

	"github.com/iotverse/iotverse/byteball/unit"
)

// The reference is written in JavaScript; these are its notions of what an argument is.

// object returns v if it is an object with at least one field.
func object(v any) (map[string]any, bool) {
	m, _ := v.(map[string]any)
	return m, len(m) > 0
}

// extra says whether m has a field that is not among known.
func extra(m map[string]any, known ...string) bool {
	n := 0
	for _, k := range known {
		if _, ok := m[k]; ok {
			n++
		}
	}
	return n < len(m)
}

// whole returns v if it is a number without fraction, not less than min.
func whole(v any, min float64) (float64, bool) {
	f, ok := v.(float64)
	return f, ok && f >= min && !math.IsInf(f, 0) && math.Trunc(f) == f
}

// falsy is what counts as "not given".
func falsy(v any) bool {
	return v == nil || v == false || v == "" || v == 0.0
}

// length counts UTF-16 code units.
func length(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// isHash says whether v is standard base64 of the length of a hash.
func isHash(v any) bool {
	s, _ := v.(string)
	if len(s) != unit.HashLength {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && base64.StdEncoding.EncodeToString(raw) == s
}
