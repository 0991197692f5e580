// Package enroll gets a node its bond (MECHANISM 1): once, at first start, it asks the wallet for the unit that makes the
// bond and registers it, and from then on says from which epoch it counts. Sellers and validators share it; it is pure.
package enroll

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/view"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
	"github.com/iotverse/iotverse/protocol/role"
)

// Enrolment is one node's way to its bond. It has one user at a time.
type Enrolment struct {
	rules  deal.Rules
	reg    committee.Registration
	secret []byte // of a validator's bond: its nonces follow from it
	asked  bool
	told   bool
	again  time.Time // after a failure: when to ask once more
	ticket *committee.Ticket
}

// Seller enrols the streams of a seller.
func Seller(r deal.Rules, b protocol.Binding, streams []committee.Stream) *Enrolment {
	return &Enrolment{rules: r, reg: committee.Registration{Role: committee.Seller, Binding: b, Streams: streams}}
}

// Validator enrols a validator with its bond key K (base64 of 33 bytes) and the secret of its nonces.
func Validator(r deal.Rules, b protocol.Binding, key string, secret []byte) *Enrolment {
	return &Enrolment{rules: r, reg: committee.Registration{Role: committee.Validator, Binding: b, Key: key}, secret: secret}
}

// Bond is the address of the node's bond, empty before it is on the ledger.
func (e *Enrolment) Bond() byteball.Address {
	if e.ticket == nil {
		return ""
	}
	return e.ticket.Bond
}

// Ticket is the node's own registration, nil before it is stable.
func (e *Enrolment) Ticket() *committee.Ticket { return e.ticket }

// retry is how long a failed payment waits; fresh is how old the view may be to decide that there is no bond yet.
const (
	retry = 10 * time.Second
	fresh = 2 * time.Minute
)

// Chain looks for the node's own bond in the view and, once it is sure that there is none, asks for one.
func (e *Enrolment) Chain(v *view.View, now time.Time) []role.Effect {
	if e.ticket == nil || !v.Registry.Serves(e.ticket, v.Epoch()) {
		e.find(v)
	}
	if e.ticket != nil {
		return e.tell(v)
	}
	if e.asked || now.Before(e.again) || !v.Ready() || !v.Fresh(now, fresh) {
		return nil
	}
	return e.ask(v, now)
}

// find takes the newest of the node's own tickets.
func (e *Enrolment) find(v *view.View) {
	for _, t := range v.Registry.Own(e.reg.Binding.Identity, e.reg.Role) {
		if e.ticket == nil || t.MCI > e.ticket.MCI {
			e.ticket = t
		}
	}
}

func (e *Enrolment) tell(v *view.View) []role.Effect {
	if e.told {
		return nil
	}
	e.told = true
	cal, p := e.rules.Manifest.Calendar(), &e.rules.Manifest.Params
	from := cal.EpochAt(e.ticket.Time) + uint64(p.Delay)
	if e.ticket.MCI <= p.Genesis {
		from = 0
	}
	return []role.Effect{role.Note{Text: "bonded", Attrs: []any{
		"role", string(e.reg.Role), "bond", string(e.ticket.Bond), "counts_from_epoch", from, "epoch_now", v.Epoch(),
	}}}
}

// ask makes the registration with an END beyond the term and asks for its payment. The reference is the listing period, so
// that a restart or a second thought never bonds twice.
func (e *Enrolment) ask(v *view.View, now time.Time) []role.Effect {
	m := &e.rules.Manifest
	e.reg.End = v.Tip + m.Params.TermAge + m.Params.DisputeAge
	if e.reg.Role == committee.Validator {
		root, err := nonceRoot(e.secret, e.reg.Key, m.Calendar().EpochAt(now), m.Params.Term+m.Params.Delay)
		if err != nil {
			return []role.Effect{role.Refused{Err: err}}
		}
		e.reg.NonceRoot = root
	}
	msg, err := e.reg.Message(m)
	if err != nil {
		return []role.Effect{role.Refused{Err: err}}
	}
	e.asked = true
	return []role.Effect{role.Pay{Ref: e.ref(now), Outputs: e.reg.Outputs(m, now), Messages: []unit.Message{msg}}}
}

func (e *Enrolment) ref(now time.Time) string {
	return fmt.Sprintf("bond/%s/%d", e.reg.Role, committee.Period(&e.rules.Manifest, now))
}

// Mine says whether an answered payment is the bond's.
func (e *Enrolment) Mine(ev role.Paid) bool {
	return len(ev.Ref) > 5 && ev.Ref[:5] == "bond/"
}

// Paid takes the wallet's answer: the fees of the unit and the registration's own go into the books. A bond stays the
// node's money, so it makes no line.
func (e *Enrolment) Paid(ev role.Paid, now time.Time) []role.Effect {
	if ev.Err != nil {
		e.asked, e.again = false, now.Add(retry)
		return []role.Effect{role.Note{Text: "no bond yet", Attrs: []any{"why", ev.Err.Error()}}}
	}
	fees, err := unit.Fees(ev.Unit)
	if err != nil {
		return []role.Effect{role.Refused{Err: err}}
	}
	ms := now.UnixMilli()
	return Lines(
		books.Line{Time: ms, Kind: books.Fee, Ref: "fee/" + string(ev.Unit.Unit), Amount: books.Out(fees)},
		books.Line{Time: ms, Kind: books.Payment, Ref: ev.Ref, Amount: books.Out(e.rules.Manifest.Params.RegFee)},
	)
}

// Lines are the effects that save lines of the node's books.
func Lines(lines ...books.Line) []role.Effect {
	var effects []role.Effect
	for _, l := range lines {
		data, err := l.Encode()
		if err != nil {
			effects = append(effects, role.Refused{Err: err})
			continue
		}
		effects = append(effects, role.Save{Key: l.Key(), Value: data})
	}
	return effects
}

// nonceRoot is the root of the tree of nonce points R_e, one for each of n epochs from first on (MECHANISM 1, T1):
// r_e = HMAC-SHA256(secret, enc(["iv1/nonce", K, e])) mod n.
func nonceRoot(secret []byte, key string, first uint64, n int) (protocol.Hash, error) {
	k, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return protocol.Hash{}, fmt.Errorf("bond key: %w", protocol.Invalid)
	}
	points := make([][]byte, n)
	for i := range points {
		msg, err := protocol.Encode([]any{"iv1/nonce", k, first + uint64(i)})
		if err != nil {
			return protocol.Hash{}, err
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(msg)
		r, _ := btcec.PrivKeyFromBytes(mac.Sum(nil)) // reduces mod n
		points[i] = r.PubKey().SerializeCompressed()
	}
	return merkle.Root(points), nil
}
