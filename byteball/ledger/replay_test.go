package ledger_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// replay is testdata/ledger_replay.json: a chain that the reference made, and its state at the end.
type replay struct {
	Genesis       unit.Joint
	Steps         []replayStep
	AcceptedUnits []struct{ Unit *unit.Unit } `json:"accepted_joints"`
	State         struct {
		Units []struct {
			Unit      byteball.Hash
			Level     int64
			Witnessed int64          `json:"witnessed_level"`
			Included  *int64         `json:"latest_included_mc_index"`
			MCI       int64          `json:"main_chain_index"`
			OnMain    int            `json:"is_on_main_chain"`
			Stable    int            `json:"is_stable"`
			Best      byteball.Hash  `json:"best_parent_unit"`
			Actual    byteball.Bytes `json:"actual_tps_fee"`
		}
		Balls     []struct{ Unit, Ball byteball.Hash }
		Skiplists []struct {
			Unit byteball.Hash
			Skip byteball.Hash `json:"skiplist_unit"`
		}
		Unspent []struct {
			Unit         byteball.Hash
			MessageIndex int `json:"message_index"`
			OutputIndex  int `json:"output_index"`
			Address      byteball.Address
			Amount       byteball.Bytes
		} `json:"unspent_outputs"`
		TPS []struct {
			Address byteball.Address
			MCI     uint64
			Balance int64 `json:"tps_fees_balance"`
		} `json:"tps_fees_balances"`
		Headers []commission `json:"headers_commission_outputs"`
		Payload []commission `json:"witnessing_outputs"`
	}
	Queries []struct {
		Command  string
		Params   json.RawMessage
		Response json.RawMessage
	}
	FinalClock int64 `json:"final_clock"`
}

type commission struct {
	MCI     uint64
	Address byteball.Address
	Amount  byteball.Bytes
}

type replayStep struct {
	Clock    int64
	Note     string
	Response json.RawMessage
	Unit     byteball.Hash
	Joint    json.RawMessage
}

type refusedCase struct {
	Name     string
	Clock    int64
	Joint    json.RawMessage
	Response json.RawMessage
}

func readJSON[T any](t testing.TB, file string) T {
	t.Helper()
	var v T
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func open(t testing.TB, cfg ledger.Config) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// replayAll gives all units of the vector to l in the reference's order and, in between, calls refused for each spoiled one.
func replayAll(t *testing.T, l *ledger.Ledger, v replay, refused func(refusedCase)) {
	t.Helper()
	var cases []refusedCase
	for _, s := range v.Steps {
		if s.Joint != nil {
			cases = append(cases, refusedCase{s.Note, s.Clock, s.Joint, s.Response})
		}
	}
	if refused != nil {
		cases = append(cases, readJSON[struct{ Cases []refusedCase }](t, "testdata/refused_units.json").Cases...)
	}
	clock := map[byteball.Hash]int64{}
	for _, s := range v.Steps {
		clock[s.Unit] = s.Clock
	}
	for _, c := range cases {
		if string(c.Response) == `"accepted"` {
			var j struct {
				Unit struct{ Unit byteball.Hash }
			}
			if err := json.Unmarshal(c.Joint, &j); err != nil {
				t.Fatal(err)
			}
			clock[j.Unit.Unit] = c.Clock
		}
	}
	for _, j := range v.AcceptedUnits {
		at := cmp.Or(clock[j.Unit.Unit], j.Unit.Timestamp)
		for len(cases) > 0 && cases[0].Clock < at {
			refused(cases[0])
			cases = cases[1:]
		}
		for len(cases) > 0 && cases[0].Clock == at && string(cases[0].Response) == `"accepted"` {
			refused(cases[0])
			cases = cases[1:]
		}
		err := l.Post(j.Unit, time.Unix(at, 0))
		if err != nil && err.Error() != "known" {
			t.Fatalf("unit %s at %d: %v", j.Unit.Unit, at, err)
		}
	}
	for _, c := range cases {
		refused(c)
	}
}

func TestReplayState(t *testing.T) {
	v := readJSON[replay](t, "testdata/ledger_replay.json")
	l := open(t, ledger.Config{Network: byteball.Dev, Genesis: &v.Genesis})
	replayAll(t, l, v, func(refusedCase) {})
	checkState(t, l, v)
}

// A chain on disk is the same after each closing.
func TestReplayReopened(t *testing.T) {
	v := readJSON[replay](t, "testdata/ledger_replay.json")
	cfg := ledger.Config{Dir: t.TempDir(), Network: byteball.Dev, Genesis: &v.Genesis}
	for i, j := range v.AcceptedUnits {
		if i%20 != 0 {
			continue
		}
		l, err := ledger.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range v.AcceptedUnits[i:min(i+20, len(v.AcceptedUnits))] {
			if err := l.Post(j.Unit, time.Unix(j.Unit.Timestamp, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		_ = j
	}
	cfg.Genesis = nil
	checkState(t, open(t, cfg), v)
}

func checkState(t *testing.T, l *ledger.Ledger, v replay) {
	t.Helper()
	balls, skips := map[byteball.Hash]byteball.Hash{}, map[byteball.Hash][]byteball.Hash{}
	for _, b := range v.State.Balls {
		balls[b.Unit] = b.Ball
	}
	for _, s := range v.State.Skiplists {
		skips[s.Unit] = append(skips[s.Unit], s.Skip)
	}
	for _, want := range v.State.Units {
		got, ok := l.Place(want.Unit)
		included := int64(-1)
		if want.Included != nil {
			included = *want.Included
		}
		place := ledger.Place{Level: want.Level, Witnessed: want.Witnessed, Included: included, MCI: want.MCI,
			OnMain: want.OnMain == 1, Stable: want.Stable == 1, BestParent: want.Best, Ball: balls[want.Unit], Actual: want.Actual}
		if !ok || got != place {
			t.Errorf("unit %s: %+v, want %+v", want.Unit, got, place)
		}
		j, err := l.Joint(want.Unit)
		slices.Sort(skips[want.Unit])
		if err != nil || !slices.Equal(j.SkiplistUnits, skips[want.Unit]) {
			t.Errorf("unit %s: skip list %v (%v), want %v", want.Unit, j.SkiplistUnits, err, skips[want.Unit])
		}
	}
	checkMoney(t, l, v)
}

func checkMoney(t *testing.T, l *ledger.Ledger, v replay) {
	t.Helper()
	want := map[byteball.Address]map[unit.OutPoint]byteball.Bytes{}
	for _, o := range v.State.Unspent {
		if want[o.Address] == nil {
			want[o.Address] = map[unit.OutPoint]byteball.Bytes{}
		}
		want[o.Address][unit.OutPoint{Unit: o.Unit, MessageIndex: o.MessageIndex, OutputIndex: o.OutputIndex}] = o.Amount
	}
	for address, coins := range want {
		got := map[unit.OutPoint]byteball.Bytes{}
		unspent, err := l.Unspent(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range unspent {
			got[c.OutPoint] = c.Amount
		}
		if !maps.Equal(got, coins) {
			t.Errorf("coins of %s: %v, want %v", address, got, coins)
		}
	}
	for _, b := range v.State.TPS {
		if got, err := l.TPSBalance(b.Address, b.MCI); err != nil || got != b.Balance {
			t.Errorf("tps balance of %s at %d: %d (%v), want %d", b.Address, b.MCI, got, err, b.Balance)
		}
	}
	for _, c := range v.State.Headers {
		if got, _, err := l.Commissions(c.Address, c.MCI, c.MCI); err != nil || got != c.Amount {
			t.Errorf("headers commission of %s at %d: %d (%v), want %d", c.Address, c.MCI, got, err, c.Amount)
		}
	}
	for _, c := range v.State.Payload {
		if _, got, err := l.Commissions(c.Address, c.MCI, c.MCI); err != nil || got != c.Amount {
			t.Errorf("payload commission of %s at %d: %d (%v), want %d", c.Address, c.MCI, got, err, c.Amount)
		}
	}
}

func TestRefusedUnits(t *testing.T) {
	v := readJSON[replay](t, "testdata/ledger_replay.json")
	l := open(t, ledger.Config{Network: byteball.Dev, Genesis: &v.Genesis})
	verdicts, texts, all := 0, 0, 0
	replayAll(t, l, v, func(c refusedCase) {
		want := ""
		var answer struct{ Error string }
		if json.Unmarshal(c.Response, &answer) == nil {
			want = answer.Error
		}
		got := ""
		tree, err := objecthash.ParseTree(c.Joint)
		if err == nil {
			_, err = l.PostJoint(tree, time.Unix(c.Clock, 0))
		}
		if err != nil {
			got = err.Error()
		}
		all++
		if (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", c.Name, got, want)
			return
		}
		verdicts++
		if got == want {
			texts++
		} else {
			t.Logf("%s: %q, the reference says %q", c.Name, got, want)
		}
	})
	t.Logf("%d of %d verdicts, %d texts", verdicts, all, texts)
}
