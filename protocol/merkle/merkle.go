// Package merkle is the Merkle tree of RFC 6962 §2.1 with SHA-256: leaves and nodes are hashed with different prefixes, so
// that neither passes for the other. Windows use it over batch headers, stamps over reveals. (The ledger's own tree, which
// has no such prefixes, is byteball/merkle.)
package merkle

import (
	"crypto/sha256"

	"github.com/iotverse/iotverse/protocol"
)

// Root returns the tree hash of leaves; of none it is SHA-256 of nothing.
func Root(leaves [][]byte) protocol.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaf(leaves[0])
	}
	k := split(len(leaves))
	return node(Root(leaves[:k]), Root(leaves[k:]))
}

// Path returns the audit path of leaf i, from the bottom up; nil if i is out of range.
func Path(leaves [][]byte, i int) []protocol.Hash {
	if i < 0 || i >= len(leaves) || len(leaves) == 1 {
		return nil
	}
	k := split(len(leaves))
	if i < k {
		return append(Path(leaves[:k], i), Root(leaves[k:]))
	}
	return append(Path(leaves[k:], i-k), Root(leaves[:k]))
}

// Verify says whether data is leaf i of n in the tree with this root (RFC 9162 §2.1.3.2).
func Verify(root protocol.Hash, data []byte, i, n int, path []protocol.Hash) bool {
	if i < 0 || i >= n {
		return false
	}
	h, fn, sn := leaf(data), i, n-1
	for _, p := range path {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			h = node(p, h)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			h = node(h, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && h == root
}

func leaf(data []byte) protocol.Hash {
	return sha256.Sum256(append([]byte{0}, data...))
}

func node(l, r protocol.Hash) protocol.Hash {
	var b [65]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[33:], r[:])
	return sha256.Sum256(b[:])
}

// split is the largest power of two below n, for n ≥ 2.
func split(n int) int {
	k := 1
	for k<<1 < n {
		k <<= 1
	}
	return k
}
