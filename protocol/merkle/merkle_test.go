package merkle_test

import (
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/protocol/merkle"
)

// The test tree of Certificate Transparency (github.com/google/certificate-transparency, MerkleTreeTest): RFC 6962 leaves.
var known = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}

func TestRootOfTheKnownTree(t *testing.T) {
	var leaves [][]byte
	for _, k := range known {
		b, _ := hex.DecodeString(k)
		leaves = append(leaves, b)
	}
	got, want := merkle.Root(leaves), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("root %x, want %s", got, want)
	}
}

func TestPathProvesItsLeafAndNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 8), 1, 70).Draw(t, "leaves")
		i := rapid.IntRange(0, len(leaves)-1).Draw(t, "i")
		root, path := merkle.Root(leaves), merkle.Path(leaves, i)
		if !merkle.Verify(root, leaves[i], i, len(leaves), path) {
			t.Fatalf("leaf %d of %d does not verify", i, len(leaves))
		}
		other := append([]byte{leaves[i][0] ^ 1}, leaves[i][1:]...)
		if merkle.Verify(root, other, i, len(leaves), path) {
			t.Fatalf("another leaf verifies at %d of %d", i, len(leaves))
		}
		if j := (i + 1) % len(leaves); j != i && string(leaves[j]) != string(leaves[i]) && merkle.Verify(root, leaves[i], j, len(leaves), path) {
			t.Fatalf("leaf %d verifies at %d", i, j)
		}
		if len(path) > 0 && merkle.Verify(root, leaves[i], i, len(leaves), path[:len(path)-1]) {
			t.Fatal("a shortened path verifies")
		}
	})
}
