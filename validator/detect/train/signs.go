package main

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/validator/detect/inject"
	"github.com/iotverse/iotverse/validator/detect/learn"
	"github.com/iotverse/iotverse/validator/detect/rate"
)

// signs prints, for each type of fault, the features that tell it best when they stand alone.
func signs(title string, list []learn.Sample) {
	type mark struct {
		feature     int
		auc, recall float64
	}
	best := map[string][]mark{}
	for f := range len(list[0].X) {
		for _, sign := range []float64{-1, 1} {
			var marks []rate.Mark
			for _, s := range list {
				marks = append(marks, rate.Mark{Score: sign * float64(s.X[f]), Truth: s.Truth})
			}
			for _, r := range rate.Rate(marks).Rows {
				if r.AUC > .5 {
					best[r.Type] = append(best[r.Type], mark{f, r.AUC, r.Recall})
				}
			}
		}
	}
	fmt.Println(title)
	for _, t := range inject.Types {
		l := best[t]
		slices.SortFunc(l, func(a, b mark) int { return int(1e6*b.auc) - int(1e6*a.auc) })
		fmt.Printf("%-11s", t)
		for _, m := range l[:min(8, len(l))] {
			fmt.Printf("  %d:%.2f/%.2f", m.feature, m.auc, m.recall)
		}
		fmt.Println()
	}
}

// alarms prints the clean batches that are taken for false most surely, and which features are far out in them.
func alarms(list []learn.Sample, margin func(learn.Sample) float64) {
	var clean []learn.Sample
	for _, s := range list {
		if s.Truth.Label == 0 {
			clean = append(clean, s)
		}
	}
	n := len(clean[0].X)
	limit := make([]float32, n)
	for f := range n {
		var v []float32
		for _, s := range clean {
			v = append(v, s.X[f])
		}
		slices.Sort(v)
		limit[f] = v[len(v)*995/1000]
	}
	slices.SortFunc(clean, func(a, b learn.Sample) int { return int(1e6*margin(b)) - int(1e6*margin(a)) })
	for _, s := range clean[:min(40, len(clean))] {
		fmt.Printf("%s %.2f", s.Net, margin(s))
		for f, x := range s.X {
			if x > limit[f] {
				fmt.Printf("  %d:%.3g", f, x)
			}
		}
		fmt.Println()
	}
}
