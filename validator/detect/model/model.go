// Package model holds the forest that package detect judges with, grown by
//
//	go run ./validator/detect/train -out validator/detect/model/forest.bin
//
// on faults injected into clean series and made-up networks; it has learned nothing from labelled fault cases. It
// stands apart from package detect, which does no I/O. The program and the tests call it.
package model

import (
	_ "embed"
	"fmt"

	"github.com/iotverse/iotverse/validator/detect"
	"github.com/iotverse/iotverse/validator/detect/tree"
)

//go:embed forest.bin
var encoded []byte

// Version names the forest and the features it was grown on; a score can be computed again only with the same.
const Version = "detect-3"

// Default returns the forest. It is an error (byteball.Invalid) if the file is none, or one for other features.
func Default() (*tree.Forest, error) {
	f, err := tree.Decode(encoded)
	if err != nil {
		return nil, err
	}
	if f.Features != detect.Features {
		return nil, fmt.Errorf("model: the forest wants %d features, there are %d: grow it again", f.Features, detect.Features)
	}
	return f, nil
}
