package channel

import (
	"fmt"
	"strings"
)

// Drawing draws the table of transitions as it stands in the package comment.
func Drawing() string {
	var b strings.Builder
	for from := Opening; from <= Lost; from++ {
		arrows := 0
		for _, t := range transitions {
			if !leaves(t, from) {
				continue
			}
			who, bend := t.role, "├─"
			if who == "" {
				who = "both"
			}
			if arrows++; arrows == 1 {
				fmt.Fprintf(&b, "%-9s ─┬─", from)
			} else {
				fmt.Fprintf(&b, "%-9s  %s", "", bend)
			}
			fmt.Fprintf(&b, " %-6s %-29s %s\n", who, t.name, padded(t.to, strings.Join(t.on, ", ")))
		}
	}
	return b.String()
}

func padded(to Phase, on string) string { return fmt.Sprintf("─▶ %-9s on %s", to, on) }

func leaves(t transition, from Phase) bool {
	for _, p := range t.from {
		if p == from {
			return true
		}
	}
	return false
}

// Arrows lists every arrow as "role: from -event-> to".
func Arrows() map[string]bool {
	all := map[string]bool{}
	for _, t := range transitions {
		for _, role := range []string{roleBuyer, roleSeller} {
			if t.role != "" && t.role != role {
				continue
			}
			for _, from := range t.from {
				for _, on := range t.on {
					all[Arrow(role, from, on, t.to)] = true
				}
			}
		}
	}
	return all
}

// Arrow names one arrow.
func Arrow(role string, from Phase, on string, to Phase) string {
	return fmt.Sprintf("%s: %s -%s-> %s", role, from, on, to)
}

// EventName is the name of ev in the table.
func EventName(ev Event) string { return ev.event() }
