package protocol

import (
	"fmt"
	"strings"
)

// finding is what a code of a stamp says to people and what it advises the seller to do.
type finding struct{ text, advice string }

// findings has the codes of MECHANISM 3 and those that came to them; package score names them.
var findings = map[uint8]finding{
	1: {"a signature of the seller does not fit what it signs", "check that one node only uses this key"},
	2: {"the batches do not follow one another: a sequence number or a hash of the one before is wrong", "check that one node only sells this stream, and its store"},
	3: {"an opened batch is not the one that the window's root commits to", "check the node's store and version"},
	4: {"time runs backwards inside the window", "check the clock, and that one process only reads the sensor"},
	5: {"the readings repeat an earlier run of this or of another seller, step by step", "send what the sensor measures now, nothing recorded or bought"},
	6: {"the device that signs was revoked", "enrol a new device"},
	7: {"the keys do not belong together, or a key of a delivered batch was wrong", "check the node's keys and version"},

	20: {"readings lie outside of what the property can be", "check the sensor, its wiring and the unit"},
	21: {"readings jump faster than the property can change", "check for loose contacts and interference"},
	22: {"the value stands still for longer than this sensor's usually does", "check the sensor"},
	23: {"the level is unusual against the seller's own earlier windows", "check place and calibration; if the world changed, this passes"},
	24: {"the level or its spread disagrees with the neighbours", "check place, calibration and unit"},
	25: {"the small movements resemble readings that were seen before", "send what the sensor measures now, as it comes"},
	26: {"readings are missing, late, doubled or out of order", "check the link, the clock and the outbox"},
	27: {"the values look like another unit or a wrong factor", "set the unit in the driver, or convert"},
	28: {"a smooth curve that no sensor gives: the noise is missing", "send raw readings; switch smoothing and interpolation off"},
	30: {"the readings are not what the offer says they are; the stamp's class says what they are", "set property, unit, title and role to what the sensor measures"},
	29: {"the values look like something else than measurements", "sell numbers that a sensor measured, and nothing that tells who or what you are"},
	31: {"an event: the stream did not show the like before, and no fault is known", ""},
}

// CodeEvent marks a window that shows what its stream did not show before, and that is no fault: a buyer may want just these.
const CodeEvent uint8 = 31

// Meaning returns what a hard or soft code of a stamp means, for people, without a full stop.
func Meaning(code uint8) string {
	if f, ok := findings[code]; ok {
		return f.text
	}
	return fmt.Sprintf("unknown finding %d", code)
}

// Advice returns what the seller can do about a code, empty for an unknown one.
func Advice(code uint8) string { return findings[code].advice }

// Advise writes the findings of a stamp and what the seller can do about each, for people; empty if there are none.
func (s *Stamp) Advise() string {
	var texts []string
	for _, list := range [][]uint8{s.Hard, s.Reasons} {
		for _, code := range list {
			texts = append(texts, strings.TrimSuffix(Meaning(code)+": "+Advice(code), ": "))
		}
	}
	return strings.Join(texts, "; ")
}
