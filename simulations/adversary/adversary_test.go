package adversary_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/validator/score"
)

const slug = "air-temperature"

func cheat(t testing.TB, s adversary.Strategy, plan adversary.Plan) adversary.Lie {
	t.Helper()
	p, _ := protocol.PropertyOf(slug)
	l, err := adversary.Cheat(s, p, plan)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// said is what a cheater says of the values 1, 2, 3 … seen every second from start on.
func said(l adversary.Lie, start time.Time, n int) (list []string) {
	for i := range n {
		for _, r := range l.Tell(protocol.Reading{Time: start.Add(time.Duration(i) * time.Second).UnixMilli(), Value: float64(i + 1)}) {
			list = append(list, fmt.Sprintf("%d:%g", r.Time/1000-start.Unix(), r.Value))
		}
	}
	return list
}

func TestLies(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		name     string
		strategy adversary.Strategy
		plan     adversary.Plan
		want     string
	}{
		{"all of it again", adversary.Replay, adversary.Plan{After: 3 * time.Second}, "[0:1 1:2 2:3 3:1 4:2 5:3 6:1 7:2]"},
		{"the end of it again", adversary.Replay, adversary.Plan{After: 4 * time.Second, Stretch: 2 * time.Second}, "[0:1 1:2 2:3 3:4 4:3 5:4 6:3 7:4]"},
		{"never honest", adversary.Replay, adversary.Plan{}, "[0:1 1:1 2:1 3:1 4:1 5:1 6:1 7:1]"},
		{"stuck", adversary.Stuck, adversary.Plan{After: 3 * time.Second}, "[0:1 1:2 2:3 3:3 4:3 5:3 6:3 7:3]"},
		{"Fahrenheit", adversary.Unit, adversary.Plan{After: 6 * time.Second}, "[0:1 1:2 2:3 3:4 4:5 5:6 6:44.6 7:46.4]"},
		{"another's", adversary.Copy, adversary.Plan{Behind: 3 * time.Second}, "[3:1 4:2 5:3 6:4 7:5]"},
		{"another's, later", adversary.Copy, adversary.Plan{Behind: 3 * time.Second, Since: start.Add(2 * time.Second)}, "[5:3 6:4 7:5]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fmt.Sprint(said(cheat(t, c.strategy, c.plan), start, 8)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if _, err := adversary.Cheat(adversary.Lazy, protocol.Property{}, adversary.Plan{}); !errors.Is(err, protocol.NotFound) {
		t.Errorf("a validator's strategy: got %v, want NotFound", err)
	}
}

// A made-up curve is smooth and stays near what was measured.
func TestCurve(t *testing.T) {
	l := cheat(t, adversary.Curve, adversary.Plan{After: 2 * time.Second})
	var list []float64
	for i := range 3000 {
		r := l.Tell(protocol.Reading{Time: int64(i) * 20, Value: 20 + .05*math.Sin(float64(i*i))})
		list = append(list, r[0].Value)
	}
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range list[100:] {
		low, high = min(low, v), max(high, v)
		if i > 0 && math.Abs(v-list[99+i]) > .05+1e-9 {
			t.Fatalf("reading %d jumps from %v to %v", i, list[99+i], v)
		}
	}
	if low < 15 || high > 25 || high-low < 4 {
		t.Errorf("the curve goes from %v to %v, want a swing round 20 of some degrees", low, high)
	}
}

// Laws of all lies: whatever the sensor shows, times never fall, and what is said has a number.
func TestLiesKeepTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(adversary.Cheats()).Draw(t, "strategy")
		p, _ := protocol.PropertyOf(rapid.SampledFrom(protocol.Properties()).Draw(t, "property"))
		ms := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(-10, 1000).Draw(t, name)) * time.Millisecond
		}
		l, err := adversary.Cheat(s, p, adversary.Plan{After: ms("after"), Stretch: ms("stretch"), Behind: ms("behind")})
		if err != nil {
			t.Fatal(err)
		}
		at, last := int64(0), int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			at += rapid.Int64Range(0, 100).Draw(t, "gap")
			for _, r := range l.Tell(protocol.Reading{Time: at, Value: rapid.Float64Range(p.Min, p.Max).Draw(t, "value")}) {
				if r.Time < last || r.Time > at || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
					t.Fatalf("%s of %s says %v at %d after %d, it is %d", s, p.Slug, r.Value, r.Time, last, at)
				}
				last = r.Time
			}
		}
	})
}

// counter is a driver of two properties that never shows a value twice, and ends.
type counter struct{ n, end int }

func (c *counter) Quantities() []sensor.Quantity {
	return []sensor.Quantity{{Prop: "a", Period: time.Second, Accuracy: "1"}, {Prop: "b", Period: time.Second, Accuracy: "1"}}
}

func (c *counter) Read(now time.Time) ([]sensor.Sample, error) {
	if c.n++; c.n > c.end {
		return nil, io.EOF
	}
	r := protocol.Reading{Time: now.UnixMilli(), Value: float64(c.n)}
	return []sensor.Sample{{Prop: "a", Reading: r}, {Prop: "b", Reading: r}}, nil
}

func TestDrive(t *testing.T) {
	d := adversary.Drive(&counter{end: 4}, map[string]adversary.Lie{"a": cheat(t, adversary.Stuck, adversary.Plan{After: 2 * time.Second})})
	var got []string
	for i := 0; ; i++ {
		samples, err := d.Read(time.Unix(int64(i), 0))
		for _, s := range samples {
			got = append(got, fmt.Sprintf("%s%g", s.Prop, s.Reading.Value))
		}
		if errors.Is(err, io.EOF) {
			break
		}
	}
	if want := "[a1 b1 a2 b2 a2 b3 a2 b4]"; fmt.Sprint(got) != want || len(d.Quantities()) != 2 {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestOverhear(t *testing.T) {
	open, hidden := adversary.Overhear(&counter{end: 10}, "b")
	if q := hidden.Quantities(); len(q) != 1 || q[0].Prop != "b" || len(open.Quantities()) != 2 {
		t.Errorf("the ear shows %v", q)
	}
	count := func(at int64) int {
		samples, err := hidden.Read(time.Unix(at, 0))
		if err != nil {
			t.Fatal(err)
		}
		return len(samples)
	}
	for at := range int64(3) {
		if samples, err := open.Read(time.Unix(at, 0)); err != nil || len(samples) != 2 {
			t.Errorf("the sensor shows %v, %v", samples, err)
		}
	}
	if got := []int{count(3), count(3)}; got[0] != 3 || got[1] != 0 {
		t.Errorf("overheard %v, want 3 and then nothing", got)
	}
	for _, at := range []int64{4, 4000, 8000} {
		open.Read(time.Unix(at, 0))
	}
	if got := count(8001); got != 1 {
		t.Errorf("%d readings kept, want those of an hour: 1", got)
	}
}

func TestUnseenDoesNotLook(t *testing.T) {
	blank := adversary.Unseen(score.Input{Window: 3})
	full := adversary.Unseen(score.Input{Window: 3, Faults: []score.Code{score.CodeChain}, Batches: []score.Batch{{N: 5}}})
	if blank.I != full.I || len(full.Hard) > 0 || blank.I == 0 {
		t.Errorf("got %+v and %+v, want the same judgement of anything", blank, full)
	}
}
