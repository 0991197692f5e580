package device

import (
	"bytes"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Sealed is an encrypted message with its sender's signature, as it travels and lies in a hub. It keeps fields that this
// package does not know, since the signature covers them.
type Sealed struct {
	To       string        // address of the receiver
	Pubkey   string        // permanent key of the sender, base64
	Receiver string        // key of the receiver that it is encrypted to, base64
	Hash     byteball.Hash // what the hub calls it

	pack   Package
	fields map[string]any
}

// Seal addresses an encrypted package to the device whose permanent key is pubkey, and signs it with the sender's key.
// Error: Invalid for a pubkey that is none or a package that cannot be hashed; what key says.
func Seal(p Package, pubkey string, key unit.Signer) (*Sealed, error) {
	if len(pubkey) != keyLength {
		return nil, refuse("wrong pubkey length")
	}
	fields, err := sign(map[string]any{"encrypted_package": p.tree(), "to": Address(pubkey), "pubkey": key.PublicKey()}, key)
	if err != nil {
		return nil, err
	}
	return FromTree(fields)
}

// Parse reads a message of at most MaxLength bytes; see FromTree.
func Parse(data []byte) (*Sealed, error) {
	if len(data) > MaxLength {
		return nil, refuse("device message of %d bytes, at most %d", len(data), MaxLength)
	}
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, err
	}
	return FromTree(tree)
}

// FromTree makes the checks that hub and receiver make of a message that came as a JSON tree: fields, address, size of the
// tree, signature. It keeps the tree, and removes nulls from it. Error: Invalid with the reference's text
// (network.js:3410).
func FromTree(tree any) (*Sealed, error) {
	f, _ := tree.(map[string]any)
	p, _ := f["encrypted_package"].(map[string]any)
	dh, _ := p["dh"].(map[string]any)
	for _, part := range []struct {
		fields map[string]any
		names  []string
	}{
		{f, []string{"signature", "pubkey", "to"}},
		{p, []string{"encrypted_message", "iv", "authtag"}},
		{dh, []string{"sender_ephemeral_pubkey", "recipient_ephemeral_pubkey"}},
	} {
		for _, name := range part.names {
			if !given(part.fields, name) {
				return nil, refuse("missing fields")
			}
		}
	}
	if !ValidAddress(text(f, "to")) {
		return nil, refuse("invalid to address")
	}
	if nodes := 0; tooLarge(tree, 1, &nodes) {
		return nil, refuse("device message is too deeply nested or has too many nodes")
	}
	for _, v := range f {
		clean(v)
	}
	if err := verify(f, "wrong message signature"); err != nil {
		return nil, err
	}
	hash, err := objecthash.Hash(f)
	if err != nil {
		return nil, refuse("message hash failed: Error: %s", err)
	}
	pack, ok := packageIn(p)
	if !ok { // members that are no strings: nobody could decrypt it
		return nil, refuse("wrong params in encrypted package")
	}
	return &Sealed{To: text(f, "to"), Pubkey: text(f, "pubkey"), Receiver: pack.DH.Receiver, Hash: hash, pack: pack, fields: f}, nil
}

// tooLarge counts as the reference does (string_utils.js:260): at most 5 levels and 100 members.
func tooLarge(v any, depth int, nodes *int) bool {
	const maxDepth, maxNodes = 5, 100
	if depth > maxDepth || *nodes > maxNodes {
		return true
	}
	switch v := v.(type) {
	case []any:
		*nodes += len(v)
		for _, item := range v {
			if tooLarge(item, depth+1, nodes) {
				return true
			}
		}
	case map[string]any:
		*nodes += len(v)
		for _, item := range v {
			if tooLarge(item, depth+1, nodes) {
				return true
			}
		}
	}
	return false
}

// MarshalJSON writes the message as it travels, keys sorted.
func (s *Sealed) MarshalJSON() ([]byte, error) {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	w.Tree(s.fields)
	return bytes.Clone(w.Bytes()), w.Err()
}

// Named says whether hash is what a hub may call the message: the hash of its source string in the legacy form or, by newer
// hubs, in the JSON form (device.js:157).
func (s *Sealed) Named(hash byteball.Hash) bool {
	if hash == s.Hash {
		return true
	}
	h, err := objecthash.JSONHash(s.fields)
	return err == nil && h == hash
}
