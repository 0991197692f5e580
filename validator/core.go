// Package validator is the role that judges: it takes receipts of windows, draws the hidden samples, scores them, and signs
// stamps with the other members of a committee (MECHANISM 3). Core is pure (package protocol/role); protocol/node drives it
// on a machine, simulations on simulated time. The judgement itself is in validator/score.
//
// A window goes: noticed (my fee stands in a signed voucher) → committed → receipt → receipts fix the sample ball → opened
// → scored → commit → reveal → tally → stamp → published. What was opened is kept for the history horizon and given to other
// validators, for replays show only against what was seen before.
//
// It leaves out the retry of a failed round with spares, merit, audits and slashing; what they need (two commitments that
// exclude each other, two bodies by one member) is saved under "conflict/". A member that was restarted inside a round is
// absent from it: a reveal or a stamp is saved before it is sent, and nothing is signed twice. An identity judges with its
// first seat only.
//
// What a judgement hung on is kept for the dispute time, so that Recompute can repeat it, and the counting of the reveals, from
// the disk alone (iotverse verify --replay).
package validator

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/validator/score"
)

// Config is what a validator is made of.
type Config struct {
	Rules   deal.Rules
	Vars    unit.SystemVars
	Signer  protocol.Signer
	Binding protocol.Binding
	BondKey string // K, base64 of 33 bytes
	Secret  []byte // the device's own; nonces and salts follow from it
	Device  int    // A of MECHANISM 4 in ‰, for sellers that have shown nothing else: 950 is a software key

	Score func(score.Input) score.Result // how a window is judged; nil is score.Window
	From  uint64                         // main chain index from which on the ledger is followed; 0 is its beginning
}

// Validate names what is missing or wrong. Error: Invalid.
func (c *Config) Validate() error {
	if len(c.Secret) < 16 {
		return fmt.Errorf("validator: secret of %d bytes, want 16 or more: %w", len(c.Secret), protocol.Invalid)
	}
	if c.Device < 1 || c.Device > 1000 {
		return fmt.Errorf("validator: device factor %d ‰, want 1 to 1000: %w", c.Device, protocol.Invalid)
	}
	if c.Signer == nil || c.Signer.Identity() != c.Binding.Identity {
		return fmt.Errorf("validator: the binding is not of the signing key: %w", protocol.Invalid)
	}
	return nil
}

// Core is a validator. Make one with New.
type Core struct {
	cfg      Config
	cal      params.Calendar
	par      params.Params
	view     *view.View
	enroll   *enroll.Enrolment
	pay      byteball.Address // where fees come
	accounts map[protocol.Hash]*account
	streams  map[streamKey]*stream
	rounds   map[protocol.Hash]*round
	promises map[protocol.Hash]uint64 // windows for which a reveal or stamp was signed before a restart
	stamped  map[protocol.Hash]uint64 // wids with a valid stamp, and their windows
	archive  *archive
	dockets  map[protocol.Hash]uint64      // windows of those on disk, by wid
	given    map[protocol.Identity]*served // history given in this window
	window   uint64                        // of the last cleaning
	started  bool
	stopping bool
	done     bool

	now  time.Time     // of the step under way
	next time.Time     // when to be woken at the latest
	out  []role.Effect // of the step under way
}

// New makes a validator from its config and what it saved before (nil at first start). Error: Invalid.
func New(cfg Config, saved map[string][]byte) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Score == nil {
		cfg.Score = score.Window
	}
	pay, err := cfg.Binding.Address()
	if err != nil {
		return nil, err
	}
	m := &cfg.Rules.Manifest
	c := &Core{
		cfg: cfg, cal: m.Calendar(), par: m.Params, view: view.New(cfg.Rules, cfg.Vars), pay: pay,
		enroll:   enroll.Validator(cfg.Rules, cfg.Binding, cfg.BondKey, cfg.Secret),
		accounts: make(map[protocol.Hash]*account), streams: make(map[streamKey]*stream), rounds: make(map[protocol.Hash]*round),
		promises: make(map[protocol.Hash]uint64), stamped: make(map[protocol.Hash]uint64), given: make(map[protocol.Identity]*served), dockets: make(map[protocol.Hash]uint64),
	}
	c.archive = newArchive(m)
	c.view.Begin(cfg.From, saved)
	return c, c.restore(saved)
}

// Step takes one event. See role.Core.
func (c *Core) Step(ev role.Event, now time.Time) ([]role.Effect, error) {
	c.now, c.next, c.out = now, now.Add(c.par.Window()), nil
	c.start()
	switch ev := ev.(type) {
	case role.Chain:
		c.chain(ev)
	case role.Received:
		c.received(ev.Env)
	case role.Heard:
		c.heard(ev.Env)
	case role.Paid:
		if c.enroll.Mine(ev) {
			c.emit(c.enroll.Paid(ev, now)...)
		}
	case role.Stop:
		c.stopping = true
	case role.Woken, role.Posted:
	default:
		return nil, fmt.Errorf("validator: event %T is not for a validator: %w", ev, protocol.Invalid)
	}
	c.tick()
	return c.out, nil
}

// start asks, in the first step, for what the core must hear of: stamps and the channels that it had accounts in.
func (c *Core) start() {
	if c.started {
		return
	}
	c.started = true
	for shard := range uint32(1) << min(c.par.ShardBits, 6) {
		c.emit(role.Subscribe{Topic: protocol.StampTopic(shard)})
	}
	for _, a := range c.ledger() {
		c.emit(role.Watch{Address: a.Address})
	}
}

func (c *Core) chain(ev role.Chain) {
	c.emit(c.view.Apply(ev)...)
	c.emit(c.enroll.Chain(c.view, c.now)...)
	for _, p := range ev.Units {
		c.funds(p)
	}
}

func (c *Core) received(env envelope.Envelope) {
	switch m := env.Body.(type) {
	case *protocol.Notice:
		c.noticed(env, m)
	case *protocol.WindowCommit:
		c.committed(env, m)
	case *protocol.Receipts:
		c.withRound(env, m.Wid, func(r *round) { c.listed(r, env, m) })
	case *protocol.Opening:
		c.withRound(env, m.Wid, func(r *round) { c.opened(r, env, m) })
	case *protocol.Unserved:
		c.withRound(env, m.Wid, func(r *round) { c.unserved(r, env, m) })
	case *protocol.Commit:
		c.withRound(env, m.Wid, func(r *round) { c.bound(r, env, m) })
	case *protocol.Reveal:
		c.withRound(env, m.Wid, func(r *round) { c.shown(r, env, m) })
	case *protocol.Stamp:
		c.withRound(env, m.Wid, func(r *round) { c.voted(r, env, m) })
	case *protocol.Stamped:
		c.learn(m)
	case *protocol.Ask:
		c.asked(env.Signer, m)
	case *protocol.History:
		c.told(env.Signer, m)
	default:
		c.refuse("validator: a %s is not for a validator: %w", env.Kind(), protocol.Invalid)
	}
}

func (c *Core) heard(env envelope.Envelope) {
	if m, ok := env.Body.(*protocol.Stamped); ok {
		c.learn(m)
	}
}

// withRound calls f with the round that a message names.
func (c *Core) withRound(env envelope.Envelope, wid protocol.Hash, f func(*round)) {
	r, ok := c.rounds[wid]
	if !ok {
		c.refuse("validator: %s for window %s, which is none of ours or long over: %w", env.Kind(), wid, protocol.NotFound)
		return
	}
	if r.over && env.Kind() != protocol.KindStamp {
		c.refuse("validator: %s for window %s, whose round is over: %w", env.Kind(), wid, protocol.Stale)
		return
	}
	f(r)
}

func (c *Core) emit(effects ...role.Effect) { c.out = append(c.out, effects...) }

// save encodes a value and writes it under a key.
func (c *Core) save(key []byte, v any) bool {
	data, err := protocol.Encode(v)
	if err != nil {
		c.refuse("validator: save %s: %v: %w", key, err, protocol.Invalid)
		return false
	}
	c.emit(role.Save{Key: key, Value: data})
	return true
}

// send seals a message once and sends it to peers.
func (c *Core) send(m protocol.Message, to ...protocol.Identity) {
	env, err := envelope.Seal(c.cfg.Signer, c.cfg.Rules.Market, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	for _, peer := range to {
		c.emit(role.Send{To: peer, Env: env})
	}
}

// refuse counts a message that is not taken.
func (c *Core) refuse(format string, args ...any) {
	c.emit(role.Refused{Err: fmt.Errorf(format, args...)})
}

func (c *Core) note(text string, attrs ...any) { c.emit(role.Note{Text: text, Attrs: attrs}) }

func (c *Core) self() protocol.Identity { return c.cfg.Signer.Identity() }

// due says whether a time has come; if not, the core is woken then.
func (c *Core) due(t time.Time) bool {
	if !c.now.Before(t) {
		return true
	}
	if t.Before(c.next) {
		c.next = t
	}
	return false
}

// tick does what is due, and asks to be woken for what comes next.
func (c *Core) tick() {
	busy := false
	for _, r := range c.live() {
		c.advance(r)
		busy = busy || !r.over
	}
	if w, _ := c.cal.WindowAt(c.now); w > c.window {
		c.window = w
		c.clean(w)
	}
	if c.stopping && !busy && !c.done {
		c.done = true
		c.note("no round is left")
		c.emit(role.Done{})
	}
	c.emit(role.Wake{At: c.next})
}
