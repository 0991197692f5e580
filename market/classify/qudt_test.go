package classify

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"maps"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write qudt.go from the vocabulary")

// unitDef is a unit as the vocabulary gives it; numbers stay as they are written.
type unitDef struct {
	ID         string      `json:"id"`
	Multiplier json.Number `json:"multiplier"`
	Offset     json.Number `json:"offset"`
	Dimension  string      `json:"dimension"`
}

func vocabulary(t *testing.T) map[string]unitDef {
	t.Helper()
	f, err := os.Open("../../../shared/data/vocab/qudt_units.json.gz")
	if err != nil {
		t.Skip("no vocabulary here:", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var list []unitDef
	if err := json.NewDecoder(z).Decode(&list); err != nil {
		t.Fatal(err)
	}
	defs := map[string]unitDef{}
	for _, u := range list {
		defs[u.ID] = u
	}
	return defs
}

// TestQUDT: the table of factors is what the vocabulary says, and units of one family have one dimension.
func TestQUDT(t *testing.T) {
	defs := vocabulary(t)
	rows := map[string]string{}
	dimension := map[string]string{}
	for _, u := range units() {
		d, ok := defs[u.ID]
		if !ok {
			t.Errorf("%s is no unit of QUDT", u.ID)
			continue
		}
		if old, ok := dimension[u.Family]; ok && old != d.Dimension {
			t.Errorf("family %s: %s has dimension %s, others %s", u.Family, u.ID, d.Dimension, old)
		}
		dimension[u.Family] = d.Dimension
		if d.Multiplier != "" && d.Multiplier != "0.0" {
			rows[u.ID] = fmt.Sprintf("{%q, %q}", d.Multiplier, d.Offset)
		}
	}
	var b bytes.Buffer
	old, err := os.ReadFile("qudt.go")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := bytes.Cut(old, []byte("var qudt"))
	b.Write(head)
	b.WriteString("var qudt = map[string]struct{ factor, offset string }{\n")
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "\t%q: %s,\n", id, rows[id])
	}
	b.WriteString("}\n")
	want, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("qudt.go", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(old, want) {
		t.Error("qudt.go is not what the vocabulary says: run with -update")
	}
}
