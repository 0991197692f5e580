package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// A file in which every row is a sensor of its own is refused before it has taken all memory.
func TestSensorsBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("sensor,batch,ts,value\n")
	for i := range maxSensors {
		fmt.Fprintf(&text, "s%d,0,%d,1\n", i, i)
	}
	read := func() error {
		r := &rowReader{sorter: &rowSorter{limit: runRows}, stderr: io.Discard, name: "x.csv"}
		return r.read(strings.NewReader(text.String()))
	}
	if err := read(); err != nil {
		t.Error(err)
	}
	text.WriteString("another,0,1,1\n")
	if err := read(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d: over %d sensors", maxSensors+2, maxSensors)) {
		t.Errorf("one more: %v", err)
	}
}
