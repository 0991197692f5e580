package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/iotverse/iotverse/validator/detect/rate"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

// leastAUC and leastFound are what a forest must reach on a network that it never saw: means over the types of fault.
const (
	leastAUC   = .86
	leastFound = .38
)

// same tells whether a forest just grown is the one in a file.
func same(grown *tree.Forest, file string) error {
	want, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if got := grown.Encode(); !bytes.Equal(got, want) {
		return fmt.Errorf("the forest grown now (%d bytes) is not %s (%d bytes): features, injector or flags have changed; grow it anew with -out", len(got), file, len(want))
	}
	fmt.Printf("%s comes out byte for byte\n", file)
	return nil
}

func enough(t rate.Table) error {
	if t.AUC < leastAUC || t.Recall < leastFound {
		return fmt.Errorf("on networks left out: mean AUC %.3f and %.3f found at 1 %%, want %.2f and %.2f", t.AUC, t.Recall, leastAUC, leastFound)
	}
	return nil
}
