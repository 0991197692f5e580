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

// finding is what a code says to people and what it advises the seller to do.
type finding struct{ text, advice string }

var findings = map[Code]finding{
	CodeSignature: {"a signature of the seller does not fit what it signs", "check that one node only uses this key"},
	CodeChain:     {"the batches do not follow one another: a sequence number or a hash of the one before is wrong", "check that one node only sells this stream, and its store"},
	CodeMerkle:    {"an opened batch is not the one that the window's root commits to", "check the node's store and version"},
	CodeBackwards: {"time runs backwards inside the window", "check the clock, and that one process only reads the sensor"},
	CodeReplay:    {"the readings repeat an earlier run of this or of another seller, step by step", "send what the sensor measures now, nothing recorded or bought"},
	CodeRevoked:   {"the device that signs was revoked", "enrol a new device"},
	CodeKey:       {"the keys do not belong together, or a key of a delivered batch was wrong", "check the node's keys and version"},

	CodeRange:      {"readings lie outside of what the property can be", "check the sensor, its wiring and the unit"},
	CodeRate:       {"readings jump faster than the property can change", "check for loose contacts and interference"},
	CodeStuck:      {"the value stands still for longer than this sensor's usually does", "check the sensor"},
	CodeHistory:    {"the level is unusual against the seller's own earlier windows", "check place and calibration; if the world changed, this passes"},
	CodeNeighbours: {"the level or its spread disagrees with the neighbours", "check place, calibration and unit"},
	CodeNovelty:    {"the small movements resemble readings that were seen before", "send what the sensor measures now, as it comes"},
	CodeGaps:       {"readings are missing, late, doubled or out of order", "check the link, the clock and the outbox"},
	CodeUnit:       {"the values look like another unit or a wrong factor", "set the unit in the driver, or convert"},
	CodeInvented:   {"a smooth curve that no sensor gives: the noise is missing", "send raw readings; switch smoothing and interpolation off"},
	CodeLabel:      {"the readings are not what the offer says they are; the stamp's class says what they are", "set property, unit, title and role to what the sensor measures"},
	CodeUnsafe:     {"the values look like something else than measurements", "sell numbers that a sensor measured, and nothing that tells who or what you are"},
}

// String returns what c means, for people, without a full stop.
func (c Code) String() string {
	if f, ok := findings[c]; ok {
		return f.text
	}
	return fmt.Sprintf("unknown finding %d", int(c))
}

// Advice returns what the seller can do about c, empty for an unknown code.
func (c Code) Advice() string { return findings[c].advice }

// Explain returns a sentence about r for people: what was found, with its numbers where they are known, and the advice.
func Explain(r Reason) string {
	text := r.Code.String()
	switch {
	case r.Seen != "":
		text = r.Seen
	case !r.Code.Hard() && findings[r.Code].text != "":
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
