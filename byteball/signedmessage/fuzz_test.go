package signedmessage_test

import (
	"encoding/json"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/signedmessage"
)

// FuzzValidate wants no panic of any input, and that an accepted message is accepted again as MarshalJSON writes it.
func FuzzValidate(f *testing.F) {
	v := load(f)
	for _, c := range v.Cases {
		f.Add([]byte(c.Package))
	}
	cfg := signedmessage.Config{Network: byteball.Dev, MaxComplexity: 50}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := signedmessage.Validate(data, "", cfg)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err == nil {
			_, err = signedmessage.Validate(again, m.Authors[0].Address, cfg)
		}
		if err != nil {
			t.Errorf("%s was accepted, but not as %s: %v", data, again, err)
		}
	})
}
