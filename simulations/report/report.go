// Package report watches a simulated market and sums it up by role and strategy: what was stamped, what it cost, who earned
// what, and whether the ledger's money adds up. It counts and compares; every number in it was made by the roles' cores or
// stands on the ledger.
package report

import (
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/books"
)

// Report is what came of one run. Amounts are in bytes, scores in ‰; means and medians are the lower ones, whole numbers.
// It marshals to JSON as it stands.
type Report struct {
	Scenario string  `json:"scenario"`
	Seed     uint64  `json:"seed"`
	Real     bool    `json:"real_signatures"` // of identities; those of the ledger always are
	Hours    float64 `json:"hours"`           // of trade

	Sellers    []Sellers    `json:"sellers"`    // by strategy
	Validators []Validators `json:"validators"` // by strategy
	Buyers     []Buyers     `json:"buyers"`     // by strategy
	Money      Money        `json:"money"`
	Traffic    Traffic      `json:"traffic"`

	Parties []Party  `json:"parties"` // in the order of the cast
	Windows []Window `json:"windows"` // every stamp, in the order of publication
}

// Sellers are all sellers of one strategy.
type Sellers struct {
	Strategy  string         `json:"strategy"`
	Count     int            `json:"count"`
	Windows   int            `json:"windows_stamped"`
	Integrity int            `json:"mean_integrity"`
	Hard      []Found        `json:"hard_codes"`
	Soft      []Found        `json:"soft_codes"` // that a majority of members gave
	Batches   int            `json:"batches_sold"`
	Price     byteball.Bytes `json:"median_price"` // of a batch
	Income    byteball.Bytes `json:"income"`       // from channels that are settled on the ledger
}

// Found counts the stamps with one code of MECHANISM 3.
type Found struct {
	Code  uint8 `json:"code"`
	Count int   `json:"count"`
}

// Validators are all validators of one strategy.
type Validators struct {
	Strategy  string         `json:"strategy"`
	Count     int            `json:"count"`
	Fees      byteball.Bytes `json:"fees"` // from channels that are settled on the ledger
	Reveals   int            `json:"reveals"`
	Deviation int            `json:"mean_deviation"` // of a reveal from its window's stamp
	Far       int            `json:"far_reveals"`    // further from it than the market's tolerance of false scores
}

// Buyers are all buyers of one strategy.
type Buyers struct {
	Strategy string         `json:"strategy"`
	Count    int            `json:"count"`
	Batches  int            `json:"batches_bought"`
	Readings int            `json:"readings_bought"`
	Price    byteball.Bytes `json:"median_price"`
	Spent    byteball.Bytes `json:"spent"` // all that left the buyers: batches, committees, ledger fees
	Dropped  int            `json:"sellers_dropped"`
}

// Money is where the ledger's money is at the end of a run, as changes since the first unit. The sum of all is 0.
type Money struct {
	Parties  books.Amount `json:"parties"`  // all actors: wallets and bonds
	Fund     books.Amount `json:"fund"`     // the market's
	Lists    books.Amount `json:"lists"`    // paid with registrations, gone for ever
	Locked   books.Amount `json:"locked"`   // in channels that are not closed
	Operator books.Amount `json:"operator"` // the order provider, who pays for its own units
	Fees     books.Amount `json:"fees"`     // of all units after the first
	Sum      books.Amount `json:"sum"`
	Units    int          `json:"units"`  // of actors and channels
	Beats    int          `json:"beats"`  // of the order provider
	Agree    int          `json:"agree"`  // actors whose own books and the ledger say the same
	Differ   int          `json:"differ"` // the others
}

// Traffic is what the run took.
type Traffic struct {
	Steps    uint64 `json:"steps"`    // events that cores took
	Messages uint64 `json:"messages"` // sent or published
	Refused  uint64 `json:"refused"`  // messages that somebody turned away
}

// Party is one actor: what its own books say, and what the ledger says, has come in since the start.
type Party struct {
	Name     string       `json:"name"`
	Role     string       `json:"role"`
	Strategy string       `json:"strategy"`
	Books    books.Amount `json:"books"`
	Ledger   books.Amount `json:"ledger"`
}

// Window is one stamp.
type Window struct {
	Seller    string  `json:"seller"`
	Number    uint64  `json:"window"`
	Integrity uint16  `json:"integrity"`
	Hard      []uint8 `json:"hard,omitempty"`
	Reasons   []uint8 `json:"reasons,omitempty"`
	Reveals   int     `json:"reveals"` // that counted
	Batches   int     `json:"batches"`
	Sold      int     `json:"sold"` // batches, to all buyers
}
