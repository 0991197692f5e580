package params_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// key is the compressed public key of a small private key.
func key(i byte) string {
	_, pub := btcec.PrivKeyFromBytes([]byte{i + 1})
	return base64.StdEncoding.EncodeToString(pub.SerializeCompressed())
}

func manifest(profile string) *params.Manifest {
	p, _ := params.Profile(profile)
	m := &params.Manifest{
		Name: "test", Network: "dev", Hubs: []string{"ws://127.0.0.1:6611"}, OPs: []byteball.Address{"YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7"},
		T0: 1_800_000_000, Profile: profile, Params: p,
	}
	for i := range m.Arbiters {
		m.Arbiters[i], m.Fund[i] = key(byte(i)), key(byte(i+10))
	}
	return m
}

func TestProfilesAreValid(t *testing.T) {
	for _, name := range []string{"standard", "fast"} {
		m := manifest(name)
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := m.Params.Epoch(), m.Params.Window()*6; got != want {
			t.Errorf("%s: epoch %v, want %v", name, got, want)
		}
		// MECHANISM 9: the refund age is at least 1.7 channel lives of 12 epochs at the rate behind the other ages.
		rate := float64(m.Params.TermAge) / (float64(m.Params.Term) * m.Params.Epoch().Seconds())
		if life := 12 * m.Params.Epoch().Seconds() * rate; float64(m.Params.RefundAge) < 1.6*life {
			t.Errorf("%s: refund age %d, a channel lives %.0f", name, m.Params.RefundAge, life)
		}
	}
}

func TestMarshalParse(t *testing.T) {
	for _, name := range []string{"standard", "fast"} {
		m := manifest(name)
		m.Bootstrap = []string{"/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWExample"}
		data, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := params.Parse(data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if got, want := again.Hash(), m.Hash(); got != want {
			t.Errorf("%s: hash %x after a round trip, want %x\n%s", name, got, want, data)
		}
		if again.Params != m.Params {
			t.Errorf("%s: params %+v, want %+v", name, again.Params, m.Params)
		}
		for i, line := range strings.Split(string(data), "\n") {
			if strings.HasPrefix(line, "    ") && strings.Contains(line, ": ") && !strings.Contains(line, "#") {
				t.Errorf("line %d has no comment: %s", i+1, line)
			}
		}
	}
}

func TestParseDefaults(t *testing.T) {
	data, err := manifest("fast").Marshal()
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(data), "\nparams:")
	head = head[:strings.LastIndex(head, "\n#")]
	m, err := params.Parse([]byte(head + "\nparams:\n  batches: 7\n"))
	if err != nil {
		t.Fatalf("%v\n%s", err, head)
	}
	want := params.Fast()
	want.Batches = 7
	if m.Params != want {
		t.Errorf("got %+v, want the profile's with 7 batches", m.Params)
	}
}

func TestParseRefuses(t *testing.T) {
	data, err := manifest("standard").Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the manifest has no %q:\n%s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "profile"},
		{"not yaml", "a: [", "line 1"},
		{"unknown field", swap("name: test", "nmae: test"), "field nmae is unknown here"},
		{"unknown parameter", swap("batches: 60", "batchs: 60"), "field batchs is unknown here"},
		{"line", swap("batches: 60", "batches: many"), "line "},
		{"twice", swap("name: test", "name: test\nname: test"), "already defined"},
		{"two documents", good + "\n---\na: 1\n", "more than one document"},
		{"range", swap("batches: 60", "batches: 65"), "parameter batches is 65, want 1 to 64"},
		{"even seats", swap("members: 7", "members: 8"), "odd"},
		{"quorum", swap("quorum: 5", "quorum: 4"), "two thirds"},
		{"negative money", swap("fee_min: 2000", "fee_min: -1"), "line "},
		{"network", swap("network: dev", "network: main"), "want dev, testnet or live"},
		{"network without tps fees", swap("network: dev", "network: old"), "pay no tps fees"},
		{"hub", swap("ws://127.0.0.1:6611", "http://127.0.0.1"), "want ws://"},
		{"op", swap("YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7", "YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL8"), "order provider"},
		{"key", swap(key(0), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "no point of the curve"},
		{"shares", swap("merit_share: 400", "merit_share: 480"), "1010 ‰"},
		{"size", good + strings.Repeat("#", params.MaxSize), "at most"},
	} {
		_, err := params.Parse([]byte(c.text))
		if !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line of kind Invalid with %q", c.name, err, c.want)
		}
	}
}

func TestHashCoversEveryField(t *testing.T) {
	base := manifest("standard")
	seen := map[protocol.Hash]string{base.Hash(): "base"}
	for name, change := range map[string]func(m *params.Manifest){
		"name":      func(m *params.Manifest) { m.Name = "other" },
		"hubs":      func(m *params.Manifest) { m.Hubs = append(m.Hubs, "ws://b") },
		"t0":        func(m *params.Manifest) { m.T0++ },
		"arbiters":  func(m *params.Manifest) { m.Arbiters[6] = key(99) },
		"fund":      func(m *params.Manifest) { m.Fund[0] = key(99) },
		"bootstrap": func(m *params.Manifest) { m.Bootstrap = []string{"/a/b"} },
		"batch":     func(m *params.Manifest) { m.Params.Batch++ },
		"clip":      func(m *params.Manifest) { m.Params.Clip++ },
	} {
		m := manifest("standard")
		change(m)
		if other, ok := seen[m.Hash()]; ok {
			t.Errorf("%s: same hash as %s", name, other)
		}
		seen[m.Hash()] = name
	}
	base.Bootstrap = []string{}
	if _, ok := seen[base.Hash()]; !ok {
		t.Error("an empty list and no list hash differently")
	}
}

// Law: every moment after T0 lies in exactly one window, every window in exactly one epoch.
func TestCalendarLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := manifest(rapid.SampledFrom([]string{"standard", "fast"}).Draw(t, "profile"))
		c := m.Calendar()
		at := time.UnixMilli(m.T0*1000 + rapid.Int64Range(0, 1e13).Draw(t, "ms"))
		w, ok := c.WindowAt(at)
		if !ok || at.Before(c.WindowStart(w)) || !at.Before(c.WindowStart(w+1)) {
			t.Fatalf("%v is outside window %d", at, w)
		}
		e := c.EpochOf(w)
		if w < c.FirstWindow(e) || w >= c.FirstWindow(e+1) || c.EpochAt(at) != e {
			t.Fatalf("window %d is outside epoch %d", w, e)
		}
		next := c.NextWindow(at)
		if c.WindowStart(next).Before(at) || (next > 0 && !c.WindowStart(next-1).Before(at)) {
			t.Fatalf("%v: next window %d starts %v", at, next, c.WindowStart(next))
		}
		if cut := c.CutTime(e); c.EpochStart(e).Sub(cut) != m.Params.Epoch() {
			t.Fatalf("epoch %d is cut at %v", e, cut)
		}
	})
}

func TestCalendarEnds(t *testing.T) {
	m := manifest("standard")
	c := m.Calendar()
	if w, ok := c.WindowAt(time.Unix(m.T0-1, 0)); w != 0 || ok {
		t.Errorf("before T0: window %d, %v", w, ok)
	}
	for _, w := range []uint64{1 << 40, 1<<63 - 1, 1<<64 - 1} {
		if c.WindowStart(w).Before(c.WindowStart(1 << 30)) {
			t.Errorf("window %d starts at %v", w, c.WindowStart(w))
		}
		_ = c.CutTime(w)
	}
	if got := c.Days(0, 24*3); got != 3 {
		t.Errorf("72 hourly windows: %d days", got)
	}
	if got := c.Days(23, 24); got != 1 {
		t.Errorf("over midnight: %d days", got)
	}
	if got := c.Days(5, 4); got != 0 {
		t.Errorf("backwards: %d days", got)
	}
}

func FuzzParse(f *testing.F) {
	data, err := manifest("fast").Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("profile: fast\nparams: &a [*a]"))
	f.Add([]byte("profile: standard\nt0: 1e400"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := params.Parse(data)
		if err != nil {
			if !errors.Is(err, protocol.Invalid) {
				t.Fatalf("error %v is not Invalid", err)
			}
			return
		}
		out, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := params.Parse(out)
		if err != nil || again.Hash() != m.Hash() {
			t.Fatalf("round trip: %v\n%s", err, out)
		}
	})
}
