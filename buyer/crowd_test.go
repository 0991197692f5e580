package buyer_test

import (
	"fmt"
	"testing"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
)

// payees are n addresses from the first on.
func payees(first, n int) channel.Payouts {
	p := make(channel.Payouts)
	for i := range n {
		p[byteball.Address(fmt.Sprint(first+i))] = 300
	}
	return p
}

func TestAClosingHasRoomForItsPayees(t *testing.T) {
	const most = channel.MaxOutputs - 2 // beside seller and change
	for _, c := range []struct {
		what          string
		promised, add channel.Payouts
		want          bool
	}{
		{"nobody", nil, nil, false},
		{"the first committee", nil, payees(0, 9), false},
		{"just enough", payees(0, most-9), payees(most-9, 9), false},
		{"one too many", payees(0, most-9), payees(most-9, 10), true},
		{"the same again", payees(0, most), payees(0, 9), false},
		{"the seller among them", payees(-1, most+1), payees(0, 9), false},
		{"too many already", payees(0, most+1), nil, true},
	} {
		n := len(c.promised)
		if got := buyer.Crowds(c.promised, c.add, "-1"); got != c.want || len(c.promised) != n {
			t.Errorf("%s: %t with %d payees, want %t with %d", c.what, got, len(c.promised), c.want, n)
		}
	}
}
