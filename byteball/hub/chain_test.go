package hub_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// chain is a ledger without forks, made for the tests: every unit is on the main chain, its index is its number, and the
// proofs are real. It answers like a hub, with a limit of its own on the length of histories.
type chain struct {
	t      testing.TB
	op     *unit.Key
	opAddr byteball.Address

	net  byteball.Network
	ops  []*unit.Key // order providers, if there are more than op
	defs []int       // numbers of the units that show or change their definitions

	mu    sync.Mutex
	units []*unit.Unit
	balls []byteball.Hash
	limit int
	asked []int // lengths of the histories that were answered
}

const lag = 3 // how far a unit's last ball lies behind it

func newKey(t testing.TB, n byte) (*unit.Key, byteball.Address) {
	k, err := unit.NewKey([32]byte{31: n + 1})
	if err != nil {
		t.Fatal(err)
	}
	a, err := chash.Of(sig(k))
	if err != nil {
		t.Fatal(err)
	}
	return k, a
}

func sig(k *unit.Key) any { return []any{"sig", map[string]any{"pubkey": k.PublicKey()}} }

// newChain makes a chain of n units by its one order provider.
func newChain(t testing.TB, n int) *chain {
	c := &chain{t: t, limit: 2000, net: byteball.Dev}
	c.op, c.opAddr = newKey(t, 0)
	for range n {
		c.add(c.op)
	}
	return c
}

// add appends a unit by k that pays 1 byte to each address.
func (c *chain) add(k *unit.Key, to ...byteball.Address) *unit.Unit {
	address, err := chash.Of(sig(k))
	if err != nil {
		c.t.Fatal(err)
	}
	return c.append(k, address, len(c.units) == 0, nil, to...)
}

// append appends a unit of address, signed by k, with further messages. shows puts the definition there.
func (c *chain) append(k *unit.Key, address byteball.Address, shows bool, more []unit.Message, to ...byteball.Address) *unit.Unit {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.units)
	a := unit.Anchor{Parents: []byteball.Hash{wrongHash}, LastBall: wrongHash, LastBallUnit: wrongHash, Timestamp: int64(1_700_000_000 + n)}
	if n > 0 {
		last := max(0, n-lag)
		a.Parents = []byteball.Hash{c.units[n-1].Unit}
		a.LastBall, a.LastBallUnit = c.balls[last], c.units[last].Unit
	}
	p := &unit.Payment{Inputs: []unit.Input{{Unit: wrongHash, OutputIndex: n % 128}}, Outputs: []unit.Output{{Address: address, Amount: 1}}}
	for _, t := range to {
		p.Outputs = append(p.Outputs, unit.Output{Address: t, Amount: 1})
	}
	author := unit.Author{Address: address, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
	if shows {
		author.Definition = sig(k)
		c.defs = append(c.defs, n)
	}
	u, err := unit.Compose(c.net, a, []unit.Author{author}, append([]unit.Message{{App: "payment", Payload: p}}, more...))
	if err == nil {
		err = u.SignWith(address, "r", k)
	}
	if err == nil {
		err = u.Seal()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	var parents []byteball.Hash
	if n > 0 {
		parents = c.balls[n-1 : n]
	}
	ball, err := unit.BallHash(u.Unit, parents, nil, false)
	if err != nil {
		c.t.Fatal(err)
	}
	mci := uint64(n)
	u.MainChainIndex = &mci
	c.units, c.balls = append(c.units, u), append(c.balls, ball)
	return u
}

// proven says up to which index the chain can be proven.
func (c *chain) proven() int { return c.provenBy(c.addresses()) }

func (c *chain) provenBy(ops []byteball.Address) int {
	met := map[byteball.Address]bool{}
	for n := len(c.units) - 1; n >= 0; n-- {
		if a := c.units[n].Authors[0].Address; slices.Contains(ops, a) {
			met[a] = true
		}
		if len(met) >= c.net.Majority() {
			return max(0, n-lag)
		}
	}
	return -1
}

// addresses are those of all that were ever order providers.
func (c *chain) addresses() []byteball.Address {
	if len(c.ops) == 0 {
		return []byteball.Address{c.opAddr}
	}
	var list []byteball.Address
	for _, k := range c.ops {
		a, _ := chash.Of(sig(k))
		list = append(list, a)
	}
	return list
}

type rawJoint struct {
	Unit     *unit.Unit      `json:"unit"`
	Ball     byteball.Hash   `json:"ball,omitempty"`
	Skiplist []byteball.Hash `json:"skiplist_units,omitempty"`
}

func (c *chain) history(params json.RawMessage) any {
	var q struct {
		Witnesses []byteball.Address
		Addresses []byteball.Address
		Units     []byteball.Hash `json:"requested_joints"`
		Known     []byteball.Hash `json:"known_stable_units"`
		MinMCI    int             `json:"min_mci"`
	}
	if err := json.Unmarshal(params, &q); err != nil {
		return map[string]any{"error": err.Error()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.provenBy(q.Witnesses)
	var joints, main, defs []rawJoint
	var proof []map[string]any
	for n := len(c.units) - 1; n >= 0; n-- {
		u := c.units[n]
		asked := slices.Contains(q.Units, u.Unit) || n >= q.MinMCI && concerns(u, q.Addresses)
		if !asked || slices.Contains(q.Known, u.Unit) {
			continue
		}
		j := rawJoint{Unit: u}
		if n <= last {
			j.Ball = c.balls[n]
		}
		joints = append(joints, j)
	}
	c.asked = append(c.asked, len(joints))
	if len(joints) > c.limit {
		return map[string]any{"error": "your history is too large, please switch to a full client"}
	}
	if len(joints) == 0 {
		return map[string]any{}
	}
	for n := len(c.units) - 1; n > last; n-- {
		main = append(main, rawJoint{Unit: c.units[n]})
	}
	for _, n := range c.defs {
		if n <= last && slices.Contains(q.Witnesses, c.units[n].Authors[0].Address) {
			defs = append(defs, rawJoint{Unit: c.units[n], Ball: c.balls[n]})
		}
	}
	for n := last; n >= int(*joints[len(joints)-1].Unit.MainChainIndex); n-- {
		b := map[string]any{"unit": c.units[n].Unit, "ball": c.balls[n]}
		if n > 0 {
			b["parent_balls"] = c.balls[n-1 : n]
		}
		proof = append(proof, b)
	}
	return map[string]any{"joints": joints, "unstable_mc_joints": main, "witness_change_and_definition_joints": defs, "proofchain_balls": proof}
}

func concerns(u *unit.Unit, addresses []byteball.Address) bool {
	for _, a := range addresses {
		if u.Authors[0].Address == a || slices.ContainsFunc(u.Messages[0].Payload.(*unit.Payment).Outputs, func(o unit.Output) bool { return o.Address == a }) {
			return true
		}
	}
	return false
}

// serve puts the chain behind a websocket.
func (c *chain) serve() *server {
	s := serve(c.t)
	s.answer("get_witnesses", c.addresses())
	if c.net.Name != "dev" {
		s.hello = strings.NewReplacer("4.0dev", c.net.Version, `"alt":"3"`, `"alt":"`+c.net.Alt+`"`).Replace(devVersion)
	}
	s.answers["get_last_mci"] = func(json.RawMessage) any {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.units) - 1
	}
	s.answers["light/get_history"] = c.history
	return s
}

// answers waits until n more histories were asked for.
func (c *chain) answers(n int) {
	count := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.asked)
	}
	for want, deadline := count()+n, time.Now().Add(10*time.Second); count() < want && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
}

// news tells all clients that something became provable.
func (s *server) news() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.WriteMessage(websocket.TextMessage, []byte(`["justsaying",{"subject":"light/have_updates"}]`))
	}
}

// expected are the units up to index last that a follower of addresses from index from on should get.
func (c *chain) expected(from, last int, addresses ...byteball.Address) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for n := from; n <= last && n < len(c.units); n++ {
		if concerns(c.units[n], append(addresses, c.opAddr)) {
			names = append(names, name(*c.units[n].MainChainIndex, c.units[n]))
		}
	}
	return names
}

func name(mci uint64, u *unit.Unit) string { return fmt.Sprintf("%d %s", mci, u.Unit) }
