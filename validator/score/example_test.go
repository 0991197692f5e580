package score_test

import (
	"fmt"

	"github.com/iotverse/iotverse/validator/score"
)

// A seller sells the morning of the third day again in the evening of the fifth.
func Example() {
	profile := score.Profile{
		Property: "air-temperature", Min: -80, Max: 60, MaxRate: .05, Grid: .01, NoiseFloor: 1, BiasMax: 3, Noise: true,
		Period: 60_000, Length: 3_600_000, DayWindows: 24, MinWindows: 24, HistWindows: 168, Baseline: 168,
	}
	d := dice(7)
	measured := make([]score.Reading, 60)
	for i := range measured {
		measured[i] = score.Reading{T: int64(i) * 60_000, V: float64(1500+d.below(40)) / 100}
	}
	seller, morning, evening := [32]byte{1}, [32]byte{10}, [32]byte{20}
	opened, err := score.NewIndex(profile.Grid, score.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := opened.Add(score.Run{Seller: seller, Wid: morning, Seq: 100, Committed: 3_600_000, Readings: measured}); err != nil {
		fmt.Println(err)
		return
	}
	again := make([]score.Reading, 60)
	for i, r := range measured {
		again[i] = score.Reading{T: r.T + 58*3_600_000, V: r.V + .5}
	}
	result := score.Window(score.Input{
		Profile: profile, Seller: seller, Wid: evening, Window: 58, Committed: 59 * 3_600_000, Expected: 60, Device: 950,
		Batches: []score.Batch{{Seq: 900, N: 60, T0: again[0].T, T1: again[59].T, Readings: again}},
		Index:   opened,
	})
	fmt.Println("integrity", result.I)
	for _, code := range result.Hard {
		fmt.Printf("code %d: %s\n", int(code), code)
	}
	fmt.Println("evidence:", score.VerifyReplay(*result.Evidence, profile))
	// Output:
	// integrity 0
	// code 5: the readings repeat an earlier run of this or of another seller, step by step
	// evidence: <nil>
}
