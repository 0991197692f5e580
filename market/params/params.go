// Package params holds what a market fixes once: its manifest (MECHANISM 0) and its parameters (MECHANISM 9), and the
// calendar of windows and epochs that follows from them. It leaves out every rule that uses the numbers; those are the
// other packages of market. All roles and the command line read it.
package params

import (
	"fmt"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
)

// Params are the parameters of MECHANISM 9. Shares and scores are ‰ (0..1000), money is bytes, ages are main chain indexes
// (MCI). The order of the fields is part of the market's hash.
type Params struct {
	_ struct{} `cbor:",toarray"`

	// Time.
	Batch        time.Duration `yaml:"batch"`         // length of a batch, whole milliseconds
	Batches      int           `yaml:"batches"`       // batches a window, 1..64
	EpochWindows int           `yaml:"epoch_windows"` // windows an epoch
	Readings     int           `yaml:"readings"`      // readings a batch; 0: what the sensor gives

	// The round.
	Common        int           `yaml:"common"`         // batches that all members sample
	Own           int           `yaml:"own"`            // batches that each member samples besides
	CommonTrusted int           `yaml:"common_trusted"` // the same for a seller whose reputation is Trusted or more
	OwnTrusted    int           `yaml:"own_trusted"`
	Trusted       int           `yaml:"trusted"` // ‰
	Receipt       time.Duration `yaml:"receipt"` // time for receipts, then for commits, then for reveals
	Commit        time.Duration `yaml:"commit"`
	Reveal        time.Duration `yaml:"reveal"`
	Members       int           `yaml:"members"`    // k, seats of a committee, odd
	Quorum        int           `yaml:"quorum"`     // q = ⌈2k/3⌉
	Pool          int           `yaml:"pool"`       // tickets from which a shard's committees are drawn
	ShardBits     int           `yaml:"shard_bits"` // b: there are 2^b shards

	// Bonds and registration.
	RefundAge   uint64         `yaml:"refund_age"`   // N, MCI: after it the buyer may take a channel's deposit back
	Term        int            `yaml:"term"`         // epochs that one bond serves
	Dispute     int            `yaml:"dispute"`      // epochs in which a fault can still be punished
	Delay       int            `yaml:"delay"`        // epochs from registration to the first seat, 2..4
	TermAge     uint64         `yaml:"term_age"`     // a term in MCI, at the measured rate
	DisputeAge  uint64         `yaml:"dispute_age"`  // dispute time plus the two epochs of service in MCI: END lies beyond it
	ListEpochs  int            `yaml:"list_epochs"`  // epochs whose registrations share one address; a day's above 1,500 a month
	Genesis     uint64         `yaml:"genesis"`      // bonds up to this MCI count from epoch 0
	Bond        byteball.Bytes `yaml:"bond"`         // U, a validator's bond
	Slices      int            `yaml:"slices"`       // outputs of U/Slices each
	SellerBond  byteball.Bytes `yaml:"seller_bond"`  // one slice of a seller's bond
	SellerParts int            `yaml:"seller_parts"` // slices of a seller's bond
	RegFee      byteball.Bytes `yaml:"reg_fee"`      // paid to the list address by each registration

	// Scoring horizons, in windows.
	History      int  `yaml:"history"`       // opened batches are kept and served so long
	DailyPattern bool `yaml:"daily_pattern"` // compare with the same hour of other days
	Baseline     int  `yaml:"baseline"`      // of the comparison with neighbours

	// Trade.
	Credit     int            `yaml:"credit"`      // windows that may stay unpaid on the ledger
	OfferValid time.Duration  `yaml:"offer_valid"` // longest life of an offer
	StampValid int            `yaml:"stamp_valid"` // epochs
	Price      byteball.Bytes `yaml:"price"`       // u of the example, where a seller names none
	FeeMin     byteball.Bytes `yaml:"fee_min"`     // f_min, least fee of a seat and window
	FeeBase    byteball.Bytes `yaml:"fee_base"`    // f0, unit of debits
	Debit      byteball.Bytes `yaml:"debit"`       // largest debit of a member
	MinDeposit byteball.Bytes `yaml:"min_deposit"` // of a channel
	Dust       byteball.Bytes `yaml:"dust"`        // smaller outputs wait
	Reserve    byteball.Bytes `yaml:"reserve"`     // kept in a channel for ledger fees

	// Shares, ‰.
	MemberShare     int `yaml:"member_share"`     // of F
	MeritShare      int `yaml:"merit_share"`      // of F
	AggregatorShare int `yaml:"aggregator_share"` // of F; the fund gets what is left
	Phi             int `yaml:"phi"`              // φ: F over the price of a window of perfect data
	Decay           int `yaml:"decay"`            // of reputation, kept per day
	RelevanceMin    int `yaml:"relevance_min"`    // least relevance of a match
	IntegrityMin    int `yaml:"integrity_min"`    // least integrity of a sale
	Audit           int `yaml:"audit"`            // a
	Canary          int `yaml:"canary"`           // ρ
	Tolerance       int `yaml:"tolerance"`        // τ
	ToleranceFalse  int `yaml:"tolerance_false"`  // τ_false
	Clip            int `yaml:"clip"`             // of merit, in units of its variance, not ‰
}

// Standard is the profile of a real market: hourly windows.
func Standard() Params {
	return Params{
		Batch: time.Minute, Batches: 60, EpochWindows: 6, Readings: 0,
		Common: 6, Own: 2, CommonTrusted: 3, OwnTrusted: 1, Trusted: 800,
		Receipt: 15 * time.Second, Commit: 30 * time.Second, Reveal: 15 * time.Second,
		Members: 7, Quorum: 5, Pool: 128, ShardBits: 0,
		RefundAge: 20_000, Term: 120, Dispute: 8, Delay: 2, TermAge: 120_000, DisputeAge: 10_000, ListEpochs: 120, Genesis: 100,
		Bond: 1e8, Slices: 10, SellerBond: 5e6, SellerParts: 2, RegFee: 1000,
		History: 168, DailyPattern: true, Baseline: 168,
		Credit: 24, OfferValid: time.Hour, StampValid: 1,
		Price: 3000, FeeMin: 2000, FeeBase: 4000, Debit: 160_000, MinDeposit: 2e6, Dust: 200, Reserve: 5000,
		MemberShare: 500, MeritShare: 400, AggregatorShare: 30, Phi: 155, Decay: 980, RelevanceMin: 300, IntegrityMin: 500,
		Audit: 50, Canary: 20, Tolerance: 200, ToleranceFalse: 400, Clip: 4,
	}
}

// Fast is the profile of demo and tests: windows of five seconds, ages of minutes, the same money.
func Fast() Params {
	p := Standard()
	p.Batch, p.Batches, p.Readings = time.Second, 5, 10
	p.Common, p.Own, p.CommonTrusted, p.OwnTrusted = 2, 1, 2, 1
	p.Receipt, p.Commit, p.Reveal = time.Second, 2*time.Second, time.Second
	p.RefundAge, p.TermAge, p.DisputeAge = 600, 3600, 300
	p.History, p.DailyPattern, p.Baseline = 120, false, 24
	p.Credit, p.OfferValid, p.Price = 120, 30*time.Second, 36_000
	return p
}

// Profile returns the shipped profile of a name, and whether there is one.
func Profile(name string) (Params, bool) {
	switch name {
	case "standard":
		return Standard(), true
	case "fast":
		return Fast(), true
	}
	return Params{}, false
}

// Window is the length of a window.
func (p Params) Window() time.Duration { return p.Batch * time.Duration(p.Batches) }

// Epoch is the length of an epoch.
func (p Params) Epoch() time.Duration { return p.Window() * time.Duration(p.EpochWindows) }

// Slice is one output of a validator's bond.
func (p Params) Slice() byteball.Bytes { return p.Bond / byteball.Bytes(p.Slices) }

// Validate returns Invalid and names the first parameter that no market can have.
func (p Params) Validate() error {
	for _, r := range p.ranges() {
		if r.value < r.min || r.value > r.max {
			return fmt.Errorf("parameter %s is %d, want %d to %d: %w", r.name, r.value, r.min, r.max, protocol.Invalid)
		}
	}
	switch {
	case p.Batch%time.Millisecond != 0:
		return fmt.Errorf("parameter batch is %v, want whole milliseconds: %w", p.Batch, protocol.Invalid)
	case p.Members%2 == 0:
		return fmt.Errorf("parameter members is %d, want an odd number: %w", p.Members, protocol.Invalid)
	case p.Quorum != Quorum(p.Members):
		return fmt.Errorf("parameter quorum is %d, want two thirds of %d members, rounded up: %d: %w", p.Quorum, p.Members, Quorum(p.Members), protocol.Invalid)
	case p.Bond%byteball.Bytes(p.Slices) != 0:
		return fmt.Errorf("parameter bond is %d, not divisible into %d slices: %w", uint64(p.Bond), p.Slices, protocol.Invalid)
	case p.MemberShare+p.MeritShare+p.AggregatorShare > 1000:
		return fmt.Errorf("parameters member_share, merit_share and aggregator_share make %d ‰ of a fee, at most 1000: %w",
			p.MemberShare+p.MeritShare+p.AggregatorShare, protocol.Invalid)
	}
	return nil
}

// Quorum is q = ⌈2k/3⌉ of k members.
func Quorum(k int) int { return (2*k + 2) / 3 }
