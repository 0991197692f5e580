package score

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/protocol"
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

// The soft codes: 20 to 26 are those of MECHANISM 3, the others name what its issue asks for besides.
const (
	CodeRange      Code = 20
	CodeRate       Code = 21
	CodeStuck      Code = 22
	CodeHistory    Code = 23
	CodeNeighbours Code = 24
	CodeNovelty    Code = 25
	CodeGaps       Code = 26
	CodeUnit       Code = 27
	CodeInvented   Code = 28
	CodeUnsafe     Code = 29
)

// CodeLabel is the role's own (package label): it is not of what the numbers are worth but of what they are.
const CodeLabel Code = 30

// Hard tells whether c makes a window worthless.
func (c Code) Hard() bool { return c >= CodeSignature && c <= CodeKey }

// String returns what c means, for people, without a full stop.
func (c Code) String() string { return protocol.Meaning(uint8(c)) }

// Advice returns what the seller can do about c, empty for an unknown code.
func (c Code) Advice() string { return protocol.Advice(uint8(c)) }

// Explain returns a sentence about r for people: what was found, with its numbers where they are known, and the advice.
func Explain(r Reason) string {
	text := r.Code.String()
	switch {
	case r.Seen != "":
		text = r.Seen
	case !r.Code.Hard() && r.Code.Advice() != "":
		text = fmt.Sprintf("%s (%d of 1000)", text, r.Value)
	}
	if advice := r.Code.Advice(); advice != "" {
		text += ": " + advice
	}
	return text
}

// addCode inserts c into the ascending list codes unless it is there.
func addCode(codes []Code, c Code) []Code {
	at, found := slices.BinarySearch(codes, c)
	if found {
		return codes
	}
	return slices.Insert(codes, at, c)
}
