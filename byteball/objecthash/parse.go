package objecthash

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/iotverse/iotverse/byteball"
)

// Bounds of a tree (the reference's isTooDeeplyNestedOrHasTooManyNodes).
const (
	MaxDepth = 100
	MaxNodes = 10_000 // members and elements of all objects and arrays together
)

// Errors of ParseTree that the reference answers in these words.
var (
	ErrNested = byteball.Errorf(byteball.Invalid, "joint is too deeply nested or has too many nodes")
	ErrString = byteball.Errorf(byteball.Invalid, "unit contains invalid string (lone surrogate or null byte)")
)

// ParseTree reads one JSON text as ECMAScript's JSON.parse does, into a tree as encoding/json makes it: numbers are
// float64 (-0 becomes 0), the last of equal keys wins. Errors, all Invalid: ErrNested beyond MaxDepth or MaxNodes,
// ErrString for a lone surrogate, anything that is not JSON in UTF-8, a number out of the range of float64.
// A zero byte in a string is read; what is hashed refuses it later.
func ParseTree(data []byte) (any, error) {
	return parse(&parser{data: data, maxDepth: MaxDepth, maxNodes: MaxNodes})
}

func parse(p *parser) (any, error) {
	v, err := p.value(1)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos != len(p.data) {
		return nil, p.bad("text after the value")
	}
	return v, nil
}

type parser struct {
	data               []byte
	pos                int
	nodes              int
	maxDepth, maxNodes int
	loose              bool // lone surrogates and infinite numbers are read
}

func (p *parser) bad(what string) error {
	return byteball.Errorf(byteball.Invalid, "not JSON: %s at byte %d", what, p.pos)
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next skips white space and returns the next byte without taking it, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.pos == len(p.data) {
		return 0
	}
	return p.data[p.pos]
}

func (p *parser) value(depth int) (any, error) {
	if depth > p.maxDepth || p.nodes > p.maxNodes {
		return nil, ErrNested
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, word := range []struct {
		text  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if end := p.pos + len(word.text); end <= len(p.data) && string(p.data[p.pos:end]) == word.text {
			p.pos = end
			return word.value, nil
		}
	}
	return nil, p.bad("no value")
}

func (p *parser) object(depth int) (any, error) {
	m := make(map[string]any)
	p.pos++
	if p.next() == '}' {
		p.pos++
		return m, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.bad("no key")
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.next() != ':' {
			return nil, p.bad("no colon")
		}
		p.pos++
		p.nodes++
		if m[key], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if more, err := p.more('}'); !more {
			return m, err
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	list := []any{}
	p.pos++
	if p.next() == ']' {
		p.pos++
		return list, nil
	}
	for {
		p.nodes++
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err := p.more(']'); !more {
			return list, err
		}
	}
}

// more takes the comma or the end of an array or object.
func (p *parser) more(end byte) (bool, error) {
	switch p.next() {
	case ',':
		p.pos++
		return true, nil
	case end:
		p.pos++
		return false, nil
	}
	return false, p.bad("neither comma nor end")
}

// number takes the longest JSON number.
func (p *parser) number() (any, error) {
	start := p.pos
	p.accept('-')
	if p.accept('0') {
		if p.digit() {
			return nil, p.bad("leading zero")
		}
	} else if !p.digits() {
		return nil, p.bad("no digit")
	}
	if p.accept('.') && !p.digits() {
		return nil, p.bad("no digit")
	}
	if p.accept('e') || p.accept('E') {
		if !p.accept('+') {
			p.accept('-')
		}
		if !p.digits() {
			return nil, p.bad("no digit")
		}
	}
	f, err := strconv.ParseFloat(string(p.data[start:p.pos]), 64)
	if math.IsInf(f, 0) && !p.loose {
		return nil, byteball.Errorf(byteball.Invalid, "invalid number: %s", AppendNumber(nil, f))
	}
	if err != nil && !math.IsInf(f, 0) {
		return nil, p.bad("no number")
	}
	if f == 0 {
		f = 0 // never -0
	}
	return f, nil
}

func (p *parser) accept(c byte) bool {
	if p.pos < len(p.data) && p.data[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) digit() bool {
	return p.pos < len(p.data) && p.data[p.pos] >= '0' && p.data[p.pos] <= '9'
}

func (p *parser) digits() bool {
	start := p.pos
	for p.digit() {
		p.pos++
	}
	return p.pos > start
}

// str takes a string; the plain ones, nearly all, are copied at once.
func (p *parser) str() (string, error) {
	p.pos++
	start, wide := p.pos, false
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c == '"':
			s := p.data[start:p.pos]
			if wide && !utf8.Valid(s) {
				return "", p.bad("string that is not UTF-8")
			}
			p.pos++
			return string(s), nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.bad("control character")
		case c >= 0x80:
			wide = true
		}
	}
	return "", p.bad("no end of string")
}

// escaped goes on with a string from its first escape.
func (p *parser) escaped(start int) (string, error) {
	s := append([]byte{}, p.data[start:p.pos]...)
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		switch {
		case c == '"':
			if !utf8.Valid(s) && !(p.loose && utf8.Valid(p.data[start:p.pos]) && wellFormed(string(s))) {
				return "", p.bad("string that is not UTF-8")
			}
			p.pos++
			return string(s), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			if r >= 0xd800 && r <= 0xdfff {
				s = appendSurrogate(s, r)
			} else {
				s = utf8.AppendRune(s, r)
			}
			continue
		case c < 0x20:
			return "", p.bad("control character")
		}
		s = append(s, c)
		p.pos++
	}
	return "", p.bad("no end of string")
}

// escape takes one escape, two of them for a character beyond U+FFFF.
func (p *parser) escape() (rune, error) {
	r, err := p.escapeUnit()
	if err != nil || r < 0xd800 || r > 0xdfff {
		return r, err
	}
	if p.loose && !p.pairs(r) {
		return r, nil
	}
	if r > 0xdbff || p.pos+1 >= len(p.data) || p.data[p.pos] != '\\' || p.data[p.pos+1] != 'u' {
		return 0, ErrString
	}
	low, err := p.escapeUnit()
	if err != nil {
		return 0, err
	}
	if low < 0xdc00 || low > 0xdfff {
		return 0, ErrString
	}
	return 0x10000 + (r-0xd800)<<10 + low - 0xdc00, nil
}

// pairs reports whether a surrogate is the first of a pair.
func (p *parser) pairs(r rune) bool {
	if r > 0xdbff || p.pos+6 > len(p.data) {
		return false
	}
	ahead := parser{data: p.data, pos: p.pos}
	if p.data[p.pos] != '\\' || p.data[p.pos+1] != 'u' {
		return false
	}
	low, err := ahead.escapeUnit()
	return err == nil && low >= 0xdc00 && low <= 0xdfff
}

func (p *parser) escapeUnit() (rune, error) {
	if p.pos+1 >= len(p.data) {
		return 0, p.bad("no end of string")
	}
	c := p.data[p.pos+1]
	p.pos += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return p.hex4()
	}
	return 0, p.bad("unknown escape")
}

func (p *parser) hex4() (rune, error) {
	if p.pos+4 > len(p.data) {
		return 0, p.bad("short escape")
	}
	var r rune
	for _, c := range p.data[p.pos : p.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, p.bad("bad escape")
		}
		r = r<<4 | rune(c)
	}
	p.pos += 4
	return r, nil
}
