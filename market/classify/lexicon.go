package classify

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// facet is what a word says something about.
type facet uint8

const (
	quantity facet = iota
	medium
	role
	bound     // high, low, most, least
	equipment // a machine: the point is the machine's, not the room's
	facets
)

// mark is one thing that a word says, and how surely, in ‰.
type mark struct {
	facet  facet
	value  string
	weight int
}

type words struct {
	marks  map[string][]mark // by phrase, words divided by one space
	single map[string]bool   // words that stand alone or in phrases
	glue   map[string]bool   // those of them that may be part of a glued word
	first  map[string]int    // most words in a phrase that begins with this one
	bare   map[string]string // words of five letters or more by what is left of them without vowels
}

func (l *words) knows(w string) bool { return l.single[w] }

var lexicon = sync.OnceValue(func() *words {
	l := &words{marks: map[string][]mark{}, single: map[string]bool{}, glue: map[string]bool{}, first: map[string]int{}, bare: map[string]string{}}
	for line := range strings.Lines(lexiconTable + lexiconMore) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		phrases, says, ok := strings.Cut(line, " = ")
		if !ok {
			panic("classify: lexicon: " + line) // a constant: every test would fail
		}
		marks := parseMarks(says)
		for p := range strings.SplitSeq(phrases, "|") {
			parts := strings.Fields(p)
			p = strings.Join(parts, " ")
			l.marks[p] = append(l.marks[p], marks...)
			l.first[parts[0]] = max(l.first[parts[0]], len(parts))
			for _, w := range parts {
				l.single[w] = true
				l.glue[w] = l.glue[w] || len(parts) == 1 && (len(marks) > 0 || len(w) > 2)
			}
		}
	}
	l.bared()
	return l
})

// bared lists the words whose consonants are enough to know them by: four letters or more, with the first one whatever it
// is, that are no word themselves. Words that say different things and look alike without vowels are left out.
func (l *words) bared() {
	for w, glued := range l.glue {
		short := w[:1] + vowels.Replace(w[1:])
		if !glued || len(w) < 5 || len(short) < 4 || short == w || l.single[short] {
			continue
		}
		old, twice := l.bare[short]
		switch {
		case !twice:
			l.bare[short] = w
		case old != "" && slices.Equal(l.marks[old], l.marks[w]):
			l.bare[short] = max(old, w) // whatever the order of the map
		default:
			l.bare[short] = ""
		}
	}
	maps.DeleteFunc(l.bare, func(_, w string) bool { return w == "" })
}

var vowels = strings.NewReplacer("a", "", "e", "", "i", "", "o", "", "u", "")

// parseMarks reads marks such as "q:temperature/900 m:room"; a "." stands for a word known to say nothing.
func parseMarks(says string) []mark {
	var list []mark
	for s := range strings.FieldsSeq(says) {
		if s == "." {
			continue
		}
		name, value, _ := strings.Cut(s, ":")
		value, number, found := strings.Cut(value, "/")
		weight := 1000
		if found {
			var err error
			if weight, err = strconv.Atoi(number); err != nil {
				panic(fmt.Sprintf("classify: lexicon: %q", s))
			}
		}
		f := map[string]facet{"q": quantity, "m": medium, "r": role, "b": bound, "e": equipment}[name]
		list = append(list, mark{f, value, weight})
	}
	return list
}

// hit is a phrase found in a text.
type hit struct {
	at, n  int // first token, number of tokens
	phrase string
	marks  []mark
}

// find looks for the phrases of the lexicon, from left to right, the longest first.
func (l *words) find(tokens []Token) []hit {
	var list []hit
	for i := 0; i < len(tokens); {
		n := 0
		for k := min(l.first[tokens[i].Word], len(tokens)-i); k > 0 && n == 0; k-- {
			p := join(tokens[i : i+k])
			if marks, ok := l.marks[p]; ok {
				list = append(list, hit{i, k, p, marks})
				n = k
			}
		}
		i += max(n, 1)
	}
	return list
}

func join(tokens []Token) string {
	if len(tokens) == 1 {
		return tokens[0].Word
	}
	parts := make([]string, len(tokens))
	for i, t := range tokens {
		parts[i] = t.Word
	}
	return strings.Join(parts, " ")
}

// Known says whether a word, in lower case, is one of the trade: a place is hardly called so.
func Known(word string) bool {
	if lexicon().knows(word) {
		return true
	}
	for _, t := range cut(word) {
		if !lexicon().knows(t.Word) {
			return false
		}
	}
	return word != ""
}
