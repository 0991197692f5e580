package rank_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/rank"
)

const data = "../../../shared/data/relevance/"

// lines decodes a file of JSON lines; the test is skipped where the reference data are not.
func lines[T any](t testing.TB, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(data + name)
	if err != nil {
		t.Skip("no reference data here:", err)
	}
	var list []T
	for sc := bufio.NewScanner(bytes.NewReader(raw)); sc.Scan(); {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// grades are the judged relevances: demand and offer -> 0..3.
func grades(t testing.TB) map[[2]string]int {
	t.Helper()
	f, err := os.Open(data + "qrels.csv")
	if err != nil {
		t.Skip("no reference data here:", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	g := map[[2]string]int{}
	for _, r := range rows[1:] {
		var n int
		fmt.Sscan(r[2], &n)
		g[[2]string{r[0], r[1]}] = n
	}
	return g
}

func entries(t testing.TB) map[string]rank.Entry {
	m := map[string]rank.Entry{}
	for _, o := range lines[rank.Offer](t, "offers.jsonl") {
		m[o.ID] = rank.NewEntry(o, nil)
	}
	return m
}

// ndcg is nDCG@10 with gain 2^grade-1, equal scores in the order that is worst for the ranker.
func ndcg(ranked []rank.Ranked, grade func(id string) int) float64 {
	list := slices.Clone(ranked)
	slices.SortFunc(list, func(a, b rank.Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(grade(a.ID), grade(b.ID)))
	})
	ideal := slices.Clone(ranked)
	slices.SortFunc(ideal, func(a, b rank.Ranked) int { return cmp.Compare(grade(b.ID), grade(a.ID)) })
	sum := func(l []rank.Ranked) (s float64) {
		for i, r := range l[:min(10, len(l))] {
			s += float64(int(1)<<grade(r.ID)-1) / math.Log2(float64(i+2))
		}
		return s
	}
	if sum(ideal) == 0 {
		return 1
	}
	return sum(list) / sum(ideal)
}

// TestRelevance measures nDCG@10 on the reference demands and fails on a drop. The floors lie under what is reached, and
// over what issue 5 asks for (0.85).
func TestRelevance(t *testing.T) {
	wants, all, judged := lines[rank.Want](t, "demands.jsonl"), entries(t), grades(t)
	for _, c := range []struct {
		name  string
		strip func(*rank.Want)
		floor float64
	}{
		{"text alone", func(w *rank.Want) { w.Structured = rank.Fields{} }, 0.95},
		{"structured alone", func(w *rank.Want) { w.Text = "" }, 0.95},
		{"both", func(*rank.Want) {}, 0.95},
	} {
		total := 0.0
		for _, w := range wants {
			c.strip(&w)
			q := rank.Read(w)
			var list []rank.Entry
			for _, id := range w.Candidates {
				list = append(list, all[id])
			}
			ranked := rank.Rank(q, list)
			v := ndcg(ranked, func(id string) int { return judged[[2]string{w.ID, id}] })
			total += v
			if v < 0.9 && testing.Verbose() {
				t.Logf("%s: %.3f %s | %+v", w.ID, v, w.Text, w.Structured)
				for _, r := range ranked[:min(10, len(ranked))] {
					e := all[r.ID]
					_, why := q.Explain(&e)
					t.Logf("    %7d grade %d %s (%s): %s", r.Score, judged[[2]string{w.ID, r.ID}], e.Offer.Title, e.Offer.Room, strings.Join(why, ", "))
				}
			}
		}
		mean := total / float64(len(wants))
		t.Logf("nDCG@10, %s: %.3f over %d demands", c.name, mean, len(wants))
		if mean < c.floor {
			t.Errorf("%s: nDCG@10 %.3f, want at least %.2f", c.name, mean, c.floor)
		}
	}
}
