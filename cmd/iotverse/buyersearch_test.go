package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer/catalogue"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

type shop struct{ ed25519.PrivateKey }

func newShop(name string) shop {
	seed := sha256.Sum256([]byte(name))
	return shop{ed25519.NewKeyFromSeed(seed[:])}
}

func (s shop) Identity() protocol.Identity {
	return protocol.Identity(s.Public().(ed25519.PublicKey))
}
func (s shop) Sign(m []byte) ([]byte, error) { return ed25519.Sign(s.PrivateKey, m), nil }

func (s shop) offer(t *testing.T, title, medium string, until time.Time) envelope.Envelope {
	t.Helper()
	env, err := envelope.Seal(s, protocol.Hash{1}, &protocol.Offer{Binding: protocol.Binding{Identity: s.Identity()}, Prop: "air-temperature", Title: title, Medium: medium,
		Unit: "Cel", Cell: "u33db", Period: 60_000, Accuracy: "0.5", Price: 3000, Floor: 1000, ValidUntil: until.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// stubborn is a core that refuses what it is told to.
type stubborn struct {
	refuses bool
	gives   []role.Effect
}

func (s *stubborn) Step(role.Event, time.Time) ([]role.Effect, error) {
	out := s.gives
	if s.refuses {
		out = append(out, role.Refused{Err: byteball.Invalid})
	}
	return out, nil
}

// TestABuyersNodeKeepsACatalogue: offers that the core takes are found by a search of the node's folder, with what was last
// bought; withdrawn, refused and lapsed ones are not.
func TestABuyersNodeKeepsACatalogue(t *testing.T) {
	dir := t.TempDir()
	core := &stubborn{}
	l := newLister(core)
	until := time.Now().Add(time.Hour)
	step := func(ev role.Event) {
		if _, err := l.Step(ev, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(env envelope.Envelope) { step(role.Heard{Env: env}) }
	hear(newShop("supply").offer(t, "supply air temperature, building 3", "supply", until))
	hear(newShop("return").offer(t, "return air temperature, building 3", "return", until))
	hear(newShop("over").offer(t, "supply air temperature, building 3", "supply", time.Now().Add(-time.Second)))
	gone := newShop("gone").offer(t, "supply air temperature, building 3", "supply", until)
	hear(gone)
	withdraw, err := envelope.Seal(newShop("gone"), protocol.Hash{1}, &protocol.Withdraw{Offer: gone.Hash()})
	if err != nil {
		t.Fatal(err)
	}
	hear(withdraw)
	core.refuses = true
	hear(newShop("refused").offer(t, "supply air temperature, building 3", "supply", until))
	core.refuses, core.gives = false, []role.Effect{role.Deliver{Seller: newShop("supply").Identity(), Prop: "air-temperature", Cell: "u33db", Integrity: 930}}
	step(role.Woken{})
	core.gives = nil
	hear(newShop("supply").offer(t, "supply air temperature, building 3", "supply", until.Add(time.Minute))) // again, as sellers do
	writeAll(t, l, dir)

	out, stderr := typed(t, "buyer", "search", "supply air temperature in building 3", "--from", dir, "--json")
	var list []found
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err, stderr)
	}
	if len(list) != 2 || list[0].Medium != "supply" || list[1].Medium != "return" || list[0].Score <= list[1].Score {
		t.Fatalf("%+v", list)
	}
	if f := list[0]; f.Title != "supply air temperature, building 3" || f.Integrity == nil || *f.Integrity != 930 || f.Price != 3000 || f.Cell != "u33db" || f.Seller != newShop("supply").Identity().String() || f.Bonded != nil {
		t.Errorf("%+v", f)
	}
	if out, stderr = typed(t, "buyer", "search", "memory used", "--from", dir); out != "" || !strings.Contains(stderr, "no live offer") {
		t.Errorf("memory is found: %s%s", out, stderr)
	}
	out, _ = typed(t, "buyer", "search", "--from", dir, "--limit", "1")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "SCORE") || !strings.Contains(lines[1], "1m0s   u33db") {
		t.Errorf("table:\n%s", out)
	}
}

// typed runs a command as a person would type it.
func typed(t *testing.T, args ...string) (stdout, stderr string) {
	var out, errs bytes.Buffer
	run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String()
}

// writeAll lets a lister write what it has heard into a folder, in no time.
func writeAll(t *testing.T, l *lister, dir string) {
	t.Helper()
	c, err := catalogue.Open(t.Context(), cataloguePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k := newScribe(c)
	for len(l.news) > 0 {
		k.take(<-l.news)
	}
	if err := k.write(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestListerNeverWaits: a core is not held up by a catalogue that is slow, and its keeper ends with its context.
func TestListerNeverWaits(t *testing.T) {
	l := newLister(&stubborn{})
	for i := range 3 * cap(l.news) {
		if _, err := l.Step(role.Heard{Env: envelope.Envelope{Body: &protocol.Withdraw{Offer: protocol.H("o", uint64(i))}}}, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.news) != cap(l.news) {
		t.Errorf("%d wait, want %d", len(l.news), cap(l.news))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log := slog.New(slog.DiscardHandler)
	for _, path := range []string{cataloguePath(t.TempDir()), filepath.Join(t.TempDir(), "no", "such", "folder")} {
		if err := newLister(&stubborn{}).keep(path, log)(ctx, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestSearchErrors(t *testing.T) {
	for args, want := range map[string]string{
		"":                            "say around which place",
		"--from nowhere":              "is it the folder of a buyer that has run?",
		"temprature --at 1,1":         `is "temprature" meant to be "temperature"?`,
		"happiness --at 1,1":          "names no quantity",
		"--at north":                  "north",
		"--at 1,1 --limit 0":          "--limit 0: want 1 to 1000",
		"temperature --at 1,1":        "no market manifest at market.yaml",
		"air temperature --at 1,1":    "no market manifest at market.yaml", // words as they are typed
		"--at 1,1 --market /dev/null": "/dev/null",
	} {
		t.Chdir(t.TempDir())
		if out, stderr := typed(t, append([]string{"buyer", "search"}, strings.Fields(args)...)...); out != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: %s%s, want %q", args, out, stderr, want)
		}
	}
}

// TestWrongLabelsAreShown: what a stamp calls something else is ranked and shown as that.
func TestWrongLabelsAreShown(t *testing.T) {
	now := time.Now()
	o := newShop("liar").offer(t, "supply air temperature", "supply", now.Add(time.Hour)).Body.(*protocol.Offer)
	bonded := false
	stamp := &protocol.Stamp{I: 900, Class: protocol.Class{Prop: "relative-humidity", Role: "measured", Unit: "%RH", Cell: o.Cell, T1: now.UnixMilli(), Period: 60_000, Accuracy: "0.5"}}
	l := listingOf(o, stamp, &bonded, now)
	if !l.Market.Wrong || *l.Market.Integrity != 900 {
		t.Fatalf("%+v", l.Market)
	}
	cat, err := catalogue.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	if err := cat.Put(t.Context(), []catalogue.Listing{l}); err != nil {
		t.Fatal(err)
	}
	list, err := lookAll(t.Context(), cat, rank.Read(rank.Want{Text: "humidity"}), nil, 10)
	if err != nil || len(list) != 1 || list[0].Kind != "humidity" || list[0].Score < 500 {
		t.Fatalf("%+v, %v", list, err)
	}
	var out bytes.Buffer
	if err := tableFound(&out, new(bytes.Buffer), list); err != nil || !strings.Contains(out.String(), "humidity measured (offered as air-temperature) (no bond counts)") {
		t.Errorf("%s, %v", out.String(), err)
	}
	if _, err := cat.Look(t.Context(), "none"); !errors.Is(err, byteball.NotFound) {
		t.Errorf("an offer that is not there: %v", err)
	}
}

// TestDemandsInWords: a file of demands may say in words what it wants; a field beside them counts more.
func TestDemandsInWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demands.yaml")
	text := "- want: supply air temperature, building 3, every 5 min, ± 1.8 °F\n  at: 52.52,13.40\n  cap: 3000\n- want: temperature\n  quantity: surface-temperature\n  cap: 1\n  at: 1,1\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := readDemands(path)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	w, err := list[0].want()
	if d := w.Demand; err != nil || w.Text != list[0].Want || d.Prop != "air-temperature" || d.Medium != "supply" || d.Role != "measured" || d.Period != 300_000 ||
		d.Accuracy != "1.000" || d.Cap != 3000 || d.Cell != "u33db" {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err = list[1].want(); err != nil || w.Demand.Prop != "surface-temperature" {
		t.Errorf("%+v, %v", w, err)
	}
}
