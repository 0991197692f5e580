package rank

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/iotverse/iotverse/market/classify"
)

// phrases of a demand's text that are no names of quantities; each is taken out when read.
const (
	number   = `(\d{1,9}(?:[.,]\d{1,6})?)`
	timeUnit = `(milliseconds?|msec|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|hz)`
)

var (
	everyN    = regexp.MustCompile(`(?i)\b(?:every|each|per|once (?:a|an|per|every)|interval of|period(?: of)?|sampled at|at least every)\s+(?:` + number + `\s*-?)?\s*` + timeUnit + `\b`)
	intervalN = regexp.MustCompile(`(?i)\b` + number + `[\s-]*` + timeUnit + `[\s-]+(?:interval|intervals|resolution|sampling|data|readings|rate|steps?)\b`)
	hertz     = regexp.MustCompile(`(?i)\b(?:at\s+)?` + number + `\s*hz\b`)
	adverb    = regexp.MustCompile(`(?i)\b(hourly|daily|minutely)\b`)
	older     = regexp.MustCompile(`(?i)\b(?:not? older than|at most|no more than|max(?:imum)? age(?: of)?|fresher than|younger than|within the last|newer than)\s+` + number + `\s*` + timeUnit + `\b(?:\s+old\b)?`)
	accurate  = regexp.MustCompile(`(?i)(?:±|\+/-|\+-|\b(?:accuracy(?: of)?|accurate to|within|precision(?: of)?|error (?:below|under)|better than)\s)\s*` + number + `\s*(%rh|[°a-zµ%/]{1,8}[23²³]?)?`)
	floorN    = regexp.MustCompile(`(?i)\b(?:on\s+)?(?:the\s+)?(?:(?:floor|level|storey|flr)\s+(-?\d{1,3}|ground|[a-z]\d?)\b|(\d{1,3})\s*(?:st|nd|rd|th)?\.?\s*(?:floor|flr|storey)\b|(ground|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\s+(?:floor|storey)\b)`)
	inUnit    = regexp.MustCompile(`(?i)(?:\b(?:in|unit|units of)\s+)(°\s?[cfk]|deg ?[cf]|[a-zµ%]{2,8}(?:/[a-z]{1,3}[0-9²³]?)?)(?:\s|,|$|;)`)
)

// reader takes a text apart.
type reader struct {
	text string
	w    *Query
}

// take finds a pattern, blanks it and returns its groups.
func (r *reader) take(re *regexp.Regexp) []string {
	at := re.FindStringSubmatchIndex(r.text)
	if at == nil {
		return nil
	}
	groups := make([]string, len(at)/2)
	for i := range groups {
		if at[2*i] >= 0 {
			groups[i] = r.text[at[2*i]:at[2*i+1]]
		}
	}
	r.text = r.text[:at[0]] + " , " + r.text[at[1]:]
	return groups
}

// read fills a query from a text, but for what fields have said already, and returns what is left: words on the quantity.
func (r *reader) read() string {
	q := r.w
	if g := r.take(older); g != nil && q.maxAge == 0 {
		q.maxAge = duration(g[1] + g[2])
	}
	r.period()
	if g := r.take(accurate); g != nil && q.accuracy == "" {
		q.accuracy = strings.ReplaceAll(g[1], ",", ".")
		if u, ok := classify.UnitOf(g[2]); ok {
			q.accuracyUnit = u
		}
	}
	if g := r.take(floorN); g != nil && len(q.place.floor) == 0 {
		q.place.floor = floorName(g[1] + g[2] + g[3])
	}
	if g := inUnit.FindStringSubmatch(r.text); g != nil && q.unit.ID == "" {
		if u, ok := classify.UnitOf(g[1]); ok {
			q.unit = u
			r.take(inUnit)
		}
	}
	return r.names()
}

func (r *reader) period() {
	var g []string
	period := int64(0)
	switch {
	case match(r, everyN, &g):
		period = duration(g[1] + g[2])
	case match(r, intervalN, &g):
		period = duration(g[1] + g[2])
	case match(r, hertz, &g):
		period = duration(g[1] + "hz")
	case match(r, adverb, &g):
		period = map[string]int64{"hourly": 3_600_000, "daily": 86_400_000, "minutely": 60_000}[strings.ToLower(g[1])]
	}
	if r.w.period == 0 {
		r.w.period = period
	}
}

func match(r *reader, re *regexp.Regexp, g *[]string) bool {
	*g = r.take(re)
	return *g != nil
}

var prepositions = []string{"of", "in", "at", "near", "from", "for", "inside", "within", "on", "to", "by", "around"}

// names reads room and building and the other place names: what follows a preposition, a comma or a word for a kind of
// place and is no word of the trade. It returns the other words.
func (r *reader) names() string {
	words := strings.Fields(strings.NewReplacer(",", " , ", ";", " , ", ":", " , ", "(", " , ", ")", " , ").Replace(r.text))
	var left []string
	for i := 0; i < len(words); {
		low := strings.ToLower(words[i])
		n := 0
		switch {
		case slices.Contains([]string{"room", "rm", "office", "lab"}, low):
			if n = run(words[i+1:], true); n > 0 && len(r.w.place.room) == 0 {
				r.w.place.room = nameOf(strings.Join(words[i+1:i+1+n], " "))
			}
		case slices.Contains([]string{"building", "bldg"}, low):
			if n = run(words[i+1:], true); n > 0 {
				r.building(strings.Join(words[i+1:i+1+n], " "))
			}
		case low == "," || slices.Contains(prepositions, low):
			if n = run(words[i+1:], false); n > 0 {
				r.name(strings.Join(words[i+1:i+1+n], " "))
			}
		}
		if n == 0 {
			left = append(left, words[i])
		} else {
			left = append(left, ",")
		}
		i += n + 1
	}
	return strings.Join(left, " ")
}

func (r *reader) building(text string) {
	if len(r.w.place.building) == 0 {
		r.w.place.building = buildingName(text)
	}
}

func (r *reader) name(text string) {
	n := nameOf(text)
	for _, known := range []name{r.w.place.building, r.w.place.city, r.w.place.country, r.w.place.room} {
		if slices.Equal(n, known) {
			return
		}
	}
	if len(r.w.names) < 8 {
		r.w.names = append(r.w.names, n)
	}
}

// run is the number of words at the beginning that make a name: up to the next preposition or comma, with a word that the
// trade does not know. After a word such as "room" a name is one that has a digit, a capital or is unknown to the trade.
func run(words []string, titled bool) int {
	n := 0
	foreign := false
	for n < len(words) && n < 5 {
		w := words[n]
		low := strings.ToLower(w)
		if low == "," || slices.Contains(prepositions, low) || slices.Contains([]string{"room", "rm", "building", "bldg", "with", "and", "every", "as", "or"}, low) {
			break
		}
		known := classify.Known(low)
		strange := !known || strings.ContainsFunc(w, unicode.IsDigit) && !known
		if titled && n == 0 && !strange {
			return 0
		}
		if titled && n > 0 && !unicode.IsUpper([]rune(w)[0]) {
			break
		}
		foreign = foreign || strange && low != "the" && low != "a" && low != "an"
		n++
	}
	if !foreign {
		return 0
	}
	return n
}
