package unit_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// FuzzCheckForm: whatever a unit holds, once it is measured and named the checks of its form end in order, and a unit that
// passes keeps its name when it is written and read, voided, or served by a node.
func FuzzCheckForm(f *testing.F) {
	for _, v := range unitVectors(f) {
		f.Add([]byte(v.Unit))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := unit.Parse(data)
		if err != nil || u.ContentHash != "" {
			return
		}
		if err := u.Measure(); err != nil {
			return
		}
		if u.Unit, err = u.Hash(); err != nil {
			return
		}
		if err := unit.CheckForm(u); err != nil {
			if !errors.Is(err, byteball.Invalid) && !errors.Is(err, byteball.Transient) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		checkWritten(t, u)
		content, err := u.HashContent()
		if err != nil {
			t.Fatal(err)
		}
		if h, err := voided(u, content).Hash(); h != u.Unit || err != nil {
			t.Fatalf("voided it is %s, %v, want %s", h, err, u.Unit)
		}
		written, err := json.Marshal(unit.Joint{Unit: u, Ball: u.Unit})
		if err != nil {
			t.Fatal(err)
		}
		if j, err := unit.ParseJoint(written); err != nil || j.CheckForm() != nil {
			t.Fatalf("its joint %s: %v", written, err)
		}
	})
}
