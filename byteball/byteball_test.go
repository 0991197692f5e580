package byteball_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/iotverse/iotverse/byteball"
)

func TestBytesString(t *testing.T) {
	for _, c := range []struct {
		amount byteball.Bytes
		want   string
	}{
		{0, "0 bytes"}, {999, "999 bytes"}, {1000, "1 kB"}, {1001, "1.001 kB"}, {1_500_000, "1.500 MB"}, {1e15, "1000000 GB"},
	} {
		if got := c.amount.String(); got != c.want {
			t.Errorf("%d prints %q, want %q", uint64(c.amount), got, c.want)
		}
	}
}

func TestAdd(t *testing.T) {
	for _, c := range []struct {
		amounts []byteball.Bytes
		want    byteball.Bytes
		err     error
	}{
		{nil, 0, nil},
		{[]byteball.Bytes{1, 2, 3}, 6, nil},
		{[]byteball.Bytes{byteball.MaxBytes, 0}, byteball.MaxBytes, nil},
		{[]byteball.Bytes{byteball.MaxBytes, 1}, 0, byteball.Invalid},
		{[]byteball.Bytes{1, 1<<64 - 1}, 0, byteball.Invalid},
	} {
		if got, err := byteball.Add(c.amounts...); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Add(%v) = %d, %v, want %d, %v", c.amounts, got, err, c.want, c.err)
		}
	}
}

func TestNetworks(t *testing.T) {
	for name, majority := range map[string]int{"live": 7, "testnet": 7, "dev": 1, "old": 1} {
		if n, ok := byteball.NetworkByName(name); !ok || n.Majority() != majority {
			t.Errorf("majority of %s is %d, %t, want %d", name, n.Majority(), ok, majority)
		}
	}
	if _, ok := byteball.NetworkByName("mars"); ok {
		t.Error("there is a network on mars")
	}
}

// TestNetworkJSON: what a disk says of a network but its name is not believed.
func TestNetworkJSON(t *testing.T) {
	for _, want := range []byteball.Network{byteball.Live, byteball.Testnet, byteball.Dev, byteball.Old} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(data), `{"Name":"` + want.Name + `","OPs":77}`} {
			var got byteball.Network
			if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s is read as %+v, %v", text, got, err)
			}
		}
	}
	for _, text := range []string{`{}`, `{"Name":"mars"}`, `"dev"`, `7`} {
		var got byteball.Network
		if err := json.Unmarshal([]byte(text), &got); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s is read as %+v, %v, want Invalid", text, got, err)
		}
	}
}

func ExampleErrorf() {
	err := byteball.Errorf(byteball.Invalid, "too many parents: %d", 17)
	fmt.Println(err, errors.Is(err, byteball.Invalid))
	// Output: too many parents: 17 true
}
