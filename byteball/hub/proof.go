package hub

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// History is a hub's checked answer about some addresses or units.
type History struct {
	Proven   []unit.Proven // stable for ever, in the order of the main chain
	Unstable []*unit.Unit  // form checked, nothing else: the hub's word

	skips map[byteball.Hash][]byteball.Hash // skip lists of the proven units: the hub's word
}

// answer is the raw form of a history (ocore light.js:28).
type answer struct {
	UnstableMC  []joint `json:"unstable_mc_joints"`
	Definitions []joint `json:"witness_change_and_definition_joints"`
	Joints      []joint `json:"joints"`
	Balls       []ball  `json:"proofchain_balls"`
}

type joint struct {
	Unit     json.RawMessage `json:"unit"`
	Ball     byteball.Hash   `json:"ball"`
	Skiplist []byteball.Hash `json:"skiplist_units"` // the hub's word
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
	return verify(data, ops, majority, nil)
}

// verify is Verify of what ParseFrame has let pass, with a memory of signatures.
func verify(data []byte, ops []byteball.Address, majority int, memory *memory) (History, error) {
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
	known, err := lastBalls(a, ops, majority, memory)
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

// link is a ball and its place in the proof chain.
type link struct {
	ball
	at int
}

// proofChain follows hashes from known balls and returns the balls of the units it passes.
func proofChain(balls []ball, known map[byteball.Hash]bool) (map[byteball.Hash]link, error) {
	chain := make(map[byteball.Hash]link, len(balls))
	for i, b := range balls {
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
		if _, twice := chain[b.Unit]; !twice {
			chain[b.Unit] = link{b, i}
		}
	}
	return chain, nil
}

// sortOut checks the units that were asked for and parts the proven from the rest.
func sortOut(joints []joint, chain map[byteball.Hash]link) (History, error) {
	h := History{skips: map[byteball.Hash][]byteball.Hash{}}
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
		if len(j.Skiplist) > 0 {
			h.skips[u.Unit] = j.Skiplist
		}
	}
	sortByChain(h.Proven)
	if err := inOrder(h.Proven, chain); err != nil {
		return History{}, err
	}
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
