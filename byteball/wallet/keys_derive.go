package wallet

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
)

// node is a private key of the derivation tree (BIP32).
type node struct {
	key   btcec.ModNScalar
	chain [32]byte
}

// master makes the root from a seed: a step from nothing.
func master(seed []byte) (node, error) {
	return node{}.add([]byte("Bitcoin seed"), seed)
}

// child derives step i. Where the private key begins with zero bytes, a hardened step hashes it without them: BIP32
// pads it to 32 bytes, but the ledger's wallets are made with bitcore's derive(), which does not.
func (n node) child(i uint32) (node, error) {
	key := n.key.Bytes()
	var data []byte
	if i >= Hardened {
		data = append(data, 0)
		data = append(data, bytes.TrimLeft(key[:], "\x00")...)
	} else {
		_, public := btcec.PrivKeyFromBytes(key[:])
		data = append(data, public.SerializeCompressed()...)
	}
	return n.add(n.chain[:], binary.BigEndian.AppendUint32(data, i))
}

// add adds what data hashes to under key to the node's own key.
func (n node) add(key, data []byte) (node, error) {
	mac := hmac.New(sha512.New, key)
	mac.Write(data)
	sum := mac.Sum(nil)
	var next node
	over := next.key.SetByteSlice(sum[:32])
	next.key.Add(&n.key)
	copy(next.chain[:], sum[32:])
	if over || next.key.IsZero() {
		return node{}, fmt.Errorf("this step of the key path leads to no key, take the next index: %w", byteball.Invalid)
	}
	return next, nil
}
