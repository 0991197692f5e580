package hub

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Link is one step down from a unit to another that it includes.
type Link struct {
	Unit  byteball.Hash
	Joint *unit.Unit    // the unit, its hash checked; nil where only its ball was given
	Ball  byteball.Hash // with Joint the hub's word, else checked; empty while the unit is not stable
}

// Links proves that each of units, 2 to 2000, the latest first, includes the next: by whole units and, where the earlier one
// was stable before, by balls. The first step is the first unit; the last unit need not be among them, a parent or last ball
// of a step is enough. What it shows hangs on the first unit alone: that it is on the ledger, or stable, is for Prove.
// Errors: Invalid for fewer units, units that do not include one another or a false answer; those of Client.
// Source: ocore light.js processLinkProofs.
func (c *Client) Links(ctx context.Context, units ...byteball.Hash) ([]Link, error) {
	const command = "light/get_link_proofs"
	if len(units) < 2 || len(units) > maxItems {
		return nil, byteball.Errorf(byteball.Invalid, "a chain of %d units, 2 to %d can be linked", len(units), maxItems)
	}
	steps, conn, err := answerOf[[]step](ctx, c, command, units)
	if err != nil {
		return nil, err
	}
	links, err := linked(units, steps)
	if err != nil {
		return nil, c.garbled(conn, command, err)
	}
	return links, nil
}

// step is an element of the answer: a joint or a ball.
type step struct {
	ball
	Unit json.RawMessage `json:"unit"`
}

// reached is what a chain of links has led to so far.
type reached struct{ units, balls map[byteball.Hash]bool }

// linked checks the steps of an answer: each must be named by one before it.
func linked(units []byteball.Hash, steps []step) ([]Link, error) {
	at := reached{units: map[byteball.Hash]bool{units[0]: true}, balls: map[byteball.Hash]bool{}}
	var links []Link
	for _, s := range steps {
		l, err := at.step(s)
		if err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	if len(links) == 0 || links[0].Unit != units[0] {
		return nil, fmt.Errorf("it does not begin with unit %s", units[0])
	}
	for _, u := range units {
		if !at.units[u] {
			return nil, fmt.Errorf("it does not lead to unit %s", u)
		}
	}
	return links, nil
}

func (at reached) step(s step) (Link, error) {
	if json.Unmarshal(s.Unit, &s.ball.Unit) == nil {
		return at.ball(s.ball)
	}
	u, err := hashed(s.Unit)
	if err == nil {
		err = payloads(u)
	}
	if err != nil {
		return Link{}, err
	}
	if !at.units[u.Unit] {
		return Link{}, fmt.Errorf("unit %s hangs on nothing before it", u.Unit)
	}
	at.balls[u.LastBall] = true
	for _, h := range append([]byteball.Hash{u.LastBallUnit}, u.ParentUnits...) {
		at.units[h] = true
	}
	return Link{Unit: u.Unit, Joint: u, Ball: s.Ball}, nil
}

func (at reached) ball(b ball) (Link, error) {
	got, err := unit.BallHash(b.Unit, b.Parents, b.Skiplist, b.Nonserial)
	switch {
	case err != nil || got != b.Ball:
		return Link{}, fmt.Errorf("ball %s of unit %s should be %s", b.Ball, b.Unit, got)
	case !at.balls[b.Ball]:
		return Link{}, fmt.Errorf("ball %s of unit %s hangs on nothing before it", b.Ball, b.Unit)
	}
	for _, h := range b.Parents {
		at.balls[h] = true
	}
	for _, h := range b.Skiplist {
		at.balls[h] = true
	}
	at.units[b.Unit] = true
	return Link{Unit: b.Unit, Ball: b.Ball}, nil
}
