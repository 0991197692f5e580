package classify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
)

// kindsOfPlace are words for a place that name no particular one.
var kindsOfPlace = []string{"building", "bldg", "floor", "level", "storey", "room", "hall", "wing", "roof", "basement", "cellar", "ground", "garden",
	"street", "north", "south", "east", "west", "upper", "lower", "left", "right", "first", "second", "third", "lab", "office", "corridor", "kitchen",
	"workshop", "store", "host"}

// Impersonal returns Invalid unless a title has nothing but words of the trade, words for kinds of places, single letters and
// numbers. So a title can say "supply air temperature, building 3", but no name of anybody and no street. The error names
// the word, and the one that may be meant.
func Impersonal(title string) error {
	for _, word := range strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return strings.ContainsRune(" -.,/", r) }) {
		if len(word) == 1 || strings.Trim(word, "0123456789%") == "" || slices.Contains(kindsOfPlace, word) || Known(word) {
			continue
		}
		hint := ""
		if near := Near(word); near != "" {
			hint = fmt.Sprintf("; %q?", near)
		}
		return fmt.Errorf("title: %q is no word of the trade, and names do not belong into an offer%s: %w", word, hint, byteball.Invalid)
	}
	return nil
}

// Near returns the word of the lexicon that a misspelt one most probably means: the one with the fewest changes of letters,
// at most a third of its length; "" if there is none. Among equals it is the first by name.
func Near(word string) string {
	word = strings.ToLower(word)
	if len(word) < 4 || len(word) > 32 {
		return ""
	}
	best, least := "", len(word)/3+1
	for w := range lexicon().single {
		if d := changes(word, w, least+1); d < least || d == least && best != "" && w < best {
			best, least = w, d
		}
	}
	return best
}

// changes is how many letters to insert, drop, change or swap with the next one make b of a; most where it is no less.
func changes(a, b string, most int) int {
	if len(b) < 4 || len(b) > 32 || len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	var rows [3][33]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		now, up, above := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(up[j]+1, now[j-1]+1, up[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], above[j-2]+1)
			}
		}
	}
	return min(rows[len(a)%3][len(b)], most)
}
