package sensor_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/seller/sensor/file"
)

// A recording is sold as if it were measured now; the loop ends with it.
func ExampleRun() {
	recording, err := file.NewReader(strings.NewReader("ts,value\n1700000000,20.5\n1700000060,20.6\n"), file.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	driver, err := file.Play(recording, file.Pace{Prop: "air-temperature", Period: 10 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = sensor.Run(context.Background(), driver, func(s sensor.Sample) error {
		p, _ := protocol.PropertyOf(s.Prop)
		fmt.Println(s.Prop, s.Reading.Value, p.Unit)
		return nil
	})
	fmt.Println(err)
	// Output:
	// air-temperature 20.5 Cel
	// air-temperature 20.6 Cel
	// <nil>
}
