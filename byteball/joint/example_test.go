package joint_test

import (
	"fmt"
	"strings"

	"github.com/iotverse/iotverse/byteball/joint"
	"github.com/iotverse/iotverse/byteball/unit"
)

// received is a unit as it comes over the wire, the first of its author.
const received = `{"alt":"1","authors":[{"address":"DVXZGAFW2FODP7YUJZ4S7PX64XL4VWKE","authentifiers":{"r":"256fh+xL9wWwIno7Y8Po` +
	`tjdUfPep+ydBnqWAF0u81Ud9pwM65GnVrcNJlKuNCGDce8M9y3q6ypHoIoZD+epR1A=="},"definition":["sig",{"pubkey":"Anm+Zn75` +
	`3LusVaBilc6HCwcCm/zbLc4o2VnygVsW+BeY"}]}],"headers_commission":468,"last_ball":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAA` +
	`AAAAAAAAAAAAA=","last_ball_unit":"BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","messages":[{"app":"text","pay` +
	`load":"hello, ledger","payload_hash":"3Zi6FFT80domjd7ySit4NrGjaxF5X1+njKfIfd7Iv3g=","payload_location":"inline` +
	`"},{"app":"payment","payload":{"inputs":[{"message_index":0,"output_index":1,"unit":"CQAAAAAAAAAAAAAAAAAAAAAAA` +
	`AAAAAAAAAAAAAAAAAA="}],"outputs":[{"address":"DVXZGAFW2FODP7YUJZ4S7PX64XL4VWKE","amount":89095},{"address":"FL` +
	`YJOMYTX4X2QFMISZPWACUARB3ZFYRJ","amount":10000}]},"payload_hash":"95TRkzY52GwtG8QXGWIrAWPQ9lH2Y2aRK4u4O09Wc/4=` +
	`","payload_location":"inline"}],"parent_units":["AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","AwAAAAAAAAAAAA` +
	`AAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],"payload_commission":416,"timestamp":1700000000,"tps_fee":21,"unit":"ioEQOtGJ` +
	`K/Ub5EwVxsZzNEJw96Do3rn4LxAitUratcU=","version":"4.0"}`

// A unit from a stranger. The name comes out even if the unit is wrong.
func ExampleCheck() {
	rules := joint.Rules{ThresholdSize: unit.ThresholdSize}
	fmt.Println(joint.Check([]byte(received), rules))
	forged := strings.Replace(received, `"amount":10000`, `"amount":90000`, 1)
	fmt.Println(joint.Check([]byte(forged), rules))
	// Output:
	// ioEQOtGJK/Ub5EwVxsZzNEJw96Do3rn4LxAitUratcU= <nil>
	// ioEQOtGJK/Ub5EwVxsZzNEJw96Do3rn4LxAitUratcU= wrong payload hash: expected /fBYu9/volvjachG35bxK4Ea/LWKgi/pzO+GnAVusjo=, got 95TRkzY52GwtG8QXGWIrAWPQ9lH2Y2aRK4u4O09Wc/4=
}
