package hub

import (
	"slices"
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// lastBalls checks the order providers' part and returns the balls that follow from it.
func lastBalls(a answer, ops []byteball.Address, majority int, memory *memory) (map[byteball.Hash]bool, error) {
	if len(a.UnstableMC) == 0 {
		return nil, wrong("no unstable units of the main chain")
	}
	known := map[byteball.Hash]bool{}
	met := map[byteball.Address]bool{}
	var parents []byteball.Hash
	var signed []*unit.Unit
	for i, j := range a.UnstableMC {
		u, err := hashed(j.Unit)
		switch {
		case err != nil:
			return nil, err
		case j.Ball != "":
			return nil, wrong("unstable unit %s has a ball", u.Unit)
		case i > 0 && !slices.Contains(parents, u.Unit):
			return nil, wrong("unit %s is no parent of the one after it", u.Unit)
		case u.LastBall == "" || u.LastBallUnit == "":
			return nil, wrong("unit %s has no last ball", u.Unit)
		}
		if by(u, ops, met) {
			signed = append(signed, u)
		}
		if len(met) >= majority {
			known[u.LastBall] = true
		}
		parents = u.ParentUnits
	}
	if len(met) < majority {
		return nil, wrong("%d order providers signed it, %d are needed", len(met), majority)
	}
	keys := keyring{ops: ops, memory: memory, hashes: map[byteball.Address]byteball.Address{}, definitions: map[byteball.Address]any{}}
	for _, op := range ops {
		keys.hashes[op] = op
	}
	for _, j := range a.Definitions {
		if err := keys.learn(j); err != nil {
			return nil, err
		}
	}
	for _, u := range slices.Backward(signed) {
		if _, err := keys.check(u); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// by says whether an order provider is among the authors of u, and notes all of them in met.
func by(u *unit.Unit, ops []byteball.Address, met map[byteball.Address]bool) bool {
	found := false
	for _, a := range u.Authors {
		if slices.Contains(ops, a.Address) {
			met[a.Address] = true
			found = true
		}
	}
	return found
}

// keyring holds the definitions of the order providers' addresses, as far as they are proven.
type keyring struct {
	ops         []byteball.Address
	hashes      map[byteball.Address]byteball.Address // address -> hash of its present definition
	definitions map[byteball.Address]any              // hash -> definition
	memory      *memory
}

// memory knows good signatures, so that a unit that stands in answer after answer is checked once. nil remembers nothing.
type memory struct {
	mu   sync.Mutex
	good map[signature]bool
}

// signature is that of an author under one definition; the unit's hash covers its bytes.
type signature struct {
	unit                byteball.Hash
	address, definition byteball.Address
}

const memorySize = 512 // signatures; all are forgotten when there are more

func (m *memory) has(s signature) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.good[s]
}

func (m *memory) add(s signature) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.good) >= memorySize {
		clear(m.good)
	}
	m.good[s] = true
}

// learn takes a unit that shows or changes a definition.
func (k keyring) learn(j joint) error {
	u, err := hashed(j.Unit)
	if err != nil {
		return err
	}
	if j.Ball == "" || len(u.Messages) == 0 {
		return wrong("unit %s, said to define an order provider, has no ball or no messages", u.Unit)
	}
	if err := payloads(u); err != nil {
		return err
	}
	if !by(u, k.ops, map[byteball.Address]bool{}) {
		return wrong("unit %s is by no order provider", u.Unit)
	}
	news, err := k.check(u)
	if err != nil {
		return err
	}
	for _, a := range u.Authors {
		for _, m := range u.Messages {
			p, ok := m.Payload.(map[string]any)
			if m.App != "address_definition_change" || !ok || k.hashes[a.Address] == "" {
				continue
			}
			if to, _ := p["definition_chash"].(string); p["address"] == string(a.Address) || len(u.Authors) == 1 {
				k.hashes[a.Address] = byteball.Address(to)
				news = true
			}
		}
	}
	if !news {
		return wrong("unit %s neither shows nor changes a definition", u.Unit)
	}
	return nil
}

// check verifies the signatures of all authors of u whose definition is known and takes the definitions that u shows;
// shown says whether there was one.
func (k keyring) check(u *unit.Unit) (shown bool, err error) {
	for _, a := range u.Authors {
		want := k.hashes[a.Address]
		if want == "" {
			continue
		}
		if a.Definition != nil {
			if got, err := chash.Of(a.Definition); err != nil || got != want {
				return false, wrong("unit %s: definition of %s hashes to %s, not %s", u.Unit, a.Address, got, want)
			}
			k.definitions[want] = a.Definition
			shown = true
		}
		def := k.definitions[want]
		if def == nil {
			return false, wrong("definition %s of order provider %s is missing", want, a.Address)
		}
		s := signature{u.Unit, a.Address, want}
		if k.memory.has(s) {
			continue
		}
		hash, err := u.HashToSign()
		if err != nil {
			return false, wrong("unit %s: %v", u.Unit, err)
		}
		env := definition.Env{Unit: u, HashToSign: hash, NoReferences: true}
		if ok, err := definition.Evaluate(def, a.Address, a.Authentifiers, env); err != nil || !ok {
			return false, wrong("unit %s: signature of %s: %v", u.Unit, a.Address, err)
		}
		k.memory.add(s)
	}
	return shown, nil
}
