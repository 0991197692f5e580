package channel

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
)

// transition is one arrow of the drawing: an event of on takes a channel on the side of role, or of both if that is empty,
// from each phase of from to the phase to.
type transition struct {
	name string
	role string
	on   []string
	from []Phase
	to   Phase
}

// transitions is all there are. Apply refuses a step that changes the phase and is not among them.
var transitions = []transition{
	{"the deposit is stable", "", []string{"Funded", "UnitStable"}, []Phase{Opening}, Open},
	{"the deposit was double-spent", "", []string{"UnitStable"}, []Phase{Opening}, Lost},
	{"the address was used before", "", []string{"UnitStable"}, []Phase{Opening}, Lost},

	{"he asks for the close", roleBuyer, []string{"CloseNow"}, []Phase{Open}, Closing},
	{"a successor is open", roleBuyer, []string{"Succeeded"}, []Phase{Open}, Closing},
	{"restored from a backup", roleBuyer, []string{"Recovered", "Tip"}, []Phase{Open}, Closing},
	{"the seller has closed", roleBuyer, []string{"UnitSeen"}, []Phase{Open}, Closing},
	{"older than the age", roleBuyer, []string{"Tip"}, []Phase{Open, Closing}, Refunding},

	{"the buyer's final voucher", roleSeller, []string{"Accept"}, []Phase{Open}, Closing},
	{"he wants his money", roleSeller, []string{"CloseNow"}, []Phase{Open}, Closing},
	{"the buyer spends the deposit", roleSeller, []string{"UnitSeen"}, []Phase{Open}, Closing},
	{"0.6 of the age, or Until", roleSeller, []string{"Tip"}, []Phase{Open}, Closing},

	{"a closing is stable", "", []string{"UnitStable"}, []Phase{Open, Closing}, Closed},
	{"a closing beats the refund", roleBuyer, []string{"UnitStable"}, []Phase{Refunding}, Closed},
	{"a refund is stable", "", []string{"UnitStable"}, []Phase{Open, Closing}, Refunded},
	{"the refund is stable", roleBuyer, []string{"UnitStable"}, []Phase{Refunding}, Refunded},
}

// follows returns nil if ev may take a channel from one phase to another.
func (m machine) follows(ev Event, to Phase) error {
	if m.Phase == to {
		return nil
	}
	for _, t := range transitions {
		if t.to == to && (t.role == "" || t.role == m.role) && slices.Contains(t.on, ev.event()) && slices.Contains(t.from, m.Phase) {
			return nil
		}
	}
	return fmt.Errorf("channel %s: %s does not lead from %s to %s: %w", m.shape.address, ev.event(), m.Phase, to, byteball.Invalid)
}
