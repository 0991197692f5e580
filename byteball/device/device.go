// Package device is the codec of the messages that devices send each other through a hub: addresses of devices, logging in,
// pairing by code, encryption and signatures. The hub sees who writes to whom and how much, never what; it cannot forge or
// change a message, and a repeated one is recognised by its ID.
//
// A device has a permanent key, whose hash is its address, and temporary keys that change now and then (Ring). A message is
// encrypted (ECDH over secp256k1, AES-128-GCM) to a temporary key of the receiver, so that who takes a device later cannot
// read what was recorded before; the permanent key signs what is sent. One key may serve as device key and as key of a
// ledger address at the same time: what a device signs begins with other words than a unit or a signed message does, and
// ECDH tells nothing of the key.
//
// The package is pure: randomness comes from the caller, sockets and stores are those of package hub, and the hub's side is
// in package ledger. Left out: chat, wallets with several cosigning devices, push notifications. Rules: ocore device.js,
// object_hash.js:129-149, network.js:2896-3010 and 3408-3540.
package device

import (
	"crypto/sha256"
	"maps"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	// MaxLength is the longest message between devices, in bytes of the JSON that travels. The reference's limit is that of
	// a frame, 6 MB.
	MaxLength = 2 << 20

	keyLength = 44 // characters of a public key
	sigLength = 88
	maxLayers = 3 // of encryption
	maxHub    = 200
	maxName   = 100
)

// Key is the private half of a device's key, in memory or in a token. *unit.Key is one.
type Key interface {
	unit.Signer
	// ECDH returns the SHA-256 of the x coordinate of the point that k shares with the holder of pub (base64).
	ECDH(pub string) ([32]byte, error)
}

// Address returns the address of the device whose permanent key is pubkey (base64): "0" and 32 characters.
func Address(pubkey string) string { return chash.DeviceAddress(pubkey) }

// ValidAddress says whether s has the form and the check bits of a device's address.
func ValidAddress(s string) bool {
	return len(s) == 33 && s[0] == '0' && chash.Valid(byteball.Address(s[1:]))
}

func refuse(format string, args ...any) error {
	return byteball.Errorf(byteball.Invalid, format, args...)
}

// hashToSign is what a device signs of fields: all of them but the signature and what is null.
func hashToSign(fields map[string]any) ([32]byte, error) {
	naked := maps.Clone(fields)
	delete(naked, "signature")
	for k, v := range naked {
		if v == nil {
			delete(naked, k)
		}
	}
	source, err := objecthash.Source(naked)
	if err != nil {
		return [32]byte{}, refuse("message hash failed: Error: %s", err)
	}
	return sha256.Sum256([]byte(source)), nil
}

// sign returns fields with the signature of key, base64.
func sign(fields map[string]any, key unit.Signer) (map[string]any, error) {
	hash, err := hashToSign(fields)
	if err != nil {
		return nil, err
	}
	sig, err := key.Sign(hash)
	if err != nil {
		return nil, err
	}
	fields["signature"] = encode(sig[:])
	return fields, nil
}

// verify checks the signature of fields by their own pubkey; wrong is the reference's text for a wrong one.
func verify(fields map[string]any, wrong string) error {
	hash, err := hashToSign(fields)
	if err != nil {
		return err
	}
	sig, _ := fields["signature"].(string)
	pubkey, _ := fields["pubkey"].(string)
	if !unit.VerifySig(hash, sig, pubkey) {
		return refuse("%s", wrong)
	}
	return nil
}

// text returns a member that is a string.
func text(fields map[string]any, name string) string {
	s, _ := fields[name].(string)
	return s
}

// given says whether a member is there and is what JavaScript calls true.
func given(fields map[string]any, name string) bool {
	switch v := fields[name]; v {
	case nil, false, "", 0.0:
		return false
	}
	return true
}

// clean removes what is null from all objects inside v, as the reference does before it hashes a message.
func clean(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			if item == nil {
				delete(v, k)
			}
			clean(item)
		}
	case []any:
		for _, item := range v {
			clean(item)
		}
	}
}
