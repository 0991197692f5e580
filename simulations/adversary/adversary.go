// Package adversary names the ways in which actors of simulations and of the demo behave, the honest ones included, so that
// a report can set them beside one another. A seller's way is what it feeds its core with: a Lie turns what its sensor shows
// into what it says. A validator's is how it comes to its judgement. The cores themselves know nothing of it: a dishonest
// seller runs the honest seller's core on false readings, and signs them validly.
//
// A Lie is pure and knows neither clock nor loop: the simulator tells it reading by reading, the demo puts it round a driver
// of package sensor with Drive.
package adversary

import (
	"github.com/iotverse/iotverse/validator/score"
)

// Strategy is the name of a way to behave.
type Strategy string

// The strategies so far. Those from Replay to Unit are cheating sellers'.
const (
	Honest Strategy = "honest" // does what the rules expect
	Replay Strategy = "replay" // repeats a stretch of its own old data under fresh times
	Copy   Strategy = "copy"   // sells another seller's readings as its own, a little later
	Curve  Strategy = "curve"  // makes up a smooth curve at the height of what it measured
	Stuck  Strategy = "stuck"  // says its last reading for ever
	Unit   Strategy = "unit"   // says degrees Fahrenheit and calls them Celsius
	Lazy   Strategy = "lazy"   // a validator that does not look at the data and reveals what is usual
)

// Cheats lists the strategies of cheating sellers.
func Cheats() []Strategy { return []Strategy{Replay, Copy, Curve, Stuck, Unit} }

// Convicts is the code by which a committee convicts a cheating seller of this strategy: a hard one, or a soft one that a
// majority gives beside an integrity under the least that is sold. 0 for the others.
func (s Strategy) Convicts() score.Code {
	switch s {
	case Replay, Copy:
		return score.CodeReplay
	case Stuck:
		return score.CodeStuck
	case Curve:
		return score.CodeInvented
	case Unit:
		return score.CodeUnit
	}
	return 0
}

// usual is the integrity of a flawless window as long as no neighbours are known (MECHANISM 4): the best guess of somebody
// who has not looked.
const usual = 850

// Unseen is the judgement of a Lazy validator: whatever the window holds, it is as good as usual.
func Unseen(in score.Input) score.Result {
	r := score.Result{I: usual, C: usual, T: 1000}
	r.Past.Window = in.Window
	r.Stats.Complete = 1000
	return r
}
