package protocol

import (
	"encoding/base64"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Binding joins a node's two keys (MECHANISM 1, DESIGN 2): the identity key signs the wallet's first address, the key of
// that address signs the identity. Whoever has one can check the other.
type Binding struct {
	_         struct{} `cbor:",toarray"`
	Identity  Identity
	WalletKey []byte // compressed secp256k1 key of the wallet's first address, 33 bytes
	ByID      []byte // identity's signature over H("iv1/bind", address)
	ByWallet  []byte // wallet key's signature over H("iv1/bind", identity), 64 bytes, low S
}

// Bind makes the binding of the two keys.
func Bind(id Signer, wallet unit.Signer) (Binding, error) {
	key, err := base64.StdEncoding.DecodeString(wallet.PublicKey())
	if err != nil {
		return Binding{}, fmt.Errorf("bind: wallet key: %w", Invalid)
	}
	b := Binding{Identity: id.Identity(), WalletKey: key}
	addr, err := b.Address()
	if err != nil {
		return Binding{}, err
	}
	msg := H("iv1/bind", string(addr))
	if b.ByID, err = id.Sign(msg[:]); err != nil {
		return Binding{}, fmt.Errorf("bind: %w", err)
	}
	sig, err := wallet.Sign(H("iv1/bind", []byte(b.Identity)))
	if err != nil {
		return Binding{}, fmt.Errorf("bind: %w", err)
	}
	b.ByWallet = sig[:]
	return b, nil
}

// Address is the wallet's first address.
func (b Binding) Address() (byteball.Address, error) {
	return SigAddress(b.WalletKey)
}

// Check verifies lengths and both signatures. Error: Invalid (hard code 7).
func (b Binding) Check(v Verifier) error {
	if err := b.Identity.Check(); err != nil {
		return err
	}
	if len(b.WalletKey) != 33 || len(b.ByID) != 64 || len(b.ByWallet) != 64 {
		return fmt.Errorf("binding: fields of %d, %d and %d bytes, want 33, 64, 64: %w", len(b.WalletKey), len(b.ByID), len(b.ByWallet), Invalid)
	}
	addr, err := b.Address()
	if err != nil {
		return err
	}
	msg := H("iv1/bind", string(addr))
	if !v.Verify(b.Identity, msg[:], b.ByID) {
		return fmt.Errorf("binding: the identity key did not sign the address %s: %w", addr, Invalid)
	}
	sig := base64.StdEncoding.EncodeToString(b.ByWallet)
	if !unit.VerifySig(H("iv1/bind", []byte(b.Identity)), sig, base64.StdEncoding.EncodeToString(b.WalletKey)) {
		return fmt.Errorf("binding: the wallet key did not sign the identity: %w", Invalid)
	}
	return nil
}

// SigAddress returns the ledger address of ["sig", {pubkey}] for a compressed key of 33 bytes.
func SigAddress(key []byte) (byteball.Address, error) {
	if len(key) != 33 {
		return "", fmt.Errorf("wallet key of %d bytes, want 33: %w", len(key), Invalid)
	}
	return chash.Of([]any{"sig", map[string]any{"pubkey": base64.StdEncoding.EncodeToString(key)}})
}
