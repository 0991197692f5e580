package classify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ballot collects the votes of a classification.
type ballot struct {
	tokens  []Token
	hits    []hit
	given   Unit
	unitRaw string
	point   int // first token of the last part of a path, 0 if the title is none
	demand  bool
	terse   bool
	votes   [facets]map[string]int // value -> ‰
	reasons []string
}

func newBallot(e Evidence) *ballot {
	title := aside(e.Title)
	if len(title) > MaxText {
		title = title[:MaxText]
	}
	at := lastPart(title)
	way := Tokens(title[:at])
	b := &ballot{tokens: append(way, Tokens(title[at:])...), point: len(way), unitRaw: strings.TrimSpace(e.Unit), terse: e.Terse}
	b.tokens = b.tokens[:min(len(b.tokens), 128)]
	if len(b.unitRaw) > 64 {
		b.unitRaw = b.unitRaw[:64]
	}
	b.given, _ = UnitOf(b.unitRaw)
	for i := range b.votes {
		b.votes[i] = map[string]int{}
	}
	b.hits = lexicon().find(b.tokens)
	return b
}

// lastPart is where the last part of a path begins, as in Site/Floor 2/AHU-1/Temp or B1.AHU2.Temp: the name of the point,
// behind those of places and machines; 0 if the title is no path. Separators stand between words, without blanks.
func lastPart(title string) int {
	for i := len(title) - 2; i > 0; i-- {
		c, before, behind := title[i], title[i-1], title[i+1]
		if (c == '/' || c == '.' || c == ':') && before > ' ' && behind > ' ' && !('0' <= before && before <= '9' && '0' <= behind && behind <= '9') {
			return i + 1
		}
	}
	return 0
}

// aside cuts off a remark on where the sensor hangs: it says nothing of what it measures.
func aside(title string) string {
	low := strings.ToLower(title)
	for _, remark := range []string{"sensor in ", "located in ", "sensor at ", "\\"} {
		if i := strings.Index(low, remark); i > 8 && len(low) == len(title) {
			title, low = title[:i], low[:i]
		}
	}
	return title
}

var facetNames = [facets]string{"quantity", "medium", "role", "bound", "equipment"}

// vote joins a vote to those for the same value.
func (b *ballot) vote(f facet, value string, weight int, why string, words ...any) {
	if value == "" || weight <= 0 {
		return
	}
	old := b.votes[f][value]
	b.votes[f][value] = 1000 - (1000-old)*(1000-min(weight, 1000))/1000
	if !b.terse && old < b.votes[f][value] && len(b.reasons) < 32 {
		b.reasons = append(b.reasons, fmt.Sprintf("%s: %s %s, %d ‰", fmt.Sprintf(why, words...), facetNames[f], value, weight))
	}
}

// words lets every phrase vote once; a phrase that comes twice, as in "SUP FLOW Supply Flow", says nothing new.
func (b *ballot) words() {
	seen := map[string]bool{}
	for i, h := range b.hits {
		if seen[h.phrase] {
			continue
		}
		seen[h.phrase] = true
		marks := h.marks
		if b.unitName(i) {
			marks = []mark{{equipment, "machine", 500}}
		} else if changed, ok := b.sense(i); ok {
			marks = changed
		}
		for _, m := range marks {
			weight := m.weight
			if h.at < b.point && !b.demand && b.pointNames(m.facet) {
				weight /= 4 // of a place or a machine on the way to the point
			}
			b.vote(m.facet, m.value, weight, "%q", h.phrase)
		}
	}
}

// pointNames says whether the last part of a path says something about a facet, and more than "value", but for machines, of
// which all parts tell.
func (b *ballot) pointNames(f facet) bool {
	return f != equipment && slices.ContainsFunc(b.hits, func(h hit) bool { return h.at >= b.point && h.names(f, 400) })
}

// unitName says whether an abbreviation that names both a quantity and its medium is the name of a machine: it has a number
// and another quantity follows. RAH10_SAT is the supply air temperature of unit RAH 10.
func (b *ballot) unitName(i int) bool {
	h := b.hits[i]
	j := h.at + h.n
	if h.n > 1 || !h.names(quantity, 0) || !h.names(medium, 0) || j >= len(b.tokens) || !b.tokens[j].number {
		return false
	}
	return slices.ContainsFunc(b.hits[i+1:], func(next hit) bool {
		return slices.ContainsFunc(next.marks, func(m mark) bool {
			return m.facet == quantity && m.weight >= 300 && !slices.ContainsFunc(h.marks, func(o mark) bool { return o.facet == quantity && o.value == m.value })
		})
	})
}

// names says whether a phrase votes for anything of a facet, with a weight of at least so much.
func (h hit) names(f facet, least int) bool {
	return slices.ContainsFunc(h.marks, func(m mark) bool { return m.facet == f && m.weight >= least })
}

// sense is what an ambiguous abbreviation means beside its neighbours.
func (b *ballot) sense(i int) ([]mark, bool) {
	h := b.hits[i]
	switch h.phrase {
	case "rh":
		if b.near(i, 1, "valve_position") || b.nextIs(i, "coil", "sp") || b.nextIs(i, "lvg", "leaving") {
			return []mark{{equipment, "coil", 1000}}, true
		}
	case "sp":
		if b.nextIs(i, "sp", "set", "setpoint", "stpt", "setpt", "sensor", "sens", "static") {
			return []mark{{quantity, "pressure", 850}}, true
		}
		if b.mentions("static") && !b.mentions("setpoint", "setpt", "stpt", "set", "target") && !b.said(i, quantity, "pressure") {
			return []mark{{quantity, "pressure", 850}}, true
		}
	case "output", "outp":
		if b.nextIs(i, "voltage", "current", "power", "frequency", "speed", "amps", "volts") {
			return nil, true // of a drive, measured
		}
	case "ct":
		if j := h.at + h.n; i > 0 && b.hits[i-1].names(equipment, 0) && (j == len(b.tokens) || !b.tokens[j].number) {
			return []mark{{quantity, "electric_current", 600}}, true // the transformer that measures a machine's current
		}
	case "dp":
		if b.votedBefore(i, medium, "outside") || b.nextIs(i, "t", "temp", "temperature") {
			return []mark{{quantity, "dew_point", 600}}, true
		}
	case "room", "rm":
		if j := h.at + h.n; j < len(b.tokens) && b.tokens[j].number {
			return []mark{{medium, "room", 250}}, true // the name of a place
		}
	case "occupied", "occ":
		if b.next(i, role, Setpoint) || b.nextIs(i, "clg", "htg", "cooling", "heating", "flow", "flo", "sp", "setpoint", "min", "max", "mode", "heat", "cool", "temp") {
			return nil, true // when it holds, not what it is
		}
	}
	return nil, false
}

// near says whether one of the next n phrases votes for a kind.
func (b *ballot) near(i, n int, kind string) bool {
	for _, h := range b.hits[i+1 : min(len(b.hits), i+1+n)] {
		if slices.ContainsFunc(h.marks, func(m mark) bool { return m.facet == quantity && m.value == kind }) {
			return true
		}
	}
	return false
}

func (b *ballot) nextIs(i int, words ...string) bool {
	h := b.hits[i]
	j := h.at + h.n
	return j < len(b.tokens) && slices.Contains(words, b.tokens[j].Word)
}

// next says whether the phrase right behind this one votes for a value.
func (b *ballot) next(i int, f facet, value string) bool {
	return i+1 < len(b.hits) && b.hits[i].at+b.hits[i].n == b.hits[i+1].at &&
		slices.ContainsFunc(b.hits[i+1].marks, func(m mark) bool { return m.facet == f && m.value == value })
}

// said says whether a phrase before this one, wherever, votes for a value.
func (b *ballot) said(i int, f facet, value string) bool {
	return slices.ContainsFunc(b.hits[:i], func(h hit) bool {
		return slices.ContainsFunc(h.marks, func(m mark) bool { return m.facet == f && m.value == value })
	})
}

func (b *ballot) votedBefore(i int, f facet, value string) bool {
	return i > 0 && b.hits[i-1].at+b.hits[i-1].n == b.hits[i].at &&
		slices.ContainsFunc(b.hits[i-1].marks, func(m mark) bool { return m.facet == f && m.value == value })
}

// endings reads the single letters that end point names: T temperature, H humidity, P pressure, F flow, C command,
// S status, O output. They count behind a medium, a machine or a number of one, but not before a number of three digits: RM
// C252 is the name of a room. One for a role has no quantity behind it (HW-S-TEMP), a P with a role is a pump.
func (b *ballot) endings() {
	letters := map[string]mark{
		"t": {quantity, "temperature", 600}, "h": {quantity, "humidity", 500}, "p": {quantity, "pressure", 500}, "f": {quantity, "flow", 500},
		"q": {quantity, "flow", 300}, "fl": {quantity, "flow", 500}, "pr": {quantity, "pressure", 500}, "c": {role, Command, 500}, "s": {role, Status, 350}, "o": {role, Command, 350},
	}
	for _, h := range b.hits {
		if !slices.ContainsFunc(h.marks, func(m mark) bool {
			return m.facet == medium || m.facet == equipment || m.value == "damper_position" || m.value == "valve_position"
		}) {
			continue
		}
		j := h.at + h.n
		for j < len(b.tokens) && b.tokens[j].number {
			j++
		}
		if j+1 < len(b.tokens) && slices.Contains([]string{"s", "r"}, b.tokens[j].Word) && letters[b.tokens[j+1].Word].facet == quantity && letters[b.tokens[j+1].Word].weight > 0 {
			j++ // CHW-S-T: of supply or return
		}
		if j < len(b.tokens) && !(j+1 < len(b.tokens) && b.tokens[j+1].number && len(b.tokens[j+1].Word) > 2) {
			m, ok := letters[b.tokens[j].Word]
			switch {
			case !ok, b.tokens[j].Word == "fl" && !airOrWater(h), m.facet == role && b.saysAt(j+1, quantity):
			case m.value == "pressure" && (b.saysAt(j+1, role, Command) || b.saysAt(j+1, role, Status)):
				b.vote(equipment, "pump", 500, "%q with a command or a status", b.tokens[j].Word)
			default:
				b.vote(m.facet, m.value, m.weight, "ending %q behind %q", b.tokens[j].Word, h.phrase)
			}
		}
	}
}

// airOrWater says whether a phrase names a medium that flows: behind a room FL is a floor.
func airOrWater(h hit) bool {
	return slices.ContainsFunc(h.marks, func(m mark) bool { return m.facet == medium && m.value != "room" && m.value != "ground" })
}

// saysAt says whether the phrase at a token, or behind the numbers there, votes for one of the values, or at all.
func (b *ballot) saysAt(token int, f facet, values ...string) bool {
	for token < len(b.tokens) && b.tokens[token].number {
		token++
	}
	i := slices.IndexFunc(b.hits, func(h hit) bool { return h.at == token })
	return i >= 0 && slices.ContainsFunc(b.hits[i].marks, func(m mark) bool {
		return m.facet == f && (len(values) == 0 || slices.Contains(values, m.value))
	})
}

// best returns the value with the most votes (the first by name among equals) and the votes of the next.
func (b *ballot) best(f facet) (value string, votes, second int) {
	for _, v := range slices.Sorted(maps.Keys(b.votes[f])) {
		switch n := b.votes[f][v]; {
		case n > votes:
			value, votes, second = v, n, votes
		case n > second:
			second = n
		}
	}
	return value, votes, second
}

func (b *ballot) guess(f facet) Guess {
	value, votes, second := b.best(f)
	if votes == 0 {
		return Guess{}
	}
	return Guess{value, votes * votes / (votes + second/2)}
}

func (b *ballot) class() Class {
	c := Class{Kind: b.guess(quantity), Medium: b.guess(medium), Role: b.guess(role), Unit: b.given, Machine: len(b.votes[equipment]) > 0, Reasons: b.reasons}
	return c
}
