package node_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/role"
)

func open(t testing.TB, dir string) *node.Store {
	t.Helper()
	s, err := node.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStoreKeepsWhatWasPut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, k := range []string{"a/1", "a/2", "b/1"} {
		if err := s.Put([]byte(k), []byte("value of "+k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete([]byte("a/2")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete([]byte("never there")); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got, err := s.Get([]byte("a/1")); err != nil || string(got) != "value of a/1" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := s.Get([]byte("a/2")); !errors.Is(err, protocol.NotFound) {
		t.Errorf("a deleted key: error %v, want NotFound", err)
	}
	all, err := s.All("a/")
	if err != nil || len(all) != 1 || string(all["1"]) != "value of a/1" {
		t.Errorf("under a/: %v, %v", all, err)
	}
}

// TestAStepMayDeleteMuch: a seller of nine properties that was off for more than a day drops 27 windows of each at once.
func TestAStepMayDeleteMuch(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const rows = 9 * 27 * 60
	for i := range rows {
		if i%1000 == 0 {
			part := make([]role.Effect, 0, 1000)
			for j := i; j < min(i+1000, rows); j++ {
				part = append(part, role.Save{Key: fmt.Append(nil, "batch/", j), Value: []byte("b")})
			}
			if err := s.Commit("seller/", part); err != nil {
				t.Fatal(err)
			}
		}
	}
	step := []role.Effect{role.Save{Key: []byte("position"), Value: []byte("p")}, role.Save{Key: []byte("deal"), Value: []byte("d")}, role.Delete{Key: []byte("deal")}}
	for j := range rows {
		step = append(step, role.Delete{Key: fmt.Append(nil, "batch/", j)})
	}
	step = append(step, role.Delete{Key: []byte("quiet")}, role.Save{Key: []byte("quiet"), Value: []byte("q")})
	if err := s.Commit("seller/", step); err != nil {
		t.Fatal(err)
	}
	s.Close()
	all, err := open(t, dir).All("seller/")
	if err != nil || len(all) != 2 || string(all["position"]) != "p" || string(all["quiet"]) != "q" {
		t.Errorf("%d rows are left, %v; want what was saved last", len(all), err)
	}
}

// TestANearlyFullDisk: the store says so before the machine ends the program, and what it took before is there when there is room.
func TestANearlyFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system is not asked how full its disk is")
	}
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Put([]byte("before"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	s.Least(1 << 62)
	err := s.Put([]byte("full"), []byte("1"))
	if !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), "make room and start again") {
		t.Errorf("on a full disk: %v, want Transient and what to do", err)
	}
	s.Least(0)
	if err := s.Put([]byte("after"), []byte("1")); err == nil {
		t.Error("a disk that was full is trusted without a new start")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	for key, there := range map[string]bool{"before": true, "full": false, "after": false} {
		if _, err := again.Get([]byte(key)); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %t", key, err, there)
		}
	}
}

func TestAStoreHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := node.OpenStore(dir)
	if !errors.Is(err, node.ErrInUse) || !errors.Is(err, protocol.Transient) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want ErrInUse with the folder's name", err)
	}
	first.Close()
	open(t, dir)
}

func TestAStoreOfANewerProgramIsLeftAlone(t *testing.T) {
	for name, schema := range map[string][]byte{"newer": binary.BigEndian.AppendUint32(nil, 2), "other": []byte("x")} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			if err := s.Put([]byte("schema"), schema); err != nil {
				t.Fatal(err)
			}
			s.Close()
			for range 2 { // it is closed again, so the message stays the same
				if _, err := node.OpenStore(dir); !errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), "update the program") {
					t.Errorf("error %v, want Invalid and what to do", err)
				}
			}
		})
	}
}

// TestCommitIsAllOrNothing: one effect that the store cannot take keeps the others out.
func TestCommitIsAllOrNothing(t *testing.T) {
	s := open(t, t.TempDir())
	save := func(k, v string) role.Effect { return role.Save{Key: []byte(k), Value: []byte(v)} }
	if err := s.Commit("r/", []role.Effect{save("a", "1"), role.Note{Text: "not for the disk"}, save("b", "1"), save("a", "2")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit("r/", []role.Effect{role.Delete{Key: []byte("b")}, save("c", "1"), save(strings.Repeat("k", 70_000), "1")}); err == nil {
		t.Error("a key of 70,000 bytes was taken")
	}
	got, err := s.All("r/")
	if want := map[string][]byte{"a": []byte("2"), "b": []byte("1")}; err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if err := s.Commit("r/", []role.Effect{role.Note{}}); err != nil {
		t.Error(err)
	}
}

// TestAFullGroupFitsOneWrite: as much as a loop puts into one write.
func TestAFullGroupFitsOneWrite(t *testing.T) {
	s := open(t, t.TempDir())
	var effects []role.Effect
	for i := range 128 {
		effects = append(effects, role.Save{Key: fmt.Append(nil, "batch/", i), Value: make([]byte, 2*protocol.MaxFrame/128)})
	}
	if err := s.Commit("r/", effects); err != nil {
		t.Error(err)
	}
}

func TestAStoreInMemory(t *testing.T) {
	s := open(t, "")
	if err := s.Put([]byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get([]byte("k")); err != nil || string(got) != "v" {
		t.Errorf("%q, %v", got, err)
	}
}
