package unit

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// maxQuick bounds what is read in one pass: shorter texts cannot have too many nodes, since each takes two bytes.
const maxQuick = 2 * objecthash.MaxNodes

// quick reads a unit in one pass, without a tree of it, if it is written as all software writes units: no white space, no
// escapes, plain numbers, no field twice, none unknown. It gives up at anything else, right or wrong, and then the unit is
// read the long way, which knows the errors. What it reads, the long way reads the same (a fuzz target says so). All
// strings of the unit are parts of one copy of the text.
type quick struct {
	s     string
	pos   int
	above int  // how deep the unit's definitions and payloads stand
	given bool // it has given up
}

// readQuick returns nil where it gave up.
func readQuick(data []byte) *Unit {
	if len(data) > maxQuick || !utf8.Valid(data) {
		return nil
	}
	q := quick{s: string(data), above: 3} // in unit, authors, author
	u := q.unit()
	if q.given || q.pos != len(q.s) {
		return nil
	}
	return u
}

// readQuickJoint is readQuick of a joint or a unit alone.
func readQuickJoint(data []byte) *Joint {
	if !bytes.HasPrefix(data, []byte(`{"unit":{`)) && !bytes.HasPrefix(data, []byte(`{"ball":`)) {
		if u := readQuick(data); u != nil {
			return &Joint{Unit: u}
		}
		return nil
	}
	if len(data) > maxQuick || !utf8.Valid(data) {
		return nil
	}
	q := quick{s: string(data), above: 4}
	j := q.joint()
	if q.given || q.pos != len(q.s) {
		return nil
	}
	return j
}

// fail gives up; nothing is read from then on.
func (q *quick) fail() {
	q.given = true
	q.pos = len(q.s)
}

// take takes one byte if it is c.
func (q *quick) take(c byte) bool {
	if q.pos < len(q.s) && q.s[q.pos] == c {
		q.pos++
		return true
	}
	return false
}

// want takes a byte that has to be c.
func (q *quick) want(c byte) {
	if !q.take(c) {
		q.fail()
	}
}

// raw takes a string without escapes.
func (q *quick) raw() string {
	q.want('"')
	start := q.pos
	for ; q.pos < len(q.s); q.pos++ {
		q.pos += objecthash.Plain(q.s[q.pos:])
		if q.pos == len(q.s) {
			break
		}
		switch c := q.s[q.pos]; {
		case c == '"':
			q.pos++
			return q.s[start : q.pos-1]
		case c == '\\' || c < 0x20:
			q.fail()
		}
	}
	q.fail()
	return ""
}

// text takes a string that is not empty.
func (q *quick) text() string {
	s := q.raw()
	if s == "" {
		q.fail()
	}
	return s
}

// whole takes an integer from low to high, at most maxInteger.
func (q *quick) whole(low, high uint64) uint64 {
	start := q.pos
	var n uint64
	for q.pos < len(q.s) && q.pos-start < 16 && q.s[q.pos]-'0' <= 9 {
		n = n*10 + uint64(q.s[q.pos]-'0')
		q.pos++
	}
	digits := q.pos - start
	if digits == 0 || digits > 1 && q.s[start] == '0' || n < low || n > high || n > maxInteger || q.pos == len(q.s) {
		q.fail()
		return 0
	}
	switch q.s[q.pos] {
	case ',', '}', ']':
	default: // more of the number
		q.fail()
	}
	return n
}

func (q *quick) amount(low uint64) byteball.Bytes {
	return byteball.Bytes(q.whole(low, uint64(byteball.MaxBytes)))
}

// members calls read for the value of each member of an object, at least one.
func (q *quick) members(read func(key string)) {
	q.want('{')
	for more := true; more && !q.given; more = q.take(',') {
		key := q.raw()
		q.want(':')
		read(key)
	}
	q.want('}')
}

// elements calls read for each element of an array, at least one.
func (q *quick) elements(read func()) {
	q.want('[')
	for more := true; more && !q.given; more = q.take(',') {
		read()
	}
	q.want(']')
}

// once gives up at a field that was met before.
func (q *quick) once(met *uint32, field uint) {
	if *met&(1<<field) != 0 {
		q.fail()
	}
	*met |= 1 << field
}

// tree takes any value that has a depth of at most objecthash.MaxDepth together with what it stands in.
func (q *quick) tree() any {
	start, depth := q.pos, 0
	for q.pos < len(q.s) {
		switch q.s[q.pos] {
		case '"':
			end := strings.IndexByte(q.s[q.pos+1:], '"')
			if end < 0 || strings.IndexByte(q.s[q.pos+1:q.pos+1+end], '\\') >= 0 {
				q.fail()
				return nil
			}
			q.pos += end + 1
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth < 0 || depth+q.above >= objecthash.MaxDepth {
			break
		}
		if depth == 0 && q.ended() {
			q.pos++
			v, err := objecthash.ParseTree([]byte(q.s[start:q.pos]))
			if err != nil {
				q.fail()
			}
			return v
		}
		q.pos++
	}
	q.fail()
	return nil
}

// ended reports whether a value ends with the byte at the place.
func (q *quick) ended() bool {
	if q.pos+1 >= len(q.s) {
		return false
	}
	switch q.s[q.pos+1] {
	case ',', '}', ']':
		return true
	}
	return false
}
