package sensor

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPace: whenever timers wake and clocks are set, a period is polled once at most, and in its second half; who is on time
// polls each.
func TestPace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.Int64Range(1, 5_000).Draw(t, "period")
		p := pace{period: period}
		now := time.Unix(0, rapid.Int64Range(1<<30, 1<<40).Draw(t, "now"))
		polled := int64(-1)
		for range 50 {
			wait := p.next(now)
			if wait <= 0 || int64(wait) > 2*period {
				t.Fatalf("%d to wait, want more than 0 and no more than two periods of %d", wait, period)
			}
			late := max(0, rapid.Int64Range(-2*period, 2*period).Draw(t, "late"))
			now = now.Add(wait + time.Duration(late))
			n, into := now.UnixNano()/period, now.UnixNano()%period
			switch due := p.due(now); {
			case due && (n == polled || into < period/2):
				t.Fatalf("polled at %d in period %d, the one before in %d", into, n, polled)
			case !due && n != polled && into >= period/2:
				t.Fatalf("not polled at %d of %d", into, period)
			case due:
				polled = n
			}
			if back := rapid.Int64Range(-9*period, period).Draw(t, "clock set back"); back > 0 {
				now = now.Add(-time.Duration(back))
			}
		}
	})
}
