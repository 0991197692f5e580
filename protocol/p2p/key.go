package p2p

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/iotverse/iotverse/protocol"
)

// hostKey lets libp2p sign with a key that it never sees. Raw refuses, so whatever would export the key fails.
type hostKey struct {
	signer protocol.Signer
	public crypto.PubKey
}

var errSealed = errors.New("the identity key does not leave its module")

func newHostKey(s protocol.Signer) (*hostKey, error) {
	public, err := publicKey(s.Identity())
	if err != nil {
		return nil, err
	}
	return &hostKey{signer: s, public: public}, nil
}

func (k *hostKey) Raw() ([]byte, error)     { return nil, errSealed }
func (k *hostKey) Type() pb.KeyType         { return k.public.Type() }
func (k *hostKey) GetPublic() crypto.PubKey { return k.public }
func (k *hostKey) Equals(o crypto.Key) bool {
	other, ok := o.(*hostKey)
	return ok && k.public.Equals(other.public)
}

// Sign signs as libp2p wants it: Ed25519 as it is, P-256 in ASN.1.
func (k *hostKey) Sign(message []byte) ([]byte, error) {
	sig, err := k.signer.Sign(message)
	if err != nil || k.Type() == pb.KeyType_Ed25519 {
		return sig, err
	}
	if len(sig) != 64 {
		return nil, fmt.Errorf("P-256 signature of %d bytes, want 64: %w", len(sig), protocol.Invalid)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
}

// publicKey turns an identity into libp2p's form of the same key. Error: Invalid for what is no key.
func publicKey(id protocol.Identity) (crypto.PubKey, error) {
	switch len(id) {
	case 32:
		return crypto.UnmarshalEd25519PublicKey([]byte(id))
	case 33:
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), decompress(id))
		if err != nil {
			return nil, fmt.Errorf("identity %x is no point of P-256: %w", string(id), protocol.Invalid)
		}
		return crypto.ECDSAPublicKeyFromPubKey(*key)
	}
	return nil, id.Check()
}

// decompress returns the 65 bytes of the point, or nil.
func decompress(id protocol.Identity) []byte {
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), []byte(id))
	if x == nil {
		return nil
	}
	out := make([]byte, 65)
	out[0] = 4
	x.FillBytes(out[1:33])
	y.FillBytes(out[33:])
	return out
}

// identityOf turns the key of a connection into an identity. Error: Invalid for a kind of key that IoTVerse does not use.
func identityOf(key crypto.PubKey) (protocol.Identity, error) {
	if key == nil {
		return "", fmt.Errorf("a connection without a key: %w", protocol.Invalid)
	}
	raw, err := key.Raw()
	if err != nil {
		return "", fmt.Errorf("peer key: %v: %w", err, protocol.Invalid)
	}
	switch key.Type() {
	case pb.KeyType_Ed25519:
		return protocol.Identity(raw), nil
	case pb.KeyType_ECDSA:
		parsed, err := x509.ParsePKIXPublicKey(raw)
		if err != nil {
			return "", fmt.Errorf("peer key: %v: %w", err, protocol.Invalid)
		}
		if k, ok := parsed.(*ecdsa.PublicKey); ok && k.Curve == elliptic.P256() {
			point, err := k.Bytes()
			if err != nil {
				return "", fmt.Errorf("peer key: %v: %w", err, protocol.Invalid)
			}
			return protocol.Identity(append([]byte{2 + point[64]&1}, point[1:33]...)), nil
		}
	}
	return "", fmt.Errorf("peer key of kind %s, want Ed25519 or P-256: %w", key.Type(), protocol.Invalid)
}

func peerID(id protocol.Identity) (peer.ID, error) {
	key, err := publicKey(id)
	if err != nil {
		return "", err
	}
	return peer.IDFromPublicKey(key)
}

// PeerID returns the libp2p peer id of an identity as people write it in addresses ("12D3Koo…").
// Error: Invalid if id is neither an Ed25519 nor a P-256 key.
func PeerID(id protocol.Identity) (string, error) {
	p, err := peerID(id)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}
