package buyer_test

import (
	"strings"
	"testing"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/protocol"
)

func offered(seller, title, medium, role, cell string) *protocol.Offer {
	return &protocol.Offer{Binding: protocol.Binding{Identity: protocol.Identity(seller + strings.Repeat("x", 32-len(seller)))}, Prop: "air-temperature",
		Title: title, Medium: medium, Role: role, Unit: "Cel", Cell: cell, Period: 1000, Accuracy: "0.1", Price: 1000}
}

// TestABuyerPicksByItsWords: what is bought follows the words of a demand, what stamps say, and what is being bought already.
func TestABuyerPicksByItsWords(t *testing.T) {
	cfg := config()
	cfg.Wants[0].Text = "supply air temperature, building 3"
	c, err := buyer.New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	best := offered("best", "supply air temperature, building 3", "supply", "", "u33db")
	for what, o := range map[string]*protocol.Offer{
		"another building": offered("a", "supply air temperature, building 4", "supply", "", "u33db"),
		"another medium":   offered("b", "return air temperature, building 3", "return", "", "u33db"),
		"a setpoint":       offered("c", "supply air temp setpoint, building 3", "supply", "setpoint", "u33db"),
		"no title":         offered("d", "", "", "", "u33db"),
	} {
		if a, b := c.Pick(0, best), c.Pick(0, o); a <= b {
			t.Errorf("%s is picked: %d and %d", what, b, a)
		}
	}
	lied := offered("liar", best.Title, "supply", "", "u33db")
	before := c.Pick(0, lied)
	c.Saw(lied, protocol.Stamp{Class: protocol.Class{Prop: "relative-humidity", Unit: "%RH", Role: "measured", Cell: "u33db", Period: 1000, Accuracy: "0.1"}})
	if after := c.Pick(0, lied); before != c.Pick(0, best) || after*10 > before {
		t.Errorf("a stream that was stamped as something else: %d, before %d", after, before)
	}
}

func TestABuyerLikesWhatIsNew(t *testing.T) {
	c, err := buyer.New(config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, same, beside := offered("first", "", "", "", "u33db"), offered("same", "", "", "", "u33db"), offered("beside", "", "", "", "u33dc")
	alone := c.Pick(0, same)
	c.Hold(first)
	if got := c.Pick(0, first); got != alone {
		t.Errorf("what is bought competes with itself: %d, alone %d", got, alone)
	}
	if got := c.Pick(0, same); got != alone/2 {
		t.Errorf("a second of the same: %d, alone %d", got, alone)
	}
	near := c.Pick(0, beside)
	c.Hold(same)
	if got := c.Pick(0, beside); got >= near {
		t.Errorf("with two bought next to it: %d, with one %d", got, near)
	}
}
