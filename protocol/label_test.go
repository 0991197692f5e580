package protocol_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/protocol"
)

func TestTitles(t *testing.T) {
	for title, good := range map[string]bool{
		"": true, "supply air temperature, building 3": true, "ahu 12 sa-t": true, "co2 in room 117": true, "rh 50 %": true,
		strings.Repeat("a", protocol.MaxTitle): true, strings.Repeat("a", protocol.MaxTitle+1): false,
		"Supply Air": false, "serial 12345678": false, "room 1234": false, "co2\x00": false, "caf\u00e9": false, "a@b": false, "a:b": false, "\xff": false,
	} {
		if err := protocol.CheckTitle(title); (err == nil) != good || err != nil && !errors.Is(err, protocol.Invalid) {
			t.Errorf("title %q: %v, want good %v", title, err, good)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		medium, role string
		good         bool
	}{
		{"", "", true}, {"supply", "setpoint", true}, {"water", protocol.RoleMeasured, true}, {"Supply", "", false}, {"", "truth", false}, {"mud", "", false},
	} {
		if err := protocol.CheckLabels("offer", c.medium, c.role); (err == nil) != c.good || err != nil && !errors.Is(err, protocol.Invalid) {
			t.Errorf("medium %q, role %q: %v, want good %v", c.medium, c.role, err, c.good)
		}
	}
	o := sample(t, protocol.KindOffer).(*protocol.Offer)
	for what, spoil := range map[string]func(*protocol.Offer){
		"title":  func(o *protocol.Offer) { o.Title = "Mrs Smith" },
		"medium": func(o *protocol.Offer) { o.Medium = "mud" },
		"role":   func(o *protocol.Offer) { o.Role = "truth" },
	} {
		bad := *o
		if spoil(&bad); !errors.Is(bad.Check(), protocol.Invalid) {
			t.Errorf("an offer with a bad %s is taken", what)
		}
	}
	for what, spoil := range map[string]func(*protocol.Class){
		"property": func(c *protocol.Class) { c.Prop = strings.Repeat("x", 41) },
		"unit":     func(c *protocol.Class) { c.Unit = strings.Repeat("x", 25) },
		"medium":   func(c *protocol.Class) { c.Medium = "mud" },
		"coverage": func(c *protocol.Class) { c.Coverage = 1001 },
	} {
		s := sample(t, protocol.KindStamp).(*protocol.Stamp)
		if spoil(&s.Class); !errors.Is(s.Check(), protocol.Invalid) {
			t.Errorf("a stamp with a bad %s is taken", what)
		}
	}
}
