package channel

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Event is something that happened to a channel: one of the types of this file.
type Event interface{ event() }

type (
	// Funded says that an output at the channel's address holds the deposit. UnitSeen and UnitStable say it too.
	Funded struct {
		Out    unit.OutPoint
		Amount byteball.Bytes
		MCI    uint64 // of its unit, once stable
		Stable bool   // proven
	}
	// Pay (buyer) promises Add on top of all that was promised, in a new voucher that hangs on Base. An empty Add renews.
	Pay struct {
		Add  Payouts
		Base Base
	}
	// Accept (seller) hands him a voucher. Base is its parent as the seller's own ledger proved it, Tip his last main
	// chain index. Want, if not nil, is all that everybody must have been promised by now: the voucher pays exactly it.
	Accept struct {
		Voucher Voucher
		Base    Base
		Tip     uint64
		Want    Payouts
	}
	// CloseNow asks for the close, for a Reason that people read. The buyer signs a final voucher that hangs on Base.
	CloseNow struct {
		Reason string
		Base   Base
	}
	// Tip says how long the main chain is: deadlines and repeated posts hang on it. Base is the newest stable unit (the
	// buyer's refund hangs on it, and so needs Base.LastBallMCI).
	Tip struct {
		MCI  uint64
		Base Base
	}
	// UnitSeen is a unit that pays to or spends from the channel's address, not proven stable.
	UnitSeen struct{ Unit *unit.Unit }
	// UnitStable is such a unit, proven stable. One that is not Serial lost a double spend: its outputs do not exist.
	UnitStable struct {
		Unit   *unit.Unit
		MCI    uint64
		Serial bool
	}
	// PostRefused says what the hub answered to a Post. Transient and Stale (known already, or a double spend for now): the
	// same unit is posted again later. Else: hubs remember a unit that failed, so it is signed anew before that.
	PostRefused struct{ Err error }
	// SerialConflict says that what we posted conflicts with another unit and neither is stable.
	SerialConflict struct{}
	// Restarted says that the state was just read from disk: unfinished duties are given out again.
	Restarted struct{}
)

func (Funded) event()         {}
func (Pay) event()            {}
func (Accept) event()         {}
func (CloseNow) event()       {}
func (Tip) event()            {}
func (UnitSeen) event()       {}
func (UnitStable) event()     {}
func (PostRefused) event()    {}
func (SerialConflict) event() {}
func (Restarted) event()      {}

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
)

func (Save) effect()  {}
func (Send) effect()  {}
func (Post) effect()  {}
func (Watch) effect() {}
