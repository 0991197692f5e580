// Package merkle is the ledger's own Merkle tree over strings, with which an oracle commits to many facts in one data
// feed. Facts: the reference's merkle.js. The market's trees over readings are another construction (package protocol).
//
// A leaf is the base64 SHA-256 of an element, a node that of its two children's texts joined; the last of an odd row is
// paired with itself. Leaves and nodes are not told apart, so an element must not be 88 characters of the caller's enemy.
package merkle

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/iotverse/iotverse/byteball"
)

// Proof leads from one element to the root.
type Proof struct {
	Index    uint64
	Siblings []byteball.Hash // from the leaves upwards
	Root     byteball.Hash
}

func hash(parts ...string) byteball.Hash {
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return byteball.Hash(base64.StdEncoding.EncodeToString(sum[:]))
}

func node(a, b byteball.Hash) byteball.Hash { return hash(string(a), string(b)) }

func leaves(elements []string) []byteball.Hash {
	row := make([]byteball.Hash, len(elements))
	for i, e := range elements {
		row[i] = hash(e)
	}
	return row
}

// above replaces a row by the row over it, in place.
func above(row []byteball.Hash) []byteball.Hash {
	for i := 0; i < len(row); i += 2 {
		row[i/2] = node(row[i], row[min(i+1, len(row)-1)])
	}
	return row[:(len(row)+1)/2]
}

// Root returns the root over elements, "" over none.
func Root(elements []string) byteball.Hash {
	row := leaves(elements)
	for len(row) > 1 {
		row = above(row)
	}
	if len(row) == 0 {
		return ""
	}
	return row[0]
}

// Prove returns the proof of element i. Error: Invalid if there is no such element.
func Prove(elements []string, i int) (Proof, error) {
	if i < 0 || i >= len(elements) {
		return Proof{}, byteball.Errorf(byteball.Invalid, "merkle: no element %d among %d", i, len(elements))
	}
	p := Proof{Index: uint64(i)}
	row := leaves(elements)
	for len(row) > 1 {
		p.Siblings = append(p.Siblings, row[min(i^1, len(row)-1)])
		row = above(row)
		i /= 2
	}
	p.Root = row[0]
	return p, nil
}

// Verify reports whether p proves that element belongs to p.Root; the caller compares that root with the one he trusts.
// As in the reference, bits of the index beyond the siblings do not matter.
func Verify(element string, p Proof) bool {
	h := hash(element)
	index := p.Index
	for _, s := range p.Siblings {
		if index%2 == 0 {
			h = node(h, s)
		} else {
			h = node(s, h)
		}
		index /= 2
	}
	return h == p.Root
}

// String writes p as the ledger does: index, siblings and root joined by dashes.
func (p Proof) String() string {
	var b strings.Builder
	b.WriteString(strconv.FormatUint(p.Index, 10))
	for _, s := range p.Siblings {
		b.WriteString("-" + string(s))
	}
	b.WriteString("-" + string(p.Root))
	return b.String()
}

const (
	maxIndex    = 1 << 53 // JavaScript counts no further
	maxSiblings = 53
	hashLength  = 44
)

// Parse reads what String writes. Error: Invalid for another form, over 53 siblings, or an index of 2^53 or more.
func Parse(s string) (Proof, error) {
	if len(s) > 16+(maxSiblings+1)*(hashLength+1) {
		return Proof{}, byteball.Errorf(byteball.Invalid, "merkle: proof of %d characters", len(s))
	}
	parts := strings.Split(s, "-")
	index, err := strconv.ParseUint(parts[0], 10, 64)
	if err != nil || index >= maxIndex || strconv.FormatUint(index, 10) != parts[0] || len(parts) < 2 {
		return Proof{}, byteball.Errorf(byteball.Invalid, "merkle: proof without index or root")
	}
	p := Proof{Index: index}
	for _, h := range parts[1:] {
		if len(h) != hashLength {
			return Proof{}, byteball.Errorf(byteball.Invalid, "merkle: hash of %d characters in a proof", len(h))
		}
		p.Siblings = append(p.Siblings, byteball.Hash(h))
	}
	last := len(p.Siblings) - 1
	p.Siblings, p.Root = p.Siblings[:last:last], p.Siblings[last]
	return p, nil
}
