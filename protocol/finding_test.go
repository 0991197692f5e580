package protocol_test

import (
	"testing"

	"github.com/iotverse/iotverse/protocol"
)

func TestStampAdvises(t *testing.T) {
	for _, c := range []struct {
		stamp protocol.Stamp
		want  string
	}{
		{protocol.Stamp{}, ""},
		{protocol.Stamp{Reasons: []uint8{22}}, "the value stands still for longer than this sensor's usually does: check the sensor"},
		{protocol.Stamp{Hard: []uint8{6}, Reasons: []uint8{200}}, "the device that signs was revoked: enrol a new device; unknown finding 200"},
	} {
		if got := c.stamp.Advise(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
