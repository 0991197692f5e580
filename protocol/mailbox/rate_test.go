package mailbox

import (
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

// One identity cannot send without measure; another does not suffer, and who waits may send again.
func TestAllowed(t *testing.T) {
	b := &Box{rates: map[protocol.Identity]rate{}}
	now := time.Unix(1_800_000_000, 0)
	taken := 0
	for range 10 * burst {
		if b.allowed("a", now) {
			taken++
		}
	}
	if taken < burst || taken > burst+2 {
		t.Errorf("%d messages at once, want %d", taken, burst)
	}
	if !b.allowed("b", now) {
		t.Error("another may send nothing")
	}
	if now = now.Add(2 * refill); !b.allowed("a", now) {
		t.Error("who waited may send nothing")
	}
	for i := range 3 * maxKnown {
		b.allowed(protocol.Identity([]byte{byte(i), byte(i >> 8), byte(i >> 16)}), now)
	}
	if len(b.rates) > maxKnown {
		t.Errorf("%d identities are counted, want at most %d", len(b.rates), maxKnown)
	}
}
