package scenario

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"

	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// keys makes every key of a run out of its seed.
type keys struct {
	seed uint64
	real bool
}

// secret is 32 bytes that belong to a name and a purpose.
func (k keys) secret(name, purpose string, i uint32) [32]byte {
	b := binary.BigEndian.AppendUint64([]byte("simulated key"), k.seed)
	b = binary.BigEndian.AppendUint32(b, i)
	return sha256.Sum256(append(b, name+"\x00"+purpose...))
}

// wallet is a ledger key. Ledger keys are always real: the ledger checks them.
func (k keys) wallet(name, purpose string, i uint32) (*unit.Key, error) {
	return unit.NewKey(k.secret(name, purpose, i))
}

// identity is a node's identity key, real or cheap.
func (k keys) identity(name string) protocol.Signer {
	secret := k.secret(name, "identity", 0)
	if k.real {
		return ed25519Signer(ed25519.NewKeyFromSeed(secret[:]))
	}
	return cheapSigner(secret[:])
}

func (k keys) verifier() protocol.Verifier {
	if k.real {
		return envelope.Keys{}
	}
	return cheapVerifier{}
}

// ed25519Signer signs as RFC 8032 says.
type ed25519Signer ed25519.PrivateKey

func (s ed25519Signer) Identity() protocol.Identity {
	return protocol.Identity(ed25519.PrivateKey(s).Public().(ed25519.PublicKey))
}

func (s ed25519Signer) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(ed25519.PrivateKey(s), message), nil
}

// cheapSigner stands in for a key where nobody forges: its "signature" is SHA-256 of name and message, twice, so a message
// that was changed on its way still shows.
type cheapSigner protocol.Identity

func (s cheapSigner) Identity() protocol.Identity { return protocol.Identity(s) }

func (s cheapSigner) Sign(message []byte) ([]byte, error) {
	sum := cheap(protocol.Identity(s), message)
	return append(sum[:], sum[:]...), nil
}

type cheapVerifier struct{}

func (cheapVerifier) Verify(signer protocol.Identity, message, signature []byte) bool {
	sum := cheap(signer, message)
	return len(signature) == 64 && [32]byte(signature[:32]) == sum && [32]byte(signature[32:]) == sum
}

func cheap(id protocol.Identity, message []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(id))
	h.Write(message)
	return [32]byte(h.Sum(nil))
}
