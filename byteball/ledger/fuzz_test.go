package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// FuzzFrame sends anything to the server as one message.
func FuzzFrame(f *testing.F) {
	w := newWorld(f, "", someone(f, 1))
	w.witness(5)
	op := string(w.OP())
	for _, s := range []string{
		`["request",{"command":"get_witnesses","tag":"t"}]`,
		`["request",{"command":"light/get_history","tag":"t","params":{"addresses":["` + op + `"],"witnesses":["` + op + `"],"min_mci":2}}]`,
		`["request",{"command":"light/get_parents_and_last_ball_and_witness_list_unit","tag":"t","params":{"from_addresses":["` + op + `"],"output_addresses":["` + op + `"]}}]`,
		`["request",{"command":"light/pick_divisible_coins_for_amount","tag":"t","params":{"addresses":["` + op + `"],"last_ball_mci":3,"amount":5}}]`,
		`["request",{"command":"light/get_data_feed","tag":"t","params":{"oracles":["` + op + `"],"feed_name":"timestamp","max_mci":3,"ifseveral":"abort"}}]`,
		`["request",{"command":"light/get_attestation","tag":"t","params":{"attestor_address":"` + op + `","field":"a","value":"b"}}]`,
		`["request",{"command":"light/get_link_proofs","tag":"t","params":["` + string(w.Genesis()) + `","a"]}]`,
		`["request",{"command":"post_joint","tag":"t","params":{"unit":{"unit":"x","version":"4.0dev"}}}]`,
		`["request",{"command":"get_joint","tag":"t","params":"` + string(w.Genesis()) + `"}]`,
		`["justsaying",{"subject":"light/new_address_to_watch","body":"` + op + `"}]`,
		`["justsaying",{"subject":"hub/login","body":{"challenge":"x","pubkey":"y","signature":"z"}}]`,
		`["justsaying",{"subject":"version","body":{"protocol_version":"4.0dev","alt":"3","library_version":"0.4.6"}}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, answer := range w.Hear(data) {
			if !json.Valid(answer) {
				t.Errorf("answer to %q is no JSON: %q", data, answer)
			}
		}
	})
}

// FuzzPost posts spoiled units, as they are and with hash and sizes repaired, so that more than the first check is met. The
// ledger has all good ones already: none may be accepted.
func FuzzPost(f *testing.F) {
	v := readJSON[replay](f, "testdata/ledger_replay.json")
	l := open(f, ledger.Config{Network: byteball.Dev, Genesis: &v.Genesis})
	for i, j := range v.AcceptedUnits {
		if err := l.Post(j.Unit, time.Unix(j.Unit.Timestamp, 0)); err != nil {
			f.Fatal(err)
		}
		if i%8 != 0 {
			continue
		}
		data, err := json.Marshal(map[string]any{"unit": j.Unit})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	now := time.Unix(v.FinalClock, 0)
	f.Fuzz(func(t *testing.T, data []byte) {
		l.Forget()
		tree, err := objecthash.ParseTree(data)
		if err != nil {
			return
		}
		if _, err := l.PostJoint(tree, now); err == nil {
			t.Errorf("accepted %s", data)
		}
		joint, _ := tree.(map[string]any)
		u, err := unit.FromTree(joint["unit"])
		if err != nil || u.Measure() != nil {
			return
		}
		if u.Unit, err = u.Hash(); err != nil {
			return
		}
		if err := l.Post(u, now); err == nil {
			t.Errorf("accepted after repair: %s", data)
		}
	})
}
