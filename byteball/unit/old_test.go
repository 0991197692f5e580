package unit_test

import (
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// TestComposeOld: composed for the old network from its parts, each vector of version 1.0 comes out as it was.
func TestComposeOld(t *testing.T) {
	n := 0
	for _, v := range unitVectors(t) {
		want, err := unit.Parse(v.Unit)
		if err != nil {
			t.Fatal(err)
		}
		if want.Version != byteball.Old.Version || len(want.Authors) > 1 || want.ContentHash != "" {
			continue
		}
		a := unit.Anchor{Parents: want.ParentUnits, LastBall: want.LastBall, LastBallUnit: want.LastBallUnit,
			WitnessListUnit: want.WitnessListUnit, Witnesses: want.Witnesses}
		if a.WitnessListUnit == "" && a.Witnesses == nil {
			continue
		}
		got, err := unit.Compose(byteball.Old, a, want.Authors, want.Messages)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if err := got.Seal(); err != nil || got.Unit != v.Hash || got.HeadersCommission != v.Headers || got.PayloadCommission != v.Payload || got.TPSFee != nil {
			t.Errorf("%s: got %s of %d + %d bytes, tps fee %v, %v; want %s of %d + %d", v.Name,
				got.Unit, got.HeadersCommission, got.PayloadCommission, got.TPSFee, err, v.Hash, v.Headers, v.Payload)
		}
		n++
	}
	if n == 0 {
		t.Error("no vector of version 1.0 was composed")
	}
	t.Logf("%d vectors", n)
}

// TestAnchorSuits: an anchor names what units of its network name, no more and no less.
func TestAnchorSuits(t *testing.T) {
	ops := []byteball.Address{"A"}
	for name, c := range map[string]struct {
		net byteball.Network
		a   unit.Anchor
		ok  bool
	}{
		"live":                     {byteball.Live, unit.Anchor{TPSFee: 5}, true},
		"live with witnesses":      {byteball.Live, unit.Anchor{Witnesses: ops}, false},
		"live with a witness list": {byteball.Live, unit.Anchor{WitnessListUnit: "U"}, false},
		"old with witnesses":       {byteball.Old, unit.Anchor{Witnesses: ops}, true},
		"old with a witness list":  {byteball.Old, unit.Anchor{WitnessListUnit: "U"}, true},
		"old without":              {byteball.Old, unit.Anchor{}, false},
		"old with both":            {byteball.Old, unit.Anchor{Witnesses: ops, WitnessListUnit: "U"}, false},
		"old with a tps fee":       {byteball.Old, unit.Anchor{Witnesses: ops, TPSFee: 1}, false},
	} {
		_, err := unit.Compose(c.net, c.a, nil, nil)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: %v, want it taken: %t", name, err, c.ok)
		}
	}
}
