package channel

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Event is something that happened to a channel: one of the types of this file.
type Event interface{ event() string }

type (
	// Funded says that an output at the channel's address holds the deposit. UnitSeen and UnitStable say it too.
	Funded struct {
		Out    unit.OutPoint
		Amount byteball.Bytes
		MCI    uint64 // of its unit, once stable
		Stable bool   // proven
	}
	// Pay (buyer) promises Add on top of all that was promised, in a new voucher that hangs on Base. An empty Add renews.
	// TPSFee is what the seller's Renew asked for, or 0; it is granted up to Terms.Reserve.
	Pay struct {
		Add    Payouts
		Base   Base
		TPSFee byteball.Bytes
	}
	// Accept (seller) hands him a voucher. Base is its parent as the seller's own ledger proved it, Tip his last main
	// chain index. Want, if not nil, is all that everybody must have been promised by now, as State.Payouts was after the last
	// voucher and what was sold since: the voucher pays exactly that, and what it newly claims of the previous channel's debts.
	// While the channel is Closing a dearer voucher is taken to close with, but a closing before it may be settled all the
	// same: what it pays more is worth nothing before it is Settled, and nothing is to be given for it.
	Accept struct {
		Voucher Voucher
		Base    Base
		Tip     uint64
		Want    Payouts
	}
	// CloseNow asks for the close, for a Reason that people read. The buyer signs a final voucher that hangs on Base, with
	// a TPSFee as in Pay.
	CloseNow struct {
		Reason string
		Base   Base
		TPSFee byteball.Bytes
	}
	// Tip says how long the main chain is: deadlines and repeated posts hang on it. Base is the newest stable unit (the
	// buyer's refund hangs on it, and so needs Base.LastBallMCI). Fee is the tps fee of a unit now (unit.CurrentTPSFee),
	// 0 if it is not known.
	Tip struct {
		MCI  uint64
		Base Base
		Fee  byteball.Bytes
	}
	// UnitSeen is a unit that pays to or spends from the channel's address, not proven stable.
	UnitSeen struct{ Unit *unit.Unit }
	// UnitStable is such a unit, proven stable. One that is not Serial lost a double spend: its outputs do not exist.
	UnitStable struct {
		Unit   *unit.Unit
		MCI    uint64
		Serial bool
	}
	// PostRefused says what the hub answered to a Post. Transient: the same unit is posted again later. Else it is signed
	// anew before that: hubs remember a unit that failed, and build nothing on one that they took, archived and take again.
	PostRefused struct{ Err error }
	// SerialConflict says that what we posted conflicts with another unit and neither is stable.
	SerialConflict struct{}
	// Vanished says that a unit which was seen is not known to the ledger any more: reorganised away, or archived because
	// it conflicts with another. The deposit has to come again; what we posted is signed anew.
	Vanished struct{ Unit byteball.Hash }
	// Restarted says that the state was just read from disk: unfinished duties are given out again, a closing or refund with
	// the next Tip.
	Restarted struct{}
	// Recovered comes instead of Restarted when the state may be older than what this side signed last: from a backup, or
	// from a disk of doubtful health. From then on the buyer signs nothing for this channel but, at last, a refund; the
	// seller gives nothing for vouchers and closes with the best that he has or is handed. A deposit is never paid after it.
	Recovered struct{}
	// Held (buyer, after Recovered) hands back the newest voucher that the seller or a payee holds.
	Held struct{ Voucher Voucher }
	// Succeeded says that the channel at Next, whose terms name this one as Previous, is open: this one closes. The buyer
	// signs a final voucher that hangs on Base.
	Succeeded struct {
		Next byteball.Address
		Base Base
	}
	// Inherit gives the new channel the last state of its Previous, closed: debts that were dust there are claimed here.
	Inherit struct{ Old State }
)

// The names by which the table of transitions knows them.
func (Funded) event() string         { return "Funded" }
func (Pay) event() string            { return "Pay" }
func (Accept) event() string         { return "Accept" }
func (CloseNow) event() string       { return "CloseNow" }
func (Tip) event() string            { return "Tip" }
func (UnitSeen) event() string       { return "UnitSeen" }
func (UnitStable) event() string     { return "UnitStable" }
func (PostRefused) event() string    { return "PostRefused" }
func (SerialConflict) event() string { return "SerialConflict" }
func (Vanished) event() string       { return "Vanished" }
func (Restarted) event() string      { return "Restarted" }
func (Recovered) event() string      { return "Recovered" }
func (Held) event() string           { return "Held" }
func (Succeeded) event() string      { return "Succeeded" }
func (Inherit) event() string        { return "Inherit" }

// Effect is something that the caller has to do: one of the types below, in the order given.
type Effect interface{ effect() }

type (
	// Save puts Value on disk under Key before any effect after it is run.
	Save struct {
		Key   string
		Value []byte
	}
	// Send gives the voucher to the seller, and to payees that want to see it. It may be repeated.
	Send struct{ Voucher Voucher }
	// Post gives the unit to the ledger and to nobody else. It may be repeated.
	Post struct{ Unit *unit.Unit }
	// Watch asks for the units of an address from now on, and those of the past.
	Watch struct{ Address byteball.Address }
	// Ask asks the other side to close and to say what it holds: the buyer, who knows nothing any more, the seller to close
	// with his newest voucher and to show it (Held); the seller the buyer, and payees, for the newest voucher (Accept). Who
	// is asked applies CloseNow. It may be repeated, or lost.
	Ask struct{ Reason string }
	// Renew asks the buyer for a voucher with at least that tps fee: Pay with nothing to Add. The newest one would not be
	// taken by the ledger as things are. It may be repeated, or lost.
	Renew struct{ TPSFee byteball.Bytes }
)

func (Save) effect()  {}
func (Send) effect()  {}
func (Post) effect()  {}
func (Watch) effect() {}
func (Ask) effect()   {}
func (Renew) effect() {}
