package device

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Login is how a device proves to a hub who it is: its signature over the hub's challenge, the body of "hub/login".
type Login struct {
	Challenge string `json:"challenge"`
	Pubkey    string `json:"pubkey"`
	Signature string `json:"signature"`
	MaxLength uint64 `json:"max_message_length,omitempty"` // characters of a message that the device takes; 0 means any
	MaxCount  uint64 `json:"max_message_count,omitempty"`  // messages at once, 1..100; 0 means 100
}

// maxChallenge is the longest challenge that is signed, in bytes; the reference's have 40.
const maxChallenge = 200

// NewLogin answers a hub's challenge. Error: Invalid for one that is no short text; what key says.
func NewLogin(challenge string, key unit.Signer) (Login, error) {
	if challenge == "" || len(challenge) > maxChallenge {
		return Login{}, refuse("challenge of %d bytes, want 1 to %d", len(challenge), maxChallenge)
	}
	fields, err := sign(map[string]any{"challenge": challenge, "pubkey": key.PublicKey()}, key)
	if err != nil {
		return Login{}, err
	}
	return Login{Challenge: challenge, Pubkey: key.PublicKey(), Signature: text(fields, "signature")}, nil
}

// CheckLogin checks what came as "hub/login", a JSON tree, against the challenge that was sent.
// Error: Invalid with the reference's text (network.js:2897).
func CheckLogin(tree any, challenge string) (Login, error) {
	f, _ := tree.(map[string]any)
	if s, ok := f["challenge"].(string); !ok || s != challenge {
		return Login{}, refuse("wrong challenge")
	}
	if !given(f, "pubkey") || !given(f, "signature") {
		return Login{}, refuse("no login params")
	}
	l := Login{Challenge: challenge, Pubkey: text(f, "pubkey"), Signature: text(f, "signature")}
	if objecthash.StringLength(l.Pubkey) != keyLength {
		return Login{}, refuse("wrong pubkey length")
	}
	if objecthash.StringLength(l.Signature) != sigLength {
		return Login{}, refuse("wrong signature length")
	}
	var ok bool
	if l.MaxLength, ok = limit(f, "max_message_length"); !ok {
		return Login{}, refuse("max_message_length must be an integer")
	}
	if l.MaxCount, ok = limit(f, "max_message_count"); !ok || l.MaxCount > 100 {
		return Login{}, refuse("max_message_count must be an integer > 0 and <= 100")
	}
	return l, verify(f, "wrong signature")
}

// limit reads a positive integer that may be left out.
func limit(f map[string]any, name string) (uint64, bool) {
	if !given(f, name) {
		return 0, true
	}
	n, _ := f[name].(float64)
	return uint64(max(n, 0)), n > 0 && n < 1<<53 && n == math.Trunc(n)
}

// TempKey is a device's temporary key, vouched for by its permanent one: what "hub/temp_pubkey" takes and
// "hub/get_temp_pubkey" answers.
type TempKey struct {
	TempPubkey string `json:"temp_pubkey"`
	Pubkey     string `json:"pubkey"`
	Signature  string `json:"signature"`
}

// NewTempKey vouches for a temporary public key with the permanent one. Error: what key says.
func NewTempKey(tempPubkey string, key unit.Signer) (TempKey, error) {
	fields, err := sign(map[string]any{"temp_pubkey": tempPubkey, "pubkey": key.PublicKey()}, key)
	if err != nil {
		return TempKey{}, err
	}
	return TempKey{TempPubkey: tempPubkey, Pubkey: key.PublicKey(), Signature: text(fields, "signature")}, nil
}

// ParseTempKey checks a temporary key, a JSON tree, of the device called address: form and signature, not that the key is a
// point of the curve, which whoever encrypts to it finds out. Error: Invalid with the reference's text (network.js:3503).
func ParseTempKey(tree any, address string) (TempKey, error) {
	f, _ := tree.(map[string]any)
	if !given(f, "temp_pubkey") || !given(f, "pubkey") || !given(f, "signature") {
		return TempKey{}, refuse("no temp_pubkey params")
	}
	for name := range f {
		if !slices.Contains([]string{"temp_pubkey", "pubkey", "signature"}, name) {
			return TempKey{}, refuse("unexpected fields in temp_pubkey package")
		}
	}
	k := TempKey{TempPubkey: text(f, "temp_pubkey"), Pubkey: text(f, "pubkey"), Signature: text(f, "signature")}
	switch {
	case objecthash.StringLength(k.TempPubkey) != keyLength:
		return TempKey{}, refuse("wrong temp_pubkey length")
	case objecthash.StringLength(k.Pubkey) != keyLength:
		return TempKey{}, refuse("wrong pubkey length")
	case len(k.Signature) > unit.MaxAuthentifier:
		return TempKey{}, refuse("wrong signature")
	case Address(k.Pubkey) != address:
		return TempKey{}, refuse("signed by another pubkey")
	}
	return k, verify(f, "wrong signature")
}
