package truth_test

import (
	"fmt"

	"github.com/iotverse/iotverse/validator/truth"
)

// Four thermometers of one place: one is half a degree warm, one strays. What they said in six hours tells which.
func Example() {
	sources := truth.Learn([][]float64{
		{11.0, 11.4, 12.1, 12.9, 13.4, 13.8},
		{11.1, 11.4, 12.0, 13.0, 13.4, 13.7},
		{11.5, 11.9, 12.6, 13.4, 13.9, 14.3},
		{10.2, 10.9, 11.6, 14.1, 12.0, 13.1},
	})
	var now []truth.Claim
	for i, said := range []float64{14.1, 14.2, 14.6, 11.9} {
		now = append(now, truth.Claim{Value: said - sources[i].Bias, Scale: sources[i].Scale})
	}
	fmt.Printf("the third lies %.1f off; now it is %.1f\n", sources[2].Bias-sources[0].Bias, truth.Estimate(now))
	// Output: the third lies 0.5 off; now it is 14.1
}
