package definition

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The family of operators about who takes part: sig, hash, cosigned by.

// plain checks that an operator stands where it may, its argument is an object without unknown fields, and no algorithm
// is named, since the default is the only one.
func (p *parser) plain(op string, args any, at place, algo, field string) (any, error) {
	if at.negated {
		return nil, refuse("%s cannot be negated", op)
	}
	if p.condition {
		return nil, refuse("asset condition cannot have %s", op)
	}
	m, ok := object(args)
	if !ok {
		return nil, refuse("%s args must be a non-empty object", op)
	}
	if extra(m, "algo", field) {
		return nil, refuse("unknown fields in %s", op)
	}
	if given, ok := m["algo"]; ok {
		if given == algo {
			return nil, refuse("default algo must not be explicitly specified")
		}
		return nil, refuse("unsupported %s algo", op)
	}
	return m[field], nil
}

// signature is met by a signature of key over the unit.
type signature struct{ path, key string }

func (s signature) holds(e *evaluation) (bool, error) {
	sig, ok := e.take(s.path)
	if !ok {
		return false, nil
	}
	if ok = unit.VerifySig(e.env.HashToSign, sig, s.key); !ok {
		e.wrong = refuse("bad signature at path %s", s.path)
	}
	return ok, nil
}

func (p *parser) sig(args any, at place) (condition, bool, error) {
	key, err := p.plain("sig", args, at, "secp256k1", "pubkey")
	if err != nil {
		return nil, false, err
	}
	k, _ := key.(string)
	if length(k) != unit.HashLength { // 33 bytes in base64 are as long as a hash
		return nil, false, refuse("wrong pubkey length")
	}
	return signature{at.path, k}, true, nil
}

// preimage is met by a string whose SHA-256 is hash. Anybody who saw it can use it, so it is no signature.
type preimage struct{ path, hash string }

func (h preimage) holds(e *evaluation) (bool, error) {
	s, ok := e.take(h.path)
	if !ok {
		return false, nil
	}
	sum := sha256.Sum256([]byte(s))
	if ok = base64.StdEncoding.EncodeToString(sum[:]) == h.hash; !ok {
		e.wrong = refuse("bad hash at path %s", h.path)
	}
	return ok, nil
}

func (p *parser) hash(args any, at place) (condition, bool, error) {
	hash, err := p.plain("hash", args, at, "sha256", "hash")
	if err != nil {
		return nil, false, err
	}
	if !isHash(hash) {
		return nil, false, refuse("wrong base64 hash")
	}
	return preimage{at.path, hash.(string)}, false, nil
}

// coauthor is met by a unit that address has signed too, by whatever definition it has.
type coauthor struct{ address byteball.Address }

func (c coauthor) holds(e *evaluation) (bool, error) {
	return slices.ContainsFunc(e.env.Unit.Authors, func(a unit.Author) bool { return a.Address == c.address }), nil
}

func (p *parser) cosigned(args any, at place) (condition, bool, error) {
	if at.negated {
		return nil, false, refuse("cosigned by cannot be negated")
	}
	a, ok := address(args)
	if !ok {
		return nil, false, refuse("invalid cosigner address")
	}
	return coauthor{a}, false, nil
}

// address returns v if it is an address with a right checksum. It need not have been used.
func address(v any) (byteball.Address, bool) {
	s, _ := v.(string)
	a := byteball.Address(s)
	return a, len(s) == 32 && chash.Valid(a)
}
