package joint_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/joint"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// negate makes s the order of the group less s, in place.
func negate(s []byte) {
	order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	new(big.Int).Sub(order, new(big.Int).SetBytes(s)).FillBytes(s)
}

func TestTemporaryData(t *testing.T) {
	data := map[string]any{"reading": 21.5}
	hash, err := objecthash.JSONHash(data)
	if err != nil {
		t.Fatal(err)
	}
	payload := map[string]any{"data_length": float64(objecthash.Length(data, true)), "data_hash": string(hash)}
	k := key(t, 1)
	u := spend(t, byteball.Dev, sig(k), map[string]*unit.Key{"r": k}, nil, unit.Message{App: "temp_data", Payload: payload})
	for _, c := range []struct {
		now  int64
		want error
	}{{0, nil}, {u.Timestamp, byteball.Transient}, {u.Timestamp + 24*3600 - 1, byteball.Transient}, {u.Timestamp + 24*3600, nil}} {
		if got, err := joint.Check(text(t, u), joint.Rules{Now: c.now}); got != u.Unit || !errors.Is(err, c.want) {
			t.Errorf("without the data at %d: %s, %v, want %v", c.now, got, err, c.want)
		}
	}
	payload["data"] = data
	if got, err := joint.Check(text(t, u), joint.Rules{Now: u.Timestamp}); got != u.Unit || err != nil {
		t.Errorf("with its data: %s, %v", got, err)
	}
	data["reading"] = 22.5
	if _, err := joint.Check(text(t, u), joint.Rules{}); !errors.Is(err, byteball.Invalid) {
		t.Errorf("with other data: %v, want an error of kind Invalid", err)
	}
}

func TestTimeToCome(t *testing.T) {
	k := key(t, 1)
	u := spend(t, byteball.Dev, sig(k), map[string]*unit.Key{"r": k}, nil)
	for now, want := range map[int64]error{0: nil, u.Timestamp - 5: nil, u.Timestamp - 6: byteball.Transient} {
		if _, err := joint.Check(text(t, u), joint.Rules{Now: now}); !errors.Is(err, want) {
			t.Errorf("at %d: %v, want %v", now, err, want)
		}
	}
}

func TestOversizeFee(t *testing.T) {
	k := key(t, 1)
	u := spend(t, byteball.Dev, sig(k), map[string]*unit.Key{"r": k}, nil,
		unit.Message{App: "data", Payload: map[string]any{"a": strings.Repeat("x", 12_000)}})
	u.OversizeFee++ // no hash covers it
	for threshold, want := range map[uint64]error{0: nil, unit.ThresholdSize: byteball.Invalid} {
		if _, err := joint.Check(text(t, u), joint.Rules{ThresholdSize: threshold}); !errors.Is(err, want) {
			t.Errorf("threshold %d: %v, want %v", threshold, err, want)
		}
	}
}

// A unit that lost a double spend keeps its name, but only a node can say so, with a ball.
func TestVoidedUnit(t *testing.T) {
	k := key(t, 1)
	u := spend(t, byteball.Dev, sig(k), map[string]*unit.Key{"r": k}, nil)
	content, err := u.HashContent()
	if err != nil {
		t.Fatal(err)
	}
	void := &unit.Unit{Unit: u.Unit, Version: u.Version, Alt: u.Alt, Timestamp: u.Timestamp, ContentHash: content,
		ParentUnits: u.ParentUnits, LastBall: u.LastBall, LastBallUnit: u.LastBallUnit, Authors: []unit.Author{{Address: u.Authors[0].Address}}}
	wantGood(t, []byte(`{"unit":`+string(text(t, void))+`,"ball":"`+string(someHash(7))+`"}`), u.Unit)
	got, err := joint.Check(text(t, void), asOnNetwork)
	if got != u.Unit || err == nil || err.Error() != "content_hash allowed only in finished ball" {
		t.Errorf("without a ball: %s, %v", got, err)
	}
}

// An autonomous agent signs nothing; whether the author is one, a chain must say, and only of what is stable.
func TestUnsignedUnit(t *testing.T) {
	k := key(t, 1)
	u := spend(t, byteball.Live, sig(k), map[string]*unit.Key{"r": k}, nil)
	u.Authors[0].Authentifiers, u.Authors[0].Definition, u.TPSFee = nil, nil, nil
	if err := u.Measure(); err != nil {
		t.Fatal(err)
	}
	if err := u.Seal(); err != nil {
		t.Fatal(err)
	}
	if got, err := joint.Check(text(t, u), asOnNetwork); got != u.Unit || err == nil || err.Error() != "possible AA" {
		t.Errorf("%s, %v, want %s, possible AA", got, err, u.Unit)
	}
	wantGood(t, []byte(`{"unit":`+string(text(t, u))+`,"ball":"`+string(someHash(7))+`"}`), u.Unit)
}

func TestTrickyTexts(t *testing.T) {
	k := key(t, 1)
	data := map[string]any{"n": 0.0, "s": "x"}
	u := spend(t, byteball.Dev, sig(k), map[string]*unit.Key{"r": k}, nil, unit.Message{App: "data", Payload: data})
	plain := string(text(t, u))
	for _, c := range []struct{ name, old, new, want string }{
		{"minus zero is zero", `"n":0`, `"n":-0`, ""},
		{"zero with an exponent", `"n":0`, `"n":0.0e+5`, ""},
		{"another number", `"n":0`, `"n":1e3`, "wrong payload hash"},
		{"a number as a text", `"n":0`, `"n":"0"`, "wrong payload hash"},
		{"an escape of the same letter", `"s":"x"`, `"s":"\u0078"`, ""},
		{"the last of equal keys counts", `"n":0`, `"n":7,"n":0`, ""},
		{"not the first", `"n":0`, `"n":0,"n":7`, "wrong payload hash"},
		{"a null", `"n":0`, `"n":null`, "failed to calc payload hash"},
		{"an empty list", `"n":0`, `"n":[]`, "failed to calc payload hash"},
		{"a number out of range", `"n":0`, `"n":1e999`, "invalid number: Infinity"},
		{"a lone surrogate", `"s":"x"`, `"s":"\ud800"`, "lone surrogate"},
		{"an exponent in a fee", `"timestamp":1700000000`, `"timestamp":1.7e9`, ""},
		{"a fee as a text", `"tps_fee":21`, `"tps_fee":"21"`, "wrong unit hash"},
		{"a field that is not there", `"tps_fee":21`, `"tps_fee":21,"x":1`, "wrong unit hash"},
		{"fields out of the hash: headers", `"headers_commission":4`, `"headers_commission":5`, "wrong headers commission"},
		{"fields out of the hash: payload", `"payload_commission":`, `"payload_commission":1`, "wrong payload commission"},
		{"fields out of the hash: oversize fee", `"tps_fee":21`, `"oversize_fee":1,"tps_fee":21`, "zero oversize fee should be omitted"},
		{"what nodes add", `"tps_fee":21`, `"main_chain_index":5,"actual_tps_fee":3,"tps_fee":21`, ""},
		{"another version", `"version":"4.0dev"`, `"version":"1.0"`, "wrong unit hash"},
	} {
		changed := strings.Replace(plain, c.old, c.new, 1)
		if changed == plain {
			t.Fatalf("%s: %s is not in %s", c.name, c.old, plain)
		}
		_, err := joint.Check([]byte(changed), asOnNetwork)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzCheck: no text makes a check panic, and whatever passes has the hash that is returned.
func FuzzCheck(f *testing.F) {
	k := key(f, 1)
	good := spend(f, byteball.Dev, sig(k), map[string]*unit.Key{"r": k}, nil)
	f.Add(text(f, good))
	f.Add([]byte(`{"unit":` + string(text(f, good)) + `,"ball":"` + string(someHash(1)) + `","skiplist_units":["x"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		name, err := joint.Check(data, asOnNetwork)
		if err != nil {
			if !errors.Is(err, byteball.Invalid) && !errors.Is(err, byteball.Transient) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		j, err := unit.ParseJoint(data)
		if err != nil || j.Unit.Unit != name {
			t.Fatalf("%s passes as %s: %v", data, name, err)
		}
	})
}
