package ledger

import (
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// maxKeys is how many keys of addresses are remembered.
const maxKeys = 16_384

// signedBy is what is known of a unit's signatures before it comes to the chain: keys holds, for each author whose only
// authentifier is a good signature at the root, the key that made it. Whether it is the right key is for the chain to say.
type signedBy struct {
	hash [32]byte // that was signed; valid if keys is not nil
	keys []string
}

// keyring remembers the keys of addresses that are defined by one key, so that most signatures can be checked before the
// ledger is locked. It is a guess that check.author confirms. The zero keyring is empty; it is safe for concurrent use.
type keyring struct {
	mu       sync.RWMutex
	new, old map[byteball.Address]string // at most maxKeys in both
}

func (r *keyring) key(a byteball.Address) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if k := r.new[a]; k != "" {
		return k
	}
	return r.old[a]
}

func (r *keyring) learn(a byteball.Address, key string) {
	if key == "" || r.key(a) != "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.new) >= maxKeys/2 || r.new == nil {
		r.old, r.new = r.new, make(map[byteball.Address]string, maxKeys/2)
	}
	r.new[a] = key
}

// check verifies the signatures of u as far as keys are known.
func (r *keyring) check(u *unit.Unit) signedBy {
	hash, err := u.HashToSign()
	if err != nil {
		return signedBy{}
	}
	s := signedBy{hash: hash, keys: make([]string, len(u.Authors))}
	for i := range u.Authors {
		a := &u.Authors[i]
		key := plainKey(a.Definition)
		if a.Definition == nil {
			key = r.key(a.Address)
		}
		if sig := a.Authentifiers["r"]; key != "" && sig != "" && len(a.Authentifiers) == 1 && unit.VerifySig(hash, sig, key) {
			s.keys[i] = key
		}
	}
	return s
}

// plainKey returns the key of a definition that is nothing but one key, "" for any other.
func plainKey(def any) string {
	list, _ := def.([]any)
	if len(list) != 2 || list[0] != "sig" {
		return ""
	}
	m, _ := list[1].(map[string]any)
	key, _ := m["pubkey"].(string)
	if len(m) != 1 || len(key) != unit.HashLength {
		return ""
	}
	return key
}
