package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
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
	checkStamps(t, s)

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

// checkReplays wants every validator to come to the same when it repeats what it judged, from its store alone. Parts may be
// missing where the machine was too busy for all reveals to reach all members.
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
		same := 0
		for _, r := range list {
			if len(r.Differs) > 0 {
				t.Errorf("%s, window %d of %s: %q", p.name, r.Commit.Window, r.Commit.Prop, r.Differs)
			}
			if r.Same() {
				same++
			}
		}
		var out bytes.Buffer
		if err := reportReplay(&out, list); (err == nil) != (same == len(list)) || !strings.Contains(out.String(), fmt.Sprintf("%d of %d windows the same", same, len(list))) {
			t.Errorf("%s: %v, %d of %d the same\n%s", p.name, err, same, len(list), out.String())
		}
	}
}

// checkStamps wants every stamp that the buyer keeps to hold against the ledger, and a changed one not to.
func checkStamps(t *testing.T, s *show) {
	t.Helper()
	buyer := s.party(t, "buyer").rig
	rows, err := buyer.store.All(buyerPrefix + "stamp/")
	if err != nil || len(rows) == 0 {
		t.Fatalf("the buyer keeps %d stamps: %v", len(rows), err)
	}
	var list []*protocol.Stamped
	for key, data := range rows {
		m := new(protocol.Stamped)
		if err := protocol.Decode(data, m); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		list = append(list, m)
	}
	list = throughFiles(t, list)
	var out bytes.Buffer
	judge := newCourt(buyer.rules, buyer.hub)
	if err := judge.report(t.Context(), &out, list, time.Now()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	body := new(protocol.Stamp)
	if err := protocol.Decode(list[0].Body, body); err != nil {
		t.Fatal(err)
	}
	body.A++
	list[0].Body, _ = protocol.Encode(body)
	if err := judge.report(t.Context(), &out, list[:1], time.Now()); !errors.Is(err, protocol.Invalid) {
		t.Errorf("a changed stamp: got %v, want Invalid", err)
	}
	foreign := buyer.rules
	foreign.Market = protocol.Hash{1}
	if err := newCourt(foreign, buyer.hub).report(t.Context(), &out, list[1:], time.Now()); !errors.Is(err, protocol.Invalid) {
		t.Errorf("stamps of another market: got %v, want Invalid", err)
	}
}

// throughFiles writes stamps into files and reads them back.
func throughFiles(t *testing.T, list []*protocol.Stamped) []*protocol.Stamped {
	t.Helper()
	dir := t.TempDir()
	if err := exportStamps(dir, list); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.stamp"))
	if err != nil {
		t.Fatal(err)
	}
	back, err := stampFiles(files)
	if err != nil || len(back) != len(list) {
		t.Fatalf("%d stamps in %d files, want %d: %v", len(back), len(files), len(list), err)
	}
	return back
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
