package rank

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/classify"
)

// Field is a short text; in JSON it may be a number too (floor 3), or null.
type Field string

// MaxField bounds every field but the title, in bytes; MaxID an id. What is longer is cut, an id is refused.
const (
	MaxField = 128
	MaxID    = 128
)

// UnmarshalJSON takes a string, a number or null. Errors: Invalid for anything else.
func (f *Field) UnmarshalJSON(data []byte) error {
	text := strings.TrimSpace(string(data))
	switch {
	case text == "null":
		return nil
	case strings.HasPrefix(text, `"`):
		return json.Unmarshal(data, (*string)(f))
	case text != "" && strings.Contains("-0123456789", text[:1]):
		*f = Field(plain(text))
		return nil
	}
	return fmt.Errorf("%.20q is neither a text nor a number: %w", text, byteball.Invalid)
}

// plain writes a number of JSON as people do: floor 3.0 is floor 3, a radius of 5e3 is 5000. One that would be endless stays.
func plain(number string) string {
	if len(number) > 40 {
		return number
	}
	d, _, err := apd.NewFromString(number)
	if err != nil || max(d.Exponent, -d.Exponent) > 30 {
		return number
	}
	d.Reduce(d)
	return d.Text('f')
}

// Check says whether an offer can be ranked. Errors: Invalid without an id, or with one that is too long.
func (o *Offer) Check() error { return checkID("offer", o.ID) }

// Check says whether a demand can be answered. Errors: Invalid without an id, or with nothing asked for and no candidates.
func (w *Want) Check() error {
	if w.Text == "" && w.Structured == (Fields{}) && len(w.Candidates) == 0 {
		return fmt.Errorf("demand %.40q asks for nothing: neither text nor structured: %w", w.ID, byteball.Invalid)
	}
	return checkID("demand", w.ID)
}

func checkID(what, id string) error {
	if id == "" || len(id) > MaxID {
		return fmt.Errorf("%s: id of %d bytes, want 1 to %d: %w", what, len(id), MaxID, byteball.Invalid)
	}
	return nil
}

// bound cuts fields that are too long.
func (o *Offer) bound() {
	o.Title = Field(short(string(o.Title), classify.MaxText))
	for _, f := range []*Field{&o.Unit, &o.Building, &o.City, &o.Country, &o.Floor, &o.Room, &o.Cell, &o.Period, &o.Accuracy, &o.Age} {
		*f = Field(short(string(*f), MaxField))
	}
}

func (f *Fields) bound() {
	for _, f := range []*Field{&f.Quantity, &f.Role, &f.Medium, &f.Unit, &f.Building, &f.City, &f.Country, &f.Floor, &f.Room, &f.Cell, &f.Radius, &f.Period, &f.Accuracy, &f.MaxAge} {
		*f = Field(short(string(*f), MaxField))
	}
}

// short cuts a text at a whole character and blanks what is not UTF-8.
func short(s string, most int) string {
	s = strings.ToValidUTF8(s, " ")
	if len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = s[:most]
	}
	return strings.TrimSpace(s)
}
