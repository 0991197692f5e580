package classify_test

import (
	"fmt"

	"github.com/iotverse/iotverse/market/classify"
)

func ExampleClassify() {
	c := classify.Classify(classify.Evidence{Title: "AHU-2 SAT-SP", Unit: "degF"})
	fmt.Println(c.Kind, c.Role, c.Medium, c.Unit.ID)
	for _, r := range c.Reasons {
		fmt.Println(r)
	}
	// Output:
	// {temperature 970} {setpoint 750} {supply 950} DEG_F
	// "ahu": equipment ahu, 1000 ‰
	// "sat": quantity temperature, 900 ‰
	// "sat": medium supply, 950 ‰
	// "sp": role setpoint, 750 ‰
	// unit "degF": quantity temperature, 700 ‰
}

func ExampleDemand() {
	c := classify.Demand("target value of the humidity in the zone")
	fmt.Println(c.Kind.Value, c.Role.Value, c.Medium.Value)
	// Output: humidity setpoint room
}
