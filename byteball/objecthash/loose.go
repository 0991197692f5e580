package objecthash

import (
	"strings"
	"unicode/utf8"

	"github.com/iotverse/iotverse/byteball"
)

// Bounds of a loose tree.
const (
	maxLooseDepth = 1000
	maxLooseNodes = 100_000
)

// ParseLoose reads what ParseTree reads and also what the ledger can name but never accepts: trees of up to 1000 levels and
// 100,000 nodes, numbers out of range, and lone surrogates, which it writes as three bytes each (WTF-8). Such a tree is for HashLoose alone.
// Errors: those of ParseTree.
func ParseLoose(data []byte) (any, error) {
	return parse(&parser{data: data, maxDepth: maxLooseDepth, maxNodes: maxLooseNodes, loose: true})
}

// HashLoose is Hash (legacy) or JSONHash of a tree from ParseLoose: the hash that the reference works out before it refuses
// such a tree.
func HashLoose(v any, legacy bool) (byteball.Hash, error) {
	w := NewWriter(legacy)
	defer w.Free()
	w.surrogates = true
	w.Tree(v)
	h, err := w.Hash()
	if err != nil {
		return "", describe(err, v)
	}
	return h, nil
}

// surrogate returns the lone surrogate with which s begins.
func surrogate(s string) (rune, bool) {
	if len(s) < 3 || s[0] != 0xed || s[1]&0xe0 != 0xa0 || s[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
}

// appendSurrogate appends a lone surrogate as WTF-8 does.
func appendSurrogate(b []byte, r rune) []byte {
	return append(b, 0xed, 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
}

// wellFormed reports whether s is UTF-8 apart from lone surrogates.
func wellFormed(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			if _, ok := surrogate(s); !ok {
				return false
			}
			n = 3
		}
		s = s[n:]
	}
	return true
}

// replaced is s as JavaScript encodes it: each lone surrogate becomes U+FFFD.
func replaced(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = min(3, len(s))
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}
