package utim_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"

	"github.com/iotverse/iotverse/protocol/utim"
)

// A node makes its keys at its first start and opens them at every later one.
func Example() {
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keys.json")
	if _, err := utim.Create(path, utim.Options{Passphrase: []byte("a long one")}); err != nil {
		fmt.Println(err)
		return
	}
	keys, err := utim.Open(path, []byte("a long one"))
	if err != nil {
		fmt.Println(err)
		return
	}
	sig, err := keys.Sign([]byte("hello"))
	fmt.Println(err, ed25519.Verify([]byte(keys.Identity()), []byte("hello"), sig))
	// Output: <nil> true
}
