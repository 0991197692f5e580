package tree

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/iotverse/iotverse/byteball"
)

// Forest is a sum of trees over the same features. The zero value judges everything 0.
type Forest struct {
	Features int
	Base     float32 // added to every sum
	trees    []tree
}

// tree is complete: node i has the children 2i+1 and 2i+2, and the leaves follow the nodes.
type tree struct {
	nodes []node
	leafs []float32
}

// node goes right if the feature is above the limit.
type node struct {
	feature uint8
	limit   float32
}

// Margin is the sum of all trees; features are as many as in training, or it panics.
func (f *Forest) Margin(features []float32) float64 {
	sum := float64(f.Base)
	for i := range f.trees {
		t := &f.trees[i]
		k := 0
		for k < len(t.nodes) {
			if n := t.nodes[k]; features[n.feature] > n.limit {
				k = 2*k + 2
			} else {
				k = 2*k + 1
			}
		}
		sum += float64(t.leafs[k-len(t.nodes)])
	}
	return sum
}

// version is the first byte of an encoded forest.
const version = 1

// Encode writes the forest: version, features, depth, number of trees, base; then nodes and leaves of each tree.
func (f *Forest) Encode() []byte {
	depth := 0
	if len(f.trees) > 0 {
		for n := len(f.trees[0].leafs); n > 1; n /= 2 {
			depth++
		}
	}
	b := []byte{version, byte(f.Features), byte(depth)}
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.trees)))
	b = binary.BigEndian.AppendUint32(b, math.Float32bits(f.Base))
	for _, t := range f.trees {
		for _, n := range t.nodes {
			b = append(b, n.feature)
			b = binary.BigEndian.AppendUint32(b, math.Float32bits(n.limit))
		}
		for _, x := range t.leafs {
			b = binary.BigEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return b
}

// Decode reads what Encode wrote. Errors: byteball.Invalid if b is no forest, or one of another version.
func Decode(b []byte) (*Forest, error) {
	if len(b) < 9 || b[0] != version || b[2] > 8 {
		return nil, fmt.Errorf("tree: %d bytes are no forest of version %d: %w", len(b), version, byteball.Invalid)
	}
	f := &Forest{Features: int(b[1]), Base: math.Float32frombits(binary.BigEndian.Uint32(b[5:]))}
	leafs := 1 << b[2]
	count, size := int(binary.BigEndian.Uint16(b[3:])), 5*(leafs-1)+4*leafs
	b = b[9:]
	if len(b) != count*size {
		return nil, fmt.Errorf("tree: %d bytes for %d trees of %d: %w", len(b), count, size, byteball.Invalid)
	}
	for range count {
		t := tree{make([]node, leafs-1), make([]float32, leafs)}
		for i := range t.nodes {
			t.nodes[i] = node{b[0], math.Float32frombits(binary.BigEndian.Uint32(b[1:]))}
			if int(b[0]) >= f.Features {
				return nil, fmt.Errorf("tree: feature %d of %d: %w", b[0], f.Features, byteball.Invalid)
			}
			b = b[5:]
		}
		for i := range t.leafs {
			t.leafs[i] = math.Float32frombits(binary.BigEndian.Uint32(b))
			b = b[4:]
		}
		f.trees = append(f.trees, t)
	}
	return f, nil
}
