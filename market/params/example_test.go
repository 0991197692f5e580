package params_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/iotverse/iotverse/market/params"
)

// A manifest may leave its parameters to the profile; windows and epochs follow from T0.
func Example() {
	m := manifest("standard")
	file, _ := m.Marshal()
	head, _, _ := strings.Cut(string(file), "\nprofile:")
	m, err := params.Parse([]byte(head + "\nprofile: fast\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c := m.Calendar()
	w, _ := c.WindowAt(time.Unix(m.T0+62, 0))
	fmt.Println("window", w, "of epoch", c.EpochOf(w), "ends", c.WindowStart(w+1).Unix()-m.T0, "s after the start")
	// Output: window 12 of epoch 2 ends 65 s after the start
}
