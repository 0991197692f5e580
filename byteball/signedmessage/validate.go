package signedmessage

import (
	"errors"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Chain answers for the ledger. An error that is not NotFound ends the check and is returned as it is.
type Chain interface {
	definition.Chain
	// LastBall returns the main chain index and the timestamp (Unix seconds) of a unit. Error: NotFound for a unit that is
	// not known or has no index yet.
	LastBall(unit byteball.Hash) (mci uint64, timestamp int64, err error)
}

// Config is what Validate goes by.
type Config struct {
	Network       byteball.Network
	Chain         Chain // nil knows nothing: offline messages only
	MaxComplexity int   // of the definitions of all authors together, 1..; 0 leaves the ledger's own limit, 100 for each of them
}

// Validate checks a message as it travels: its form, the definitions of its authors, all signatures. expected is an address
// that must be among the authors; if it is empty, there must be just one author. That a message is in order says nothing
// about how old it is. Errors: Invalid with the reference's text; what Chain returned.
func Validate(data []byte, expected byteball.Address, cfg Config) (*Message, error) {
	m, err := read(data, expected, cfg.Network)
	if err != nil {
		return nil, err
	}
	hash, unhashable := m.HashToSign()
	spent := 0
	for i := range m.Authors {
		def, env, err := m.basis(&m.Authors[i], cfg)
		if err != nil {
			return nil, err
		}
		if unhashable != nil {
			return nil, refuse("failed to calc unit_hash_to_sign: Error: %s", describe(unhashable, data))
		}
		env.HashToSign, env.Spent = hash, &spent
		if err := verify(def, &m.Authors[i], env); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// basis returns the definition that counts for a, and what it is evaluated against.
func (m *Message) basis(a *unit.Author, cfg Config) (any, definition.Env, error) {
	env := definition.Env{
		Unit: &unit.Unit{Version: m.Version, Authors: m.Authors}, NoReferences: m.LastBallUnit == "", MaxComplexity: cfg.MaxComplexity,
	}
	if m.LastBallUnit != "" {
		def, err := m.onLedger(a, &env, cfg.Chain)
		return def, env, err
	}
	if a.Definition == nil {
		return nil, env, refuse("no definition")
	}
	return a.Definition, env, nil
}

func verify(def any, a *unit.Author, env definition.Env) error {
	ok, err := definition.Evaluate(def, a.Address, a.Authentifiers, env)
	if err == nil && !ok {
		return refuse("authentifier verification failed")
	}
	return err
}

// onLedger is basis for a network-aware message.
func (m *Message) onLedger(a *unit.Author, env *definition.Env, chain Chain) (any, error) {
	err := error(byteball.NotFound)
	if chain != nil {
		env.Chain = chain
		env.LastBallMCI, env.LastBallTimestamp, err = chain.LastBall(m.LastBallUnit)
	}
	if errors.Is(err, byteball.NotFound) {
		return nil, refuse("last_ball_unit %s not found", m.LastBallUnit)
	}
	if err != nil {
		return nil, err
	}
	m.MCI = int64(env.LastBallMCI)
	def, hash, err := chain.Definition(a.Address, env.LastBallMCI)
	switch {
	case err != nil:
		return nil, err
	case def != nil && a.Definition != nil:
		return nil, refuse("should not include definition")
	case def != nil:
		return def, nil
	case a.Definition == nil:
		return nil, refuse("definition expected but not provided")
	}
	if got, err := chash.Of(a.Definition); err != nil || got != hash {
		return nil, refuse("wrong definition: %s!==%s", got, hash)
	}
	return a.Definition, nil
}
