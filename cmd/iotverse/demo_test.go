package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/simulations/adversary"
	"github.com/iotverse/iotverse/validator"
)

// TestDemoBalancesAndNoticesALostVoucher runs the whole market for a short while, and then takes one voucher out of one
// store: the statement has to see it.
func TestDemoBalancesAndNoticesALostVoucher(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole market for half a minute")
	}
	dir := t.TempDir()
	log, err := logger(os.Stderr, "error")
	if err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	s := &show{cfg: demoConfig{Out: filepath.Join(dir, "data"), Format: "csv", For: 10 * time.Second, Seed: 7, seeded: true},
		kinds: []adversary.Strategy{adversary.Replay}, dir: dir, log: log, board: newBoard(&progress)}
	defer s.close()
	ctx := t.Context()
	if err := s.open(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.trade(ctx, nil); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	st, err := s.conclude(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.verdict(st); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	checkJSON(t, st)
	checkData(t, s.cfg.Out)
	checkClocks(t, s.parties[0].rig)
	checkReplays(t, s)

	for _, name := range []string{"validator 1", "seller host", "buyer"} {
		t.Run("without one voucher of "+name, func(t *testing.T) {
			p := s.party(t, name)
			key, value := takeVoucher(t, p.rig.store, p.role+"/")
			defer p.rig.store.Put(key, value)
			st, err := s.conclude(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.verdict(st); err == nil || !strings.Contains(err.Error(), name+": its books say") {
				t.Errorf("verdict %v, want that the books of %s differ", err, name)
			}
		})
	}
}

func (s *show) party(t *testing.T, name string) *stand {
	t.Helper()
	for _, p := range s.parties {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("no party %q", name)
	return nil
}

// takeVoucher removes the line of one channel from a store.
func takeVoucher(t *testing.T, store *node.Store, prefix string) (key, value []byte) {
	t.Helper()
	rows, err := store.All(prefix + "line/channel/")
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d channel lines: %v", len(rows), err)
	}
	for k, v := range rows {
		key = []byte(prefix + "line/channel/" + k)
		if err := store.Delete(key); err != nil {
			t.Fatal(err)
		}
		return key, v
	}
	return nil, nil
}

// checkJSON holds the statement's JSON to the form that programs read.
func checkJSON(t *testing.T, st *statement) {
	t.Helper()
	var out bytes.Buffer
	if err := st.writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Parties []struct {
			Name, Role, Address string
			Books, Ledger       int64
			Lines               []struct {
				Kind, Ref string
				Amount    int64
			}
		}
		Units []struct {
			Unit string
			Fees int64
		}
		Balanced bool
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, p := range got.Parties {
		sum += p.Ledger
	}
	for _, u := range got.Units {
		sum += u.Fees
	}
	if !got.Balanced || sum != 0 || len(got.Parties) != 13 {
		t.Errorf("balanced %v, sum %d, %d parties; want true, 0, 13", got.Balanced, sum, len(got.Parties))
	}
}

// checkClocks wants a wrong clock to be noticed before a role runs on it.
func checkClocks(t *testing.T, r *rig) {
	t.Helper()
	if err := r.checkClock(t.Context(), time.Now); err != nil {
		t.Errorf("the right clock: %v", err)
	}
	err := r.checkClock(t.Context(), func() time.Time { return time.Now().Add(-time.Minute) })
	if err == nil || !strings.Contains(err.Error(), "clock is -1m0s off") {
		t.Errorf("a clock one minute behind: %v", err)
	}
}

// checkReplays wants every validator to be able to repeat all that it judged, from its store alone.
func checkReplays(t *testing.T, s *show) {
	t.Helper()
	for _, p := range s.byRole("validator") {
		saved, err := p.rig.store.All(validatorPrefix)
		if err != nil {
			t.Fatal(err)
		}
		list, err := validator.Recompute(p.rig.rules, saved)
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %d windows to repeat: %v", p.name, len(list), err)
		}
		var out bytes.Buffer
		if err := reportReplay(&out, list); err != nil {
			t.Errorf("%s: %v\n%s", p.name, err, out.String())
		}
	}
}

// checkData wants bought readings on disk.
func checkData(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of bought data: %v", len(files), err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte("\n")); n < 50 {
		t.Errorf("%s has %d lines, want a window of 50 readings or more", files[0], n)
	}
}
