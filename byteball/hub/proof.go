package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// History is a hub's checked answer about some addresses or units.
type History struct {
	Proven   []unit.Proven // stable for ever, in the order of the main chain
	Unstable []*unit.Unit  // form checked, nothing else: the hub's word
}

// answer is the raw form of a history (ocore light.js:28).
type answer struct {
	UnstableMC  []joint `json:"unstable_mc_joints"`
	Definitions []joint `json:"witness_change_and_definition_joints"`
	Joints      []joint `json:"joints"`
	Balls       []ball  `json:"proofchain_balls"`
}

type joint struct {
	Unit json.RawMessage `json:"unit"`
	Ball byteball.Hash   `json:"ball"`
}

type ball struct {
	Unit      byteball.Hash   `json:"unit"`
	Ball      byteball.Hash   `json:"ball"`
	Parents   []byteball.Hash `json:"parent_balls"`
	Skiplist  []byteball.Hash `json:"skiplist_balls"`
	Nonserial bool            `json:"is_nonserial"`
}

// Verify checks a hub's answer to light/get_history; ops are the order providers that the caller trusts, of whom majority
// make a proof. What it establishes for a proven unit: a majority of ops signed units on an unbroken chain of parents
// whose last ball commits, by hashes alone, to this unit and to whether it was a double spend that lost. Its main chain
// index, its oversize fee and the tps fee it really paid are the hub's word, and so is that nothing was left out: the
// protocol proves none of that. Rules: ocore light.js:177, witness_proof.js:172. Pure.
// Error: Invalid if anything in the answer is wrong; then nothing of it may be used.
func Verify(data []byte, ops []byteball.Address, majority int) (History, error) {
	if d := depth(data); d > maxDepth {
		return History{}, wrong("nested deeper than %d levels", maxDepth)
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return History{}, wrong("%v", err)
	}
	if len(a.Joints) == 0 {
		return History{}, nil
	}
	if len(ops) == 0 || majority < 1 {
		return History{}, wrong("no order providers to check it by")
	}
	known, err := lastBalls(a, ops, majority)
	if err != nil {
		return History{}, err
	}
	chain, err := proofChain(a.Balls, known)
	if err != nil {
		return History{}, err
	}
	return sortOut(a.Joints, chain)
}

func wrong(format string, args ...any) error {
	return fmt.Errorf("history refused: "+format+": %w", append(args, byteball.Invalid)...)
}

// lastBalls checks the order providers' part and returns the balls that follow from it.
func lastBalls(a answer, ops []byteball.Address, majority int) (map[byteball.Hash]bool, error) {
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
	keys := keyring{ops: ops, hashes: map[byteball.Address]byteball.Address{}, definitions: map[byteball.Address]any{}}
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
	hash, err := u.HashToSign()
	if err != nil {
		return false, wrong("unit %s: %v", u.Unit, err)
	}
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
		env := definition.Env{Unit: u, HashToSign: hash, NoReferences: true}
		if ok, err := definition.Evaluate(def, a.Address, a.Authentifiers, env); err != nil || !ok {
			return false, wrong("unit %s: signature of %s: %v", u.Unit, a.Address, err)
		}
	}
	return shown, nil
}

// proofChain follows hashes from known balls and returns the balls of the units it passes.
func proofChain(balls []ball, known map[byteball.Hash]bool) (map[byteball.Hash]ball, error) {
	chain := make(map[byteball.Hash]ball, len(balls))
	for _, b := range balls {
		got, err := unit.BallHash(b.Unit, b.Parents, b.Skiplist, b.Nonserial)
		switch {
		case err != nil || got != b.Ball:
			return nil, wrong("ball %s of unit %s should be %s", b.Ball, b.Unit, got)
		case !known[b.Ball]:
			return nil, wrong("ball %s of unit %s hangs on nothing proven", b.Ball, b.Unit)
		}
		for _, p := range b.Parents {
			known[p] = true
		}
		for _, s := range b.Skiplist {
			known[s] = true
		}
		chain[b.Unit] = b
	}
	return chain, nil
}

// sortOut checks the units that were asked for and parts the proven from the rest.
func sortOut(joints []joint, chain map[byteball.Hash]ball) (History, error) {
	var h History
	seen := make(map[byteball.Hash]bool, len(joints))
	for _, j := range slices.Backward(joints) {
		u, err := hashed(j.Unit)
		if err != nil {
			return History{}, err
		}
		if seen[u.Unit] {
			return History{}, wrong("unit %s comes twice", u.Unit)
		}
		seen[u.Unit] = true
		b, proven := chain[u.Unit]
		if err := asked(u, !proven || !b.Nonserial); err != nil {
			return History{}, err
		}
		if !proven {
			h.Unstable = append(h.Unstable, u)
			continue
		}
		if j.Ball != "" && j.Ball != b.Ball {
			return History{}, wrong("unit %s has ball %s, proven is %s", u.Unit, j.Ball, b.Ball)
		}
		if u.MainChainIndex == nil {
			return History{}, wrong("stable unit %s without main chain index", u.Unit)
		}
		h.Proven = append(h.Proven, unit.Proven{Unit: u, Ball: b.Ball, MCI: *u.MainChainIndex, Serial: !b.Nonserial})
	}
	sortByChain(h.Proven)
	return h, nil
}

// asked checks the form of a unit that was asked for. One that counts must be whole; a double spend that lost may come
// without its messages.
func asked(u *unit.Unit, counts bool) error {
	if u.ContentHash != "" && len(u.Messages) == 0 {
		if counts {
			return wrong("unit %s comes without its messages", u.Unit)
		}
		return nil
	}
	bare := *u
	bare.MainChainIndex, bare.ActualTPSFee = nil, nil
	if err := unit.CheckForm(&bare); err != nil {
		return wrong("unit %s: %v", u.Unit, err)
	}
	return nil
}

// hashed reads a unit and checks its hash.
func hashed(data json.RawMessage) (*unit.Unit, error) {
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return nil, wrong("joint without unit")
	}
	u, err := unit.Parse(data)
	if err != nil {
		return nil, wrong("%v", err)
	}
	if got, err := u.Hash(); err != nil || got != u.Unit {
		return nil, wrong("unit %s hashes to %s (%v)", u.Unit, got, err)
	}
	return u, nil
}

// payloads checks that the payloads of u are those it was hashed with.
func payloads(u *unit.Unit) error {
	for i := range u.Messages {
		m := &u.Messages[i]
		if m.PayloadLocation != "inline" {
			continue
		}
		if got, err := m.HashPayload(u.Version); err != nil || got != m.PayloadHash {
			return wrong("unit %s: payload of message %d hashes to %s, not %s", u.Unit, i, got, m.PayloadHash)
		}
	}
	return nil
}
