package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
)

func export(t testing.TB, l *ledger.Ledger) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := l.Export(&out, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func imported(t testing.TB, dir string, data []byte) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Import(t.Context(), bytes.NewReader(data), ledger.Config{Dir: dir, Network: byteball.Dev}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// The joints of the reference's chain give its state, and go out and in unchanged.
func TestImportReplay(t *testing.T) {
	v := readJSON[replay](t, "testdata/ledger_replay.json")
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v.Genesis); err != nil {
		t.Fatal(err)
	}
	for _, j := range v.AcceptedUnits {
		if err := enc.Encode(map[string]any{"unit": j.Unit}); err != nil {
			t.Fatal(err)
		}
	}
	l := imported(t, "", lines.Bytes())
	checkState(t, l, v)
	first := export(t, l)
	again := imported(t, t.TempDir(), first)
	checkState(t, again, v)
	if second := export(t, again); !bytes.Equal(first, second) {
		t.Errorf("export of an import differs: %d bytes, want %d", len(second), len(first))
	}
}

// small is a chain with system variables of its own.
func small(t testing.TB) *world {
	alice, bob := someone(t, 1), someone(t, 2)
	w := newWorld(t, "", alice)
	w.witness(4)
	w.post(w.draft(alice, to(bob, 1000)))
	w.witness(15)
	w.post(w.draft(alice, to(bob, 2000)))
	return w
}

func TestImportGoesOn(t *testing.T) {
	w := small(t)
	data := export(t, w.Ledger)
	dir := t.TempDir()
	lines := bytes.SplitAfter(data, []byte("\n"))
	part, err := ledger.Import(t.Context(), bytes.NewReader(bytes.Join(lines[:9], nil)[:len(bytes.Join(lines[:8], nil))+40]),
		ledger.Config{Dir: dir, Network: byteball.Dev}, nil)
	if part != nil || !errors.Is(err, byteball.Invalid) || !strings.HasPrefix(err.Error(), "line 9: ") {
		t.Fatalf("half a line: %v", err)
	}
	l := imported(t, dir, data)
	if got := export(t, l); !bytes.Equal(got, data) {
		t.Errorf("export differs: %s, want %s", got, data)
	}
	if l.Vars() != calm {
		t.Errorf("variables %+v, want %+v", l.Vars(), calm)
	}
}

func TestImportRefuses(t *testing.T) {
	data := string(export(t, small(t).Ledger))
	lines := strings.SplitAfter(data, "\n")
	other := newWorld(t, "")
	other.witness(1)
	with := func(n int, old, new string) string {
		all := append([]string{}, lines...)
		all[n-1] = strings.Replace(all[n-1], old, new, 1)
		if all[n-1] == lines[n-1] {
			t.Fatalf("line %d has no %q", n, old)
		}
		return strings.Join(all, "")
	}
	ball := func(n int) string {
		var line struct{ Ball string }
		if err := json.Unmarshal([]byte(lines[n-1]), &line); err != nil {
			t.Fatal(err)
		}
		return line.Ball
	}
	for _, c := range []struct {
		name, data, want string
		units            uint64 // that the folder holds then
	}{
		{"nothing", "", "the file is empty", 0},
		{"no JSON", "hello\n", "line 1: not a joint", 0},
		{"no joint", "{}\n", "line 1: ", 0},
		{"another network", with(1, `"version":"4.0dev"`, `"version":"4.0"`), `line 1: a unit of version "4.0": this is no chain of network dev (4.0dev)`, 0},
		{"no first unit", strings.Join(lines[1:], ""), "line 1: unit ", 0},
		{"spoiled first unit", with(1, `"amount":`, `"amount":1`), "line 1: ", 0},
		{"variables out of range", with(1, `"tps_interval":1000`, `"tps_interval":0.01`), "line 1: system variables", 0},
		{"strange member", with(5, `{"unit"`, `{"x":1,"unit"`), `line 5: not a joint, {"unit":{...},"ball":"..."}: json: unknown field "x"`, 4},
		{"spoiled unit", with(7, `"headers_commission":`, `"headers_commission":1`), "line 7: ", 6},
		{"spoiled signature", with(7, `"authentifiers":{"r":"`, `"authentifiers":{"r":"A`), "line 7: ", 6},
		{"a unit is missing", strings.Join(append(append([]string{}, lines[:5]...), lines[6:]...), ""), "line 6: unknown parents", 5},
		{"wrong ball", with(7, ball(7), ball(8)), "line 7: unit ", 7},
		{"a ball too much", strings.TrimSuffix(data, "}\n") + `,"ball":"` + ball(8) + "\"}\n", "line 22: unit ", 22},
		{"two chains", data + string(export(t, other.Ledger)), "line 23: ", 22},
		{"variables again", with(2, `{"unit"`, `{"system_vars":{"threshold_size":10000,"base_tps_fee":10,"tps_interval":1000,"tps_fee_multiplier":10},"unit"`), "line 2: system_vars belong", 1},
	} {
		dir := t.TempDir()
		_, err := ledger.Import(t.Context(), strings.NewReader(c.data), ledger.Config{Dir: dir, Network: byteball.Dev}, nil)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if c.units == 0 {
			continue
		}
		l := open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
		if got := uint64(bytes.Count(export(t, l), []byte("\n"))); got < c.units {
			t.Errorf("%s: %d units were kept, want at least %d", c.name, got, c.units)
		}
	}
}

func TestImportForeignFolder(t *testing.T) {
	w := small(t)
	dir := t.TempDir()
	first := newWorld(t, dir, someone(t, 9))
	first.Close()
	_, err := ledger.Import(t.Context(), bytes.NewReader(export(t, w.Ledger)), ledger.Config{Dir: dir, Network: byteball.Dev}, nil)
	if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "another genesis") {
		t.Errorf("%v, want the two chains named", err)
	}
}

func TestImportCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := newWorld(t, "")
	w.witness(600)
	dir := t.TempDir()
	data := export(t, w.Ledger)
	_, err := ledger.Import(ctx, bytes.NewReader(data), ledger.Config{Dir: dir, Network: byteball.Dev}, func(uint64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if got := export(t, imported(t, dir, data)); !bytes.Equal(got, data) {
		t.Error("export differs after an import in two parts")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestExportSaysWhatFails(t *testing.T) {
	if err := small(t).Export(broken{}, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v, want %v", err, io.ErrShortWrite)
	}
}

// Law: whatever was posted, beside one another or not, an import of the export is the same chain.
func TestExportImportIsIdentity(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 0))
		people := []person{someone(t, 1), someone(t, 2), someone(t, 3), someone(t, 4)}
		w := newWorld(t, "", people...)
		w.witness(3)
		for range 5 + r.IntN(40) {
			k := r.IntN(10)
			if k >= 4 {
				w.witness(1)
				continue
			}
			var drafts []*unit.Unit // beside one another
			for i := range people[:k+1] {
				drafts = append(drafts, w.draft(people[i], to(people[(i+1)%4], 1000)))
			}
			for _, u := range drafts {
				w.post(u)
			}
		}
		data := export(t, w.Ledger)
		l := imported(t, "", data)
		if got := export(t, l); !bytes.Equal(got, data) {
			t.Fatalf("seed %d: export differs:\n%s\nwant\n%s", seed, got, data)
		}
		if got, want := [2]uint64{l.TipMCI(), l.StableMCI()}, [2]uint64{w.TipMCI(), w.StableMCI()}; got != want {
			t.Fatalf("seed %d: tip and stable %v, want %v", seed, got, want)
		}
		w.Close()
		l.Close()
	}
}
