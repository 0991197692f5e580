// Package rank orders offers by how relevant they are to what a buyer asks for, in words or in fields. It is the search
// before a deal; the relevance that a match signs and a price follows is book.Relevance (MECHANISM 4), over the market's
// own table of properties. Here titles, places and units are as strangers write them, and package classify says what they
// mean. The package leaves out how offers are kept (buyer/catalogue). Called by buyer/catalogue and the command buyer rank.
//
// The score of an offer, in millionths, is a product of factors in ‰, each rounded down, from left to right:
//
//	10⁶ · kind · role · medium · building · city · country · floor · names · room · near · unit · rate · accuracy · age · words
//
//	kind      kinship (1000 same or narrower, 400 broader, 150 sibling, 5 none), 20 where the offer's is unknown
//	role      200 + 4/5 of the likeness of the roles (1000 same, limit and alarm 900, …)
//	medium    1000 same, or none on both sides; 750 one where none is asked, 600 none where one is, 450 another
//	places    1000 the same, 550 unknown, 200 another, each; names are places in a text that fit any field
//	room      1000 the same, 650 unknown, 500 another
//	near      geohash cells: 1000·2r²/(2r²+d²), 0 beyond 3r (the bell of MECHANISM 4 without an exponential)
//	unit      1000 one that converts, 900 unknown, 300 another
//	rate      √(T_req/T_off), accuracy 2/(1+(σ_off/σ_req)²), age a/age, each at most 1000 and 800 if unknown
//	words     900 + 1/10 of the share of the demand's words that stand in title or place
//
// An offer of the market is ranked by what its newest stamp says it is, where there is one (OfOffer); a buyer's node takes the
// score times the Novelty of the stream as its taste (book.Choose). Fill goes the other way, from words to a demand.
//
// A factor of a facet of confidence c is c·f + (1000−c)·u, u the factor where it is unknown. The factors for role and
// place are far apart, those for medium and room near: a stream of the wrong role is of no use, one of the next room may
// be. Laws, tested: a field of an offer that was empty and now says what is demanded never lowers its score; the order
// does not depend on the order of the input.
package rank

import (
	"cmp"
	"slices"

	"github.com/iotverse/iotverse/market/classify"
)

// Offer is what a ranker may see of an offer. Empty fields are unknown.
type Offer struct {
	ID       string  `json:"id"`
	Title    Field   `json:"title"`
	Unit     Field   `json:"unit,omitempty"`
	Building Field   `json:"building,omitempty"`
	City     Field   `json:"city,omitempty"`
	Country  Field   `json:"country,omitempty"`
	Floor    Field   `json:"floor,omitempty"`
	Room     Field   `json:"room,omitempty"`
	Cell     Field   `json:"cell,omitempty"`     // geohash of 5 characters
	Period   Field   `json:"period,omitempty"`   // between readings: seconds, or with a unit (5 min)
	Accuracy Field   `json:"accuracy,omitempty"` // standard deviation in Unit
	Age      Field   `json:"age,omitempty"`      // of the newest reading: seconds, or with a unit
	Labels   *Labels `json:"labels,omitempty"`   // of an offer of the market (OfOffer), nil elsewhere
}

// Want is what a buyer asks for: a text, fields, or both; a field counts more than the text.
type Want struct {
	ID         string   `json:"id"`
	Text       string   `json:"text,omitempty"`
	Structured Fields   `json:"structured"`
	Candidates []string `json:"candidates,omitempty"` // the offers to rank; empty for all
}

// Fields is a structured demand. Medium "other" asks for streams of no medium.
type Fields struct {
	Quantity Field `json:"quantity,omitempty"`
	Role     Field `json:"role,omitempty"`
	Medium   Field `json:"medium,omitempty"`
	Unit     Field `json:"unit,omitempty"`
	Building Field `json:"building,omitempty"`
	City     Field `json:"city,omitempty"`
	Country  Field `json:"country,omitempty"`
	Floor    Field `json:"floor,omitempty"`
	Room     Field `json:"room,omitempty"`
	Cell     Field `json:"cell,omitempty"`
	Radius   Field `json:"radius,omitempty"` // metres
	Period   Field `json:"period,omitempty"`
	Accuracy Field `json:"accuracy,omitempty"` // standard deviation, in Unit
	MaxAge   Field `json:"max_age,omitempty"`
}

// Entry is an offer made ready for scoring. It is read only.
type Entry struct {
	Offer Offer
	Class classify.Class
	place place
	words map[string]bool
	times times
}

// NewEntry classifies an offer, by its title and unit and, if there are any, a window of its readings.
func NewEntry(o Offer, values []float64) Entry {
	o.bound()
	c := classify.Classify(classify.Evidence{Title: string(o.Title), Unit: string(o.Unit), Room: o.Room != "", Values: values, Terse: true})
	if o.Labels != nil {
		o.Labels.put(&c)
	}
	return Entry{Offer: o, Class: c, place: placeOf(o), words: wordsOf(o), times: timesOf(o)}
}

// Ranked is an offer with its score, 0..1,000,000.
type Ranked struct {
	ID    string
	Score int
}

// Order sorts by falling score, equal ones by id: whatever the order of the input, the result is the same.
func Order(list []Ranked) {
	slices.SortFunc(list, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
}

// Rank scores all entries for a query and orders them.
func Rank(q *Query, entries []Entry) []Ranked {
	list := make([]Ranked, len(entries))
	for i := range entries {
		list[i] = Ranked{entries[i].Offer.ID, q.Score(&entries[i])}
	}
	Order(list)
	return list
}
