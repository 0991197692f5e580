package main

import (
	"strings"
	"testing"
)

// Sources that never speak at one time make a table that is nearly empty, and has an end.
func TestMergeHasAnEnd(t *testing.T) {
	m := merger{every: 1, values: make(map[string]map[int64][]float64), spans: make(map[int64]bool)}
	for i := range maxSources {
		if err := m.add(strings.Repeat("s", i+1), int64(i), 1); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	n := maxSources
	for ; err == nil && n <= maxTable/maxSources+1; n++ {
		err = m.add("s", int64(n), 1)
	}
	if err == nil || !strings.Contains(err.Error(), "1000 sources in 250001 intervals") {
		t.Errorf("after %d intervals: %v", n, err)
	}
}
