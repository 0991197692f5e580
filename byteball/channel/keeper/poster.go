package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Ledger is what a hub's client can do for a Poster.
type Ledger interface {
	Post(ctx context.Context, u *unit.Unit) error
	Joint(ctx context.Context, hash byteball.Hash) (unit.Joint, error)
}

// Poster posts units, and finds out when one that a hub had taken is gone: archived after a double spend, or reorganised
// away. Such a unit would be taken again and never get stable (BYTEBALL C 5), so it has to be signed anew. It is safe for
// concurrent use.
type Poster struct {
	ledger Ledger
	mu     sync.Mutex
	taken  map[byteball.Hash]int // by a hub; how often it was missed since
}

// NewPoster makes a Poster that has posted nothing.
func NewPoster(l Ledger) *Poster { return &Poster{ledger: l, taken: make(map[byteball.Hash]int)} }

// missing is how often a hub must say that it does not know a unit that was taken: another hub may be a little behind.
const missing = 2

// maxTaken bounds the units that are remembered.
const maxTaken = 1 << 16

// Post hands u to the ledger. For one that was taken before, it asks whether it is still there. Errors: as of Ledger.Post;
// Transient while it is missed; Invalid once it is gone: sign it anew.
func (p *Poster) Post(ctx context.Context, u *unit.Unit) error {
	p.mu.Lock()
	_, known := p.taken[u.Unit]
	p.mu.Unlock()
	if known {
		_, err := p.ledger.Joint(ctx, u.Unit)
		return p.looked(u.Unit, err)
	}
	err := p.ledger.Post(ctx, u)
	if err == nil {
		p.Resume(u)
	}
	return err
}

// looked judges the answer to a question for a unit that was taken.
func (p *Poster) looked(h byteball.Hash, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.taken[h] = 0
	case errors.Is(err, byteball.NotFound):
		if p.taken[h]++; p.taken[h] >= missing {
			delete(p.taken, h)
			return fmt.Errorf("unit %s was taken and is gone: it has to be signed anew: %w", h, byteball.Invalid)
		}
		return fmt.Errorf("unit %s was taken and is missed: %w", h, byteball.Transient)
	}
	return err
}

// Resume says that u was posted by an earlier run, or was just about to be.
func (p *Poster) Resume(u *unit.Unit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.taken) >= maxTaken {
		clear(p.taken) // they are long final, or posted once more
	}
	p.taken[u.Unit] = 0
}

// Forget drops what is known of a unit, once it is stable.
func (p *Poster) Forget(h byteball.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, h)
}
