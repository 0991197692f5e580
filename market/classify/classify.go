// Package classify finds out what a stream of readings is, from its title, its unit and, if given, a window of values:
// quantity kind, unit, medium and role, each with a confidence in ‰, and the reasons in words (issue: the validator
// classifies, not the seller). The same parser reads what a buyer writes. It knows words of the trade (Brick, Haystack,
// the abbreviations of building automation, QUDT's units), no building's own titles. It is a pure function of its
// arguments: integers only, the same answer everywhere. It leaves out places and ranking (package rank), integrity
// (validator/score) and the market's table of properties (protocol).
//
// How: the text is cut into tokens, glued abbreviations too; every phrase of the lexicon votes for values of the three
// facets with its weight w. Votes of one value are joined as 1-(1-w/1000)(1-w'/1000), so that two words say more than one
// but never more than 1000. Then come rules that no single word can state:
//
//   - of a path (Site/Floor 2/AHU-1/Zone Temp) the last part names the point: what the others say of the same facet counts
//     a quarter;
//   - the unit votes 700 for the only kind of its family, and divides by 4 the votes for kinds it cannot measure;
//   - a single letter behind a medium or a machine is a point's ending (ZN-T, DA-P, RA-H, DPR-C, SF-S), SP at the end of a
//     run a setpoint, before one a static pressure; RH before a valve or coil is reheat;
//   - an abbreviation of quantity and medium with a number, before another quantity, is a machine's name (RAH10_SAT);
//   - a flow is of water where the medium is, of air where not; a speed is of what stands beside it;
//   - high and low make an alarm of a quantity without unit and a limit of a setpoint; the most and the least a limit;
//   - a temperature of a chiller or boiler is of water, unless the title speaks of air; a corridor or a kitchen is a room;
//   - a point that names no machine but stands in a room is the room's.
//
// The value with the most votes wins; its confidence is votes²/(votes + half the second's), in ‰. Called by rank, by
// validators for the class in a stamp, and by the command buyer rank.
package classify

// Roles of a point.
const (
	Measured = "measured"
	Setpoint = "setpoint"
	Command  = "command"
	Status   = "status"
	Alarm    = "alarm"
	Limit    = "limit" // a bound that a control or an alarm keeps to
)

// Guess is a value and how sure it is, 0..1000 ‰. The zero value says that nothing is known.
type Guess struct {
	Value      string
	Confidence int
}

// Class is what a stream is.
type Class struct {
	Kind    Guess // slug of a Kind
	Medium  Guess // room, supply, return, outside, mixed, exhaust, water, steam, ground; "" for none
	Role    Guess // one of the roles
	Unit    Unit  // zero if unknown
	Machine bool  // the title names a machine: what it says is the machine's
	Reasons []string
}

// Evidence is what a class is found from.
type Evidence struct {
	Title  string
	Unit   string    // as the seller writes it, "" if it does not say
	Room   bool      // it stands in a room
	Values []float64 // readings in order, nil if there are none
	Terse  bool      // leave out the reasons, which cost more than the rest
}

// Classify says what a stream is. It never fails: what nothing speaks for stays empty. It does not retain its arguments.
func Classify(e Evidence) Class {
	b := newBallot(e)
	b.words()
	b.endings()
	b.unit()
	b.values(e.Values)
	b.combine()
	b.roles()
	b.mediums(e.Room)
	return b.class()
}

// Demand says what a buyer's text asks for. Other than in an offer, nothing is assumed that the text does not say; a text
// without a role asks for measurements.
func Demand(text string) Class {
	b := newBallot(Evidence{Title: text})
	b.demand = true
	b.words()
	b.endings()
	b.combine()
	b.roles()
	return b.class()
}
