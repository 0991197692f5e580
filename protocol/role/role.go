// Package role is the vocabulary between a role's pure core and whatever drives it: what the core is told (events) and what
// it asks for (effects). Seller, validator and buyer are written in it; protocol/node drives them with sockets, a clock, a
// ledger client and a store, simulations drives them from one event queue. A core does no I/O and reads no clock.
//
// The driver keeps one promise: the Save and Delete effects of a step are on disk, together, before any other effect of
// that step happens, except Deliver, which happens before them: what was bought is handed out twice rather than lost. Of
// thousands of Delete effects the first may be on disk without the rest if the power fails. Send, Publish and Post may fail or
// be lost; a core repeats what matters when it is woken.
package role

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// Event is one of the types below, or one that a role adds for its own driver (a sensor's reading).
type Event any

type (
	// Received is a message that came straight from its signer or was passed on by a peer; form and signature are checked.
	Received struct {
		From protocol.Identity // the peer at the other end of the stream
		Env  envelope.Envelope
	}
	// Heard is a message from gossip, checked likewise.
	Heard struct{ Env envelope.Envelope }
	// Chain tells what the ledger client has proven since the last Chain event: units in the order of their main chain
	// index, each once; and Tip, the last main chain index, stable or not.
	Chain struct {
		Tip   uint64
		Units []unit.Proven
	}
	// Paid answers a Pay effect: the unit that was posted, or why there is none. A Unit beside Err is signed and not taken
	// yet: the wallet hands it in again by itself, so nobody knows whether it is paid before the chain tells. After an Err
	// without a Unit that is not Funds the wallet may be asked again.
	Paid struct {
		Ref  string
		Unit *unit.Unit
		Err  error
	}
	// Posted answers a Post effect.
	Posted struct {
		Unit byteball.Hash
		Err  error
	}
	// Woken comes at or after the time of the earliest Wake effect.
	Woken struct{}
	// Stop asks the core to settle: no new deals, close the open ones. Done effects say when nothing is left to do.
	Stop struct{}
)

// Effect is one of the types below.
type Effect any

type (
	// Save writes a key of the role's own part of the store.
	Save struct{ Key, Value []byte }
	// Delete removes a key that Save wrote.
	Delete struct{ Key []byte }
	// Send hands an envelope to a peer on the stream protocol of its kind, in order per peer, best effort.
	Send struct {
		To  protocol.Identity
		Env envelope.Envelope
	}
	// Publish gossips an envelope.
	Publish struct {
		Topic string
		Env   envelope.Envelope
	}
	// Subscribe joins a gossip topic; again for the same one does nothing.
	Subscribe struct{ Topic string }
	// Wake asks for a Woken event at a time; the earliest one asked for counts, each once.
	Wake struct{ At time.Time }
	// Watch adds an address to those whose proven units come with Chain, its old units included.
	Watch struct{ Address byteball.Address }
	// Pay asks the wallet for a payment. The same Ref never pays twice, over restarts too.
	Pay struct {
		Ref      string
		Outputs  []unit.Output
		Messages []unit.Message
	}
	// Post hands a finished unit to the ledger.
	Post struct{ Unit *unit.Unit }
	// Deliver hands out readings that were bought, to the buyer's sink, once or more often.
	Deliver struct {
		Deal     protocol.Hash
		Seller   protocol.Identity
		Prop     string
		Cell     string
		Window   uint64
		Index    int
		Readings []protocol.Reading

		Integrity, Relevance uint16         // ‰
		Price                byteball.Bytes // paid for this batch
	}
	// Note tells people what happened: for progress, logs and counters. Attrs are slog-style pairs.
	Note struct {
		Text  string
		Attrs []any
	}
	// Refused counts a message that was not taken, by the kind of its error; its text goes to the debug log.
	Refused struct{ Err error }
	// Done says that a Stop has been carried out.
	Done struct{}
)

// Core is what a driver needs of a role. On error the core is unchanged.
type Core interface {
	Step(ev Event, now time.Time) ([]Effect, error)
}
