package rank

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/protocol"
)

// Labels are what a market says of a stream in so many words: its offer, or better the class that its newest stamp states.
// They count as sure.
type Labels struct {
	Kind   Field `json:"kind,omitempty"` // slug of a classify.Kind; empty where the title decides
	Role   Field `json:"role,omitempty"`
	Medium Field `json:"medium,omitempty"`
}

// put lets labels count more than what a title says.
func (l *Labels) put(c *classify.Class) {
	set := func(g *classify.Guess, value Field) {
		if value != "" {
			*g = classify.Guess{Value: short(string(value), MaxField), Confidence: 1000}
		}
	}
	set(&c.Kind, l.Kind)
	set(&c.Role, l.Role)
	set(&c.Medium, l.Medium)
}

// kindOf is the kind of each property of the market's table, "" where the lexicon has no word for it.
var kindOf = sync.OnceValue(func() map[string]string {
	kinds := map[string]string{}
	for _, slug := range protocol.Properties() {
		p, _ := protocol.PropertyOf(slug)
		kinds[slug] = classify.Classify(classify.Evidence{Title: words(slug), Unit: p.Unit, Terse: true}).Kind.Value
	}
	return kinds
})

func words(slug string) string { return strings.ReplaceAll(slug, "-", " ") }

// OfOffer is a market's offer as a ranker sees it. class is what its newest stamp says, nil before the first; age is that of
// its newest reading, 0 if unknown. Where the stamp has corrected the seller's words they do not count.
func OfOffer(id string, o *protocol.Offer, class *protocol.Class, age time.Duration) Offer {
	r := Offer{ID: id, Title: Field(o.Title), Unit: Field(o.Unit), Cell: Field(o.Cell), Period: milli(o.Period), Accuracy: Field(o.Accuracy),
		Labels: &Labels{Kind: Field(kindOf()[o.Prop]), Role: Field(protocol.RoleOf(o.Role)), Medium: Field(o.Medium)}}
	prop := o.Prop
	if class != nil {
		if class.Prop != o.Prop || class.Unit != o.Unit {
			r.Title, prop = "", class.Prop
		}
		r.Unit, r.Period, r.Accuracy = Field(class.Unit), milli(class.Period), Field(class.Accuracy)
		*r.Labels = Labels{Kind: Field(kindOf()[class.Prop]), Role: Field(protocol.RoleOf(class.Role)), Medium: Field(class.Medium)}
	}
	if age > 0 {
		r.Age = milli(uint64(age.Milliseconds()))
	}
	q := &Query{}
	(&reader{string(r.Title), q}).read()
	r.Building, r.Floor, r.Room = Field(q.place.building.spoken().String()), Field(q.place.floor.String()), Field(q.place.room.String())
	r.Title = Field(strings.TrimSpace(string(r.Title) + " " + words(prop)))
	return r
}

func milli[T uint32 | uint64](n T) Field { return Field(strconv.FormatUint(uint64(n), 10) + "ms") }

// OfDemand is a market's demand as a query; text is what the buyer wrote, if it wrote any.
func OfDemand(d *protocol.Demand, text string) *Query {
	return Read(Want{Text: text, Structured: Fields{Quantity: Field(kindOf()[d.Prop]), Role: Field(protocol.RoleOf(d.Role)), Medium: Field(d.Medium),
		Unit: Field(d.Unit), Cell: Field(d.Cell), Radius: Field(strconv.FormatUint(uint64(d.Radius), 10)), Period: milli(d.Period), Accuracy: Field(d.Accuracy)}})
}

// aliases are further words for properties.
var aliases = map[string]string{
	"device-temperature": "cpu chip board processor machine", "host-processes": "process processes", "host-memory-used": "ram", "host-timer-latency": "jitter",
	"pm2.5": "dust", "pm10": "dust",
}

// Fill writes what a text asks for into the fields of a market's demand: property, unit, medium, role and, where the text
// says them, period, accuracy (converted into the property's unit) and the age at which a reading is worth half. What the
// text does not say stays as it is. Errors: Invalid, with what is for sale, if the text names no quantity or one that the
// market does not know; a word that is probably misspelt is named.
func (q *Query) Fill(d *protocol.Demand) error {
	slug, err := q.property()
	if err != nil {
		return err
	}
	p, _ := protocol.PropertyOf(slug)
	d.Prop, d.Unit, d.Medium, d.Role = p.Slug, p.Unit, q.Medium, q.Role
	if k, ok := classify.KindOf(q.Kind); ok && k.Medium == d.Medium {
		d.Medium = "" // it goes without saying, so sellers do not say it
	}
	if q.period > 0 {
		d.Period = uint32(min(q.period, 1<<31))
	}
	if q.maxAge > 0 {
		d.HalfLife = uint32(min(max(q.maxAge/1000, 1), 1<<31))
	}
	if q.accuracy == "" {
		return nil
	}
	d.Accuracy, err = q.accuracyIn(p.Unit)
	return err
}

// Properties are those of the market's table that may serve the query, the same or related ones; all where it names no kind.
func (q *Query) Properties() []string {
	var list []string
	for _, slug := range protocol.Properties() {
		if kind := kindOf()[slug]; q.Kind == "" || kind == "" || classify.Kinship(q.Kind, kind) > 0 {
			list = append(list, slug)
		}
	}
	return list
}

// accuracyIn expresses the accuracy asked for in a unit, as a plain decimal of at most 16 characters.
func (q *Query) accuracyIn(unit string) (string, error) {
	v := decimal(q.accuracy)
	to, known := classify.UnitOf(unit)
	if v == nil {
		return "", fmt.Errorf("accuracy %.20q: want a number above 0: %w", q.accuracy, protocol.Invalid)
	}
	if from := q.accuracyUnit; known && from.ID != "" && from.ID != to.ID {
		c, err := classify.Convert(v, from, to, true)
		if err != nil {
			return "", fmt.Errorf("accuracy %s %s: the quantity is measured in %s: %w", q.accuracy, from.ID, unit, err)
		}
		v = c
	}
	rounded := new(apd.Decimal)
	if _, err := apd.BaseContext.WithPrecision(4).Round(rounded, v); err != nil {
		return "", fmt.Errorf("accuracy %s: %v: %w", q.accuracy, err, protocol.Invalid)
	}
	text := rounded.Text('f')
	_, err := protocol.ParseDecimal(text)
	return text, err
}

// property is the slug of the property that is asked for: of the kind that the text names and, among those, with the most of
// its words.
func (q *Query) property() (string, error) {
	if q.guessed {
		plain := *q
		plain.Kind, plain.guessed = "", false
		return plain.property()
	}
	best, most := "", 0
	for _, slug := range protocol.Properties() {
		score := 0
		kind := kindOf()[slug]
		if q.Kind != "" && kind != "" && classify.Kinship(q.Kind, kind) == 1000 {
			score = 1000
		}
		if q.Kind != "" && score == 0 && kind != "" {
			continue
		}
		for _, t := range classify.Tokens(words(slug) + " " + aliases[slug]) {
			if slices.Contains(q.words, t.Word) || slices.Contains(q.text, t.Word) {
				score += 10
			}
		}
		if score > most {
			best, most = slug, score
		}
	}
	switch {
	case best != "" && (q.Kind == "" || most >= 1000 || kindOf()[best] == ""):
		return best, nil
	case q.Kind != "":
		return "", fmt.Errorf("%q asks for %s, which is not for sale here; for sale are %s: %w", q.Want.Text, words(strings.ReplaceAll(q.Kind, "_", "-")), strings.Join(protocol.Properties(), ", "), protocol.Invalid)
	}
	for _, w := range q.text {
		if near := classify.Near(w); near != "" && !classify.Known(w) {
			return "", fmt.Errorf("%q names no quantity; is %q meant to be %q? For sale are %s: %w", q.Want.Text, w, near, strings.Join(protocol.Properties(), ", "), protocol.Invalid)
		}
	}
	return "", fmt.Errorf("%q names no quantity; for sale are %s: %w", q.Want.Text, strings.Join(protocol.Properties(), ", "), protocol.Invalid)
}
