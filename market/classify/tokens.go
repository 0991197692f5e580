package classify

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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

// Tokens cuts a title or a text into words: at everything that is neither letter nor digit, between letters and digits
// other than those of a formula (CO2), between a small and a capital letter, inside glued abbreviations (ZNT, SUPFLOSP,
// supplyairtemp) where the lexicon covers every letter, and between a word and the address of a controller that is glued
// to it (Tempai3). A word without its vowels (lght) becomes the word. It returns at most 128.
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
	for word != "" {
		run := word[:runOf(word)]
		word = word[len(run):]
		digits := word[:runOf(word)]
		if n := lexicon().formula(run, digits); n > 0 {
			if run[:n-1] != "" {
				list = append(list, letters(run[:n-1], false)...)
			}
			list = append(list, token(run[n-1:]+digits))
			word = word[len(digits):]
			continue
		}
		list = append(list, letters(run, digits != "")...)
	}
	return list
}

// runOf is the length of the letters, or of the digits, that a word begins with, in bytes.
func runOf(word string) int {
	for i, r := range word {
		if first, _ := utf8.DecodeRuneInString(word); unicode.IsDigit(r) != unicode.IsDigit(first) {
			return i
		}
	}
	return len(word)
}

// letters divides a run of letters: where the case changes if that leaves words of the lexicon only, or else by the lexicon;
// numbered says that a number follows.
func letters(run string, numbered bool) []Token {
	whole := token(run)
	if whole.number || lexicon().knows(whole.Word) {
		return []Token{whole}
	}
	var list []Token
	runes := []rune(run)
	start := 0
	for i := 1; i < len(runes); i++ {
		up, before := unicode.IsUpper(runes[i]), unicode.IsUpper(runes[i-1])
		if (up && !before) || (up && before && i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			list = append(list, piece(string(runes[start:i]), false)...)
			start = i
		}
	}
	if list = append(list, piece(string(runes[start:]), numbered)...); start == 0 || understood(list) {
		return list
	}
	if parts := lexicon().segment(whole.Word, 3); parts != nil {
		return whole.parts(parts)
	}
	if n := lexicon().addressed(whole.Word); numbered && n > 0 {
		return whole.parts([]string{whole.Word[:n], whole.Word[n:]})
	}
	return list
}

// understood says whether all tokens are words of the lexicon or letters that names of points end with.
func understood(list []Token) bool {
	return !slices.ContainsFunc(list, func(t Token) bool { return !lexicon().knows(t.Word) && !isEnding(t.Word) })
}

// parts are words of which a token was glued.
func (t Token) parts(words []string) []Token {
	list := make([]Token, len(words))
	for i, w := range words {
		list[i] = Token{Word: w, Caps: t.Caps}
	}
	return list
}

// piece is a part of a word written in mixed case; it may be glued itself, or lack its vowels.
func piece(run string, numbered bool) []Token {
	l, t := lexicon(), token(run)
	if l.knows(t.Word) {
		return []Token{t}
	}
	least := 3
	if t.Caps {
		least = 2
	}
	if parts := l.segment(t.Word, least); parts != nil {
		return t.parts(parts)
	}
	if full, ok := l.bare[t.Word]; ok {
		return t.parts([]string{full})
	}
	if n := l.addressed(t.Word); numbered && n > 0 {
		return t.parts([]string{t.Word[:n], t.Word[n:]})
	}
	return []Token{t}
}

func token(run string) Token {
	caps := 0
	for _, r := range run {
		switch {
		case unicode.IsUpper(r):
			caps++
		case unicode.IsLower(r):
			caps = -len(run)
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

// formula is 1 + where a formula of the lexicon, such as CO2, begins that a run of letters and the number behind it end
// with; 0 if there is none.
func (l *words) formula(run, digits string) int {
	if digits == "" || len(digits) > 2 {
		return 0
	}
	low := strings.ToLower(run)
	for i := max(0, len(low)-3); i+2 <= len(low) && len(low) == len(run); i++ {
		if l.knows(low[i:] + digits) {
			return i + 1
		}
	}
	return 0
}

// addressed is the length of the word of four letters or more that a controller's name of two to four follows, as where a
// point's name and the address of its input are written together; 0 if there is none. The longest word wins.
func (l *words) addressed(run string) int {
	for n := len(run) - 2; n >= max(4, len(run)-4); n-- {
		if l.glue[run[:n]] {
			return n
		}
	}
	return 0
}

// isEnding says whether a letter is one that names of points end with.
func isEnding(s string) bool { return len(s) == 1 && strings.Contains("thpfcs", s) }

func (l *words) part(s string, least int, last bool) bool {
	if len(s) == 1 {
		return last && least < 3 && isEnding(s)
	}
	return len(s) >= least && l.glue[s]
}
