package classify

import (
	"strings"
	"unicode"
)

// MaxText bounds a title or a demand's text, in bytes; what is longer is cut.
const MaxText = 1024

// spelling maps what keyboards and printers write differently onto one form.
var spelling = strings.NewReplacer("₂", "2", "₃", "3", "₄", "4", "²", "2", "³", "3", "µ", "u", "μ", "u", "pm2.5", "pm25", "PM2.5", "PM25",
	"pm2,5", "pm25", "PM2,5", "PM25", "PM2_5", "PM25", "pm2_5", "pm25", "PM₂.₅", "PM25", "'", "", "’", "")

// Token is one word of a title, in lower case, and whether it stood in capitals (two at least).
type Token struct {
	Word   string
	Caps   bool
	number bool
}

// Tokens cuts a title or a text into words: at everything that is neither letter nor digit, between letters and digits,
// between a small and a capital letter, and inside glued abbreviations (ZNT, SUPFLOSP, supplyairtemp) where the lexicon
// covers every letter. It returns at most 128.
func Tokens(text string) []Token {
	if len(text) > MaxText {
		text = text[:MaxText]
	}
	var list []Token
	for _, word := range strings.FieldsFunc(spelling.Replace(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		list = append(list, cut(word)...)
		if len(list) >= 128 {
			return list[:128]
		}
	}
	return list
}

// cut divides a run of letters and digits.
func cut(word string) []Token {
	if low := strings.ToLower(word); lexicon().knows(low) {
		return []Token{token(word)}
	}
	var list []Token
	start := 0
	runes := []rune(word)
	for i := 1; i <= len(runes); i++ {
		if i == len(runes) || unicode.IsDigit(runes[i]) != unicode.IsDigit(runes[i-1]) {
			list = append(list, letters(string(runes[start:i]))...)
			start = i
		}
	}
	return list
}

// letters divides a run of letters: by the lexicon, or else where the case changes.
func letters(run string) []Token {
	whole := token(run)
	if whole.number || lexicon().knows(whole.Word) {
		return []Token{whole}
	}
	least := 3
	if whole.Caps {
		least = 2
	}
	if parts := lexicon().segment(whole.Word, least); parts != nil {
		list := make([]Token, len(parts))
		for i, p := range parts {
			list[i] = Token{Word: p, Caps: whole.Caps}
		}
		return list
	}
	var list []Token
	runes := []rune(run)
	start := 0
	for i := 1; i < len(runes); i++ {
		up, before := unicode.IsUpper(runes[i]), unicode.IsUpper(runes[i-1])
		if (up && !before) || (up && before && i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			list = append(list, piece(string(runes[start:i]))...)
			start = i
		}
	}
	return append(list, piece(string(runes[start:]))...)
}

// piece is a part of a word written in mixed case; it may be glued itself.
func piece(run string) []Token {
	t := token(run)
	if lexicon().knows(t.Word) {
		return []Token{t}
	}
	least := 3
	if t.Caps {
		least = 2
	}
	parts := lexicon().segment(t.Word, least)
	if parts == nil {
		return []Token{t}
	}
	list := make([]Token, len(parts))
	for i, p := range parts {
		list[i] = Token{Word: p, Caps: t.Caps}
	}
	return list
}

func token(run string) Token {
	caps := 0
	for _, r := range run {
		if unicode.IsUpper(r) {
			caps++
		}
	}
	return Token{Word: strings.ToLower(run), Caps: caps > 1, number: run != "" && unicode.IsDigit([]rune(run)[0])}
}

// segment divides a run of letters into words of the lexicon, none shorter than least but for a last single letter of a
// point name's ending (T, H, P, F, C, S), or returns nil. Fewer words win, then the longer first one.
func (l *words) segment(run string, least int) []string {
	n := len(run)
	if n < 3 || n > 32 {
		return nil
	}
	best := make([]int, n+1) // number of words that cover run[i:], 0 none
	next := make([]int, n+1)
	for i := n - 1; i >= 0; i-- {
		for j := n; j > i; j-- {
			if (j < n && best[j] == 0) || !l.part(run[i:j], least, j == n && i > 0) {
				continue
			}
			if cost := best[j] + 1; best[i] == 0 || cost < best[i] {
				best[i], next[i] = cost, j
			}
		}
	}
	if best[0] < 2 || best[0] > 5 {
		return nil
	}
	var parts []string
	for i := 0; i < n; i = next[i] {
		parts = append(parts, run[i:next[i]])
	}
	return parts
}

func (l *words) part(s string, least int, last bool) bool {
	if len(s) == 1 {
		return last && least < 3 && strings.Contains("thpfcs", s)
	}
	return len(s) >= least && l.glue[s]
}
