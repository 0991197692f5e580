package score

import (
	"fmt"
	"slices"
)

// Code is a finding of MECHANISM 3. The hard ones make I zero, the soft ones only explain it.
type Code int

// The hard codes; 4 and 5 are found by this package, the others by the caller.
const (
	CodeSignature Code = 1
	CodeChain     Code = 2
	CodeMerkle    Code = 3
	CodeBackwards Code = 4
	CodeReplay    Code = 5
	CodeRevoked   Code = 6
	CodeKey       Code = 7
)

// The soft codes.
const (
	CodeRange      Code = 20
	CodeRate       Code = 21
	CodeStuck      Code = 22
	CodeHistory    Code = 23
	CodeNeighbours Code = 24
	CodeNovelty    Code = 25
	CodeGaps       Code = 26
)

// Hard tells whether c makes a window worthless.
func (c Code) Hard() bool { return c >= CodeSignature && c <= CodeKey }

var hardText = map[Code]string{
	CodeSignature: "a signature of the seller does not fit what it signs",
	CodeChain:     "the batches do not follow one another: a sequence number or a hash of the one before is wrong",
	CodeMerkle:    "an opened batch is not the one that the window's root commits to",
	CodeBackwards: "time runs backwards inside the window",
	CodeReplay:    "the readings repeat an earlier run of this or of another seller, step by step",
	CodeRevoked:   "the device that signs was revoked",
	CodeKey:       "the keys do not belong together, or a key of a delivered batch was wrong",
}

var softText = map[Code]string{
	CodeRange:      "readings lie outside of what the property can be",
	CodeRate:       "readings jump faster than the property can change",
	CodeStuck:      "the value stands still for longer than this sensor's usually does",
	CodeHistory:    "the level is unusual against the seller's own earlier windows",
	CodeNeighbours: "the level or its spread disagrees with the neighbours",
	CodeNovelty:    "the small movements resemble readings that were seen before",
	CodeGaps:       "readings are missing, late, doubled or out of order",
}

// Explain returns a sentence about r for people, without a full stop.
func Explain(r Reason) string {
	if t, ok := hardText[r.Code]; ok {
		return t
	}
	if t, ok := softText[r.Code]; ok {
		return fmt.Sprintf("%s (%d of 1000)", t, r.Value)
	}
	return fmt.Sprintf("unknown finding %d", int(r.Code))
}

// addCode inserts c into the ascending list codes unless it is there.
func addCode(codes []Code, c Code) []Code {
	at, found := slices.BinarySearch(codes, c)
	if found {
		return codes
	}
	return slices.Insert(codes, at, c)
}
