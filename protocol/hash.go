package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// H is the hash of MECHANISM 0: SHA-256 of enc([label, parts…]). Parts are integers, text, byte slices or Hash.
func H(label string, parts ...any) Hash {
	list := make([]any, 0, len(parts)+1)
	list = append(list, label)
	list = append(list, parts...)
	data, err := encMode.Marshal(list)
	if err != nil {
		panic(fmt.Sprintf("protocol.H(%q): %v", label, err)) // a part that is no plain value: a mistake of the caller, never of a peer
	}
	return sha256.Sum256(data)
}

// Draw returns n distinct indices below limit, drawn by PRF(label, parts…) of MECHANISM 0: the first eight bytes, big
// endian, of H([label, parts…, counter]), with rejection of the values that would favour small indices. n is cut to limit.
func Draw(n, limit int, label string, parts ...any) []int {
	n = min(n, limit)
	if n <= 0 {
		return nil
	}
	bound := ^uint64(0) - ^uint64(0)%uint64(limit)
	seen := make(map[int]bool, n)
	drawn := make([]int, 0, n)
	args := append(append(make([]any, 0, len(parts)+1), parts...), uint64(0))
	for counter := uint64(0); len(drawn) < n; counter++ {
		args[len(args)-1] = counter
		h := H(label, args...)
		v := binary.BigEndian.Uint64(h[:8])
		i := int(v % uint64(limit))
		if v >= bound || seen[i] {
			continue
		}
		seen[i] = true
		drawn = append(drawn, i)
	}
	return drawn
}
