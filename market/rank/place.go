package rank

import (
	"slices"
	"strings"
	"unicode"
)

// name is a place name as words: lower case, letters and digits apart, without the words that say what kind of place it is.
type name []string

// place is where an offer is.
type place struct{ building, city, country, floor, room, title name }

func placeOf(o Offer) place {
	return place{buildingName(string(o.Building)), nameOf(string(o.City)), country(string(o.Country)), floorName(string(o.Floor)),
		nameOf(string(o.Room)), nameOf(string(o.Title))}
}

var placeWords = []string{"building", "bldg", "bld", "floor", "flr", "fl", "room", "rm", "the", "level", "city", "of"}

func nameOf(text string) name {
	var n name
	for _, w := range split(text) {
		if !slices.Contains(placeWords, w) {
			n = append(n, w)
		}
	}
	if len(n) == 0 {
		n = split(text) // a place called "Building"
	}
	return n
}

// buildingName is the name of a building: 3, building 3 and B3 are the same. Of rooms they are not: B102 is in the basement.
func buildingName(text string) name {
	n := nameOf(text)
	if n.number() {
		return name{"b", n[0]}
	}
	return n
}

// spoken is the name of a building as people say it.
func (n name) spoken() name {
	if len(n) == 2 && n[0] == "b" && n[1:].number() {
		n = n[1:]
	}
	return n
}

// number says whether a name is a number and nothing else.
func (n name) number() bool { return len(n) == 1 && unicode.IsDigit([]rune(n[0])[0]) }

// split cuts a text into words of letters or of digits, in lower case; leading zeros fall.
func split(text string) name {
	var n name
	var last rune
	for i, r := range strings.ToLower(text) {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
		case i == 0 || len(n) == 0 || unicode.IsDigit(r) != unicode.IsDigit(last) || !unicode.IsLetter(last) && !unicode.IsDigit(last):
			n = append(n, string(r))
		default:
			n[len(n)-1] += string(r)
		}
		last = r
	}
	for i, w := range n {
		if t := strings.TrimLeft(w, "0"); t != "" {
			n[i] = t
		}
	}
	return n
}

// is says whether an offer's place has this name: all words the same, or the name is a part of it and long enough to mean
// it (a number alone is no part: building 3 is not EBU3B).
func (n name) is(of name) bool {
	if len(n) == 0 || len(of) == 0 {
		return false
	}
	if slices.Equal(n, of) || strings.Join(n, "") == strings.Join(of, "") {
		return true
	}
	letters := 0
	for _, w := range n {
		if unicode.IsLetter([]rune(w)[0]) {
			letters += len(w)
		}
	}
	return letters >= 3 && n.in(of)
}

// in says whether the words of n stand in a row in text.
func (n name) in(text name) bool {
	for i := 0; len(n) > 0 && i+len(n) <= len(text); i++ {
		if slices.Equal(n, text[i:i+len(n)]) {
			return true
		}
	}
	return false
}

var floorNumbers = map[string]string{
	"ground": "0", "g": "0", "gf": "0", "first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7",
	"eighth": "8", "ninth": "9", "tenth": "10", "basement": "b", "cellar": "b", "roof": "r", "rooftop": "r",
}

// floorName is a floor as one word: 3, Floor 3, 3rd, third are the same.
func floorName(text string) name {
	n := nameOf(text)
	if len(n) == 0 {
		return nil
	}
	if len(n) == 2 && slices.Contains([]string{"st", "nd", "rd", "th", "f"}, n[1]) {
		n = n[:1]
	}
	if len(n) == 2 && slices.Contains([]string{"f", "l"}, n[0]) {
		n = n[1:]
	}
	if number, ok := floorNumbers[n[0]]; ok && len(n) == 1 {
		return name{number}
	}
	return n
}

// countries are the ISO 3166 codes of names that people write out.
var countries = map[string]string{
	"denmark": "dk", "danmark": "dk", "germany": "de", "deutschland": "de", "ireland": "ie", "france": "fr", "spain": "es", "italy": "it",
	"unitedstates": "us", "unitedstatesofamerica": "us", "usa": "us", "america": "us", "unitedkingdom": "gb", "uk": "gb", "greatbritain": "gb",
	"england": "gb", "netherlands": "nl", "holland": "nl", "belgium": "be", "switzerland": "ch", "austria": "at", "sweden": "se", "norway": "no",
	"finland": "fi", "poland": "pl", "portugal": "pt", "canada": "ca", "mexico": "mx", "brazil": "br", "china": "cn", "japan": "jp",
	"india": "in", "australia": "au", "newzealand": "nz", "singapore": "sg", "southkorea": "kr", "korea": "kr", "southafrica": "za", "greece": "gr",
	"czechia": "cz", "czechrepublic": "cz", "hungary": "hu", "turkey": "tr", "israel": "il",
}

func country(text string) name {
	n := nameOf(text)
	if code, ok := countries[strings.Join(n, "")]; ok {
		return name{code}
	}
	return n
}
