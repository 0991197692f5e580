// Package utim is a node's identity module: it makes the two keys of DESIGN 2, keeps them, and signs with them. They are
// the identity key (Ed25519, or P-256), which is the libp2p peer id and signs every message, and the seed of the wallet.
//
// Private keys have no way out but Backup, which gives the wallet's words to the person who asks for them; the identity
// key has none at all. A Module prints as its public half.
//
// What it leaves out: what is signed and how it is wrapped (protocol, protocol/envelope), the binding of the two keys
// (protocol.Bind), paying (byteball/wallet). Who calls it: cmd/iotverse at start, which hands the Module to p2p and to the
// roles as a protocol.Signer. Today the keys live in an encrypted file (file.go).
package utim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"io"
	"log/slog"
	"math/big"

	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol"
)

// Options say how Create makes the keys.
type Options struct {
	Passphrase  []byte    // what the file is encrypted with; at least one byte, unless Unencrypted
	Unencrypted bool      // no encryption: whoever reads the file has the keys. For dev networks; the caller warns
	Words       string    // restore the wallet of these 12 to 24 words (BIP39, English) instead of making one; the identity key is new
	P256        bool      // a P-256 identity key, as secure elements have it, instead of Ed25519
	Rand        io.Reader // nil is crypto/rand; a seeded reader gives the same keys every time, for demos only
}

// Module holds the keys of one node. It is safe for concurrent use.
type Module struct {
	identity protocol.Identity
	keys     func() *keys // a function, since fmt looks through unexported fields and, with a wrong verb, pointers
}

type keys struct {
	identity crypto.Signer // Ed25519 or P-256
	wallet   *wallet.Seed
	words    string
}

// secrets are what the file protects.
type secrets struct {
	p256     bool
	identity [32]byte // Ed25519 seed (RFC 8032) or P-256 scalar, big endian
	entropy  []byte   // of the wallet's words (BIP39): 16 bytes for twelve, 32 at most
}

// newSecrets draws both keys.
func newSecrets(opts Options, random io.Reader) (secrets, error) {
	s := secrets{p256: opts.P256}
	for {
		if _, err := io.ReadFull(random, s.identity[:]); err != nil {
			return secrets{}, fmt.Errorf("utim: no randomness: %w", err)
		}
		if !s.p256 {
			break
		}
		// One number in 2^32 is no scalar of P-256: draw again.
		if _, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), s.identity[:]); err == nil {
			break
		}
	}
	if opts.Words != "" {
		var err error
		s.entropy, err = wallet.Entropy(opts.Words)
		return s, err
	}
	s.entropy = make([]byte, 16)
	if _, err := io.ReadFull(random, s.entropy); err != nil {
		return secrets{}, fmt.Errorf("utim: no randomness: %w", err)
	}
	return s, nil
}

// open makes the Module of s. Error: Invalid if s holds no keys.
func (s secrets) open() (*Module, error) {
	k := &keys{}
	m := &Module{keys: func() *keys { return k }}
	if s.p256 {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), s.identity[:])
		if err != nil {
			return nil, fmt.Errorf("utim: identity key is no scalar of P-256: %w", protocol.Invalid)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			return nil, fmt.Errorf("utim: identity key: %v: %w", err, protocol.Invalid)
		}
		k.identity = key
		m.identity = protocol.Identity(append([]byte{2 + point[64]&1}, point[1:33]...))
	} else {
		key := ed25519.NewKeyFromSeed(s.identity[:])
		k.identity = key
		m.identity = protocol.Identity(key.Public().(ed25519.PublicKey))
	}
	var err error
	if k.words, err = wallet.NewMnemonic(s.entropy); err != nil {
		return nil, fmt.Errorf("utim: wallet: %w", err)
	}
	if k.wallet, err = wallet.Open(k.words, ""); err != nil {
		return nil, fmt.Errorf("utim: wallet: %w", err)
	}
	return m, nil
}

// Identity returns the public identity key.
func (m *Module) Identity() protocol.Identity { return m.identity }

// Sign signs message with the identity key: Ed25519 (RFC 8032), or ECDSA P-256 over its SHA-256 as r||s with low S and a
// nonce by RFC 6979. Always 64 bytes; the same message gives the same signature.
func (m *Module) Sign(message []byte) ([]byte, error) {
	if _, ok := m.keys().identity.(ed25519.PrivateKey); ok {
		return m.keys().identity.Sign(nil, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	der, err := m.keys().identity.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("utim: sign: %w", err)
	}
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, fmt.Errorf("utim: sign: %w", err)
	}
	order := elliptic.P256().Params().N
	if sig.S.Cmp(new(big.Int).Rsh(order, 1)) > 0 {
		sig.S.Sub(order, sig.S)
	}
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}

// Wallet returns the wallet's seed. It stays inside this process.
func (m *Module) Wallet() *wallet.Seed { return m.keys().wallet }

// Backup returns the wallet's words (BIP39, English), twelve unless it was restored from more. Whoever has them has the money: show them to the node's owner
// on request, never log them. They do not restore the identity key; a restored wallet gets a new one.
func (m *Module) Backup() string { return m.keys().words }

// String, GoString and LogValue show the public half only.
func (m Module) String() string       { return "utim " + m.identity.String() }
func (m Module) GoString() string     { return m.String() }
func (m Module) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Format keeps every verb of package fmt from walking into the keys.
func (m Module) Format(f fmt.State, _ rune) { io.WriteString(f, m.String()) }

// randomOr returns r, or the system's randomness.
func randomOr(r io.Reader) io.Reader {
	if r == nil {
		return rand.Reader
	}
	return r
}
