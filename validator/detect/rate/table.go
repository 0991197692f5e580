package rate

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/iotverse/iotverse/validator/detect/series"
)

// Mark is the score of one judged batch: the lower, the more suspicious.
type Mark struct {
	Score float64
	Truth series.Truth
}

// Row is how well one type of fault is told from clean batches.
type Row struct {
	Type   string
	N      int
	AUC    float64 // of the ROC curve, ties count half
	Recall float64 // share found when one clean batch in a hundred is flagged
	Under  float64 // share with a score under 500
}

// Table is the rows of all types, in the order of the alphabet, and what holds for all.
type Table struct {
	Rows   []Row
	AUC    float64 // plain mean over the types
	Recall float64
	Clean  int
	Under  float64 // share of the clean batches with a score under 500
}

// Rate compares the marks of false batches with those of the clean ones.
func Rate(marks []Mark) Table {
	var clean []float64
	byType := map[string][]float64{}
	var t Table
	for _, m := range marks {
		switch {
		case m.Truth.Warm || m.Truth.Label < 0:
		case m.Truth.Label == 0:
			clean = append(clean, m.Score)
			if m.Score < 500 {
				t.Under++
			}
		default:
			byType[m.Truth.Type] = append(byType[m.Truth.Type], m.Score)
		}
	}
	t.Clean = len(clean)
	if t.Clean == 0 {
		return t
	}
	t.Under /= float64(t.Clean)
	slices.Sort(clean)
	limit := clean[len(clean)/100] // under it lie at most 1 %
	for name, scores := range byType {
		r := Row{Type: name, N: len(scores)}
		for _, s := range scores {
			below := sort.SearchFloat64s(clean, s)
			same := sort.Search(len(clean), func(i int) bool { return clean[i] > s }) - below
			r.AUC += (float64(len(clean)-below-same) + float64(same)/2) / float64(len(clean))
			if s < limit {
				r.Recall++
			}
			if s < 500 {
				r.Under++
			}
		}
		n := float64(r.N)
		r.AUC, r.Recall, r.Under = r.AUC/n, r.Recall/n, r.Under/n
		t.Rows = append(t.Rows, r)
		t.AUC += r.AUC
		t.Recall += r.Recall
	}
	if n := float64(len(t.Rows)); n > 0 {
		t.AUC /= n
		t.Recall /= n
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return cmp.Compare(a.Type, b.Type) })
	return t
}

// WriteText prints the table.
func (t Table) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%-12s %6s %7s %8s %8s\n", "type", "n", "auc", "at 1 %", "refused")
	for _, r := range t.Rows {
		fmt.Fprintf(w, "%-12s %6d %7.3f %8.3f %8.3f\n", r.Type, r.N, r.AUC, r.Recall, r.Under)
	}
	_, err := fmt.Fprintf(w, "%-12s %6d %7.3f %8.3f %8.3f\n", "mean, clean", t.Clean, t.AUC, t.Recall, t.Under)
	return err
}
