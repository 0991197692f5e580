package definition

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
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

var (
	feedNumber  = regexp.MustCompile(`^[+-]?(\d+(?:\.\d+)?)(?:[eE][+-]?(\d+))?$`)
	literal     = regexp.MustCompile(`^[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$`)
	baseLiteral = regexp.MustCompile(`^0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)$`)
)

// parseFloat reads a number that has the right form; one that is too large is infinite.
func parseFloat(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// toNumber is what a text is in a calculation: NaN if it writes no number.
func toNumber(s string) float64 {
	s = strings.TrimFunc(s, func(r rune) bool { return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r) })
	switch {
	case s == "":
		return 0
	case literal.MatchString(s):
		return parseFloat(s)
	case baseLiteral.MatchString(s):
		n, _ := new(big.Int).SetString(s, 0)
		f, _ := new(big.Float).SetInt(n).Float64()
		return f
	}
	return math.NaN()
}
