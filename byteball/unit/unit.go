// Package unit holds the ledger's records: their types, hashes, sizes, fees, composing, signing and the checks that need
// no chain. Facts: the reference node ocore (object_hash.js, object_length.js, validation.js).
//
// A unit of protocol 4.0 names its parents and a last ball, carries messages (payments, data …) and is signed by its
// authors over everything but the commissions, the payloads (their hashes stand for them) and the signatures.
//
// The package leaves out who may sign for an author (package definition), what other units have to say (ledger) and where
// units come from (hub). It is pure. Called by all of these, by wallet and channel, which compose units, and by joint, which
// checks those of strangers.
package unit

import (
	"github.com/iotverse/iotverse/byteball"
)

// Limits of the reference (constants.js).
const (
	MaxAuthors      = 16
	MaxParents      = 16
	MaxMessages     = 128
	MaxInputs       = 128
	MaxOutputs      = 128
	MaxAuthentifier = 4096
	MaxUnitLength   = 5_000_000                                                                                  // headers + payload, bytes
	ThresholdSize   = 10_000                                                                                     // beyond it a unit pays an oversize fee
	PlaceholderSig  = "----------------------------------------------------------------------------------------" // 88 characters
	HashLength      = 44
)

// Unit is one record of the ledger, as it stands in a joint. Fields of older protocol versions are there to be read.
type Unit struct {
	Unit              byteball.Hash   `json:"unit,omitempty"` // hash of the rest
	Version           string          `json:"version"`
	Alt               string          `json:"alt"`
	Messages          []Message       `json:"messages,omitempty"`
	Authors           []Author        `json:"authors"`                // sorted by address
	ParentUnits       []byteball.Hash `json:"parent_units,omitempty"` // sorted; absent in the genesis unit only
	LastBall          byteball.Hash   `json:"last_ball,omitempty"`
	LastBallUnit      byteball.Hash   `json:"last_ball_unit,omitempty"`
	Timestamp         int64           `json:"timestamp,omitempty"` // Unix seconds
	HeadersCommission byteball.Bytes  `json:"headers_commission,omitempty"`
	PayloadCommission byteball.Bytes  `json:"payload_commission,omitempty"`
	TPSFee            *byteball.Bytes `json:"tps_fee,omitempty"` // required at 4.0, may be 0
	OversizeFee       byteball.Bytes  `json:"oversize_fee,omitempty"`
	BurnFee           byteball.Bytes  `json:"burn_fee,omitempty"`
	MaxAAResponses    *int64          `json:"max_aa_responses,omitempty"`
	Recipients        []Recipient     `json:"earned_headers_commission_recipients,omitempty"` // required with several authors

	WitnessListUnit byteball.Hash      `json:"witness_list_unit,omitempty"` // before 4.0
	Witnesses       []byteball.Address `json:"witnesses,omitempty"`         // before 4.0
	ContentHash     byteball.Hash      `json:"content_hash,omitempty"`      // instead of messages where the unit was voided

	// What a node adds to a stable unit when it serves it (4.0); not part of any hash.
	MainChainIndex *uint64         `json:"main_chain_index,omitempty"`
	ActualTPSFee   *byteball.Bytes `json:"actual_tps_fee,omitempty"`
}

// Author is one signer of a unit.
type Author struct {
	Address       byteball.Address  `json:"address"`
	Definition    any               `json:"definition,omitempty"`    // JSON tree; given at the address's first use only
	Authentifiers map[string]string `json:"authentifiers,omitempty"` // path in the definition -> base64 signature
}

// Recipient says who earns a share of the headers commission.
type Recipient struct {
	Address byteball.Address `json:"address"`
	Share   int              `json:"earned_headers_commission_share"` // percent, 1..100
}

// Message is one message of a unit. Payload is *Payment where App is "payment"; otherwise a JSON tree as encoding/json
// makes it (map[string]any, []any, string, float64, bool), since a ledger number is what JavaScript makes of it.
type Message struct {
	App             string        `json:"app"`
	PayloadLocation string        `json:"payload_location"` // "inline" in all that we write
	PayloadHash     byteball.Hash `json:"payload_hash"`
	Payload         any           `json:"payload,omitempty"`

	PayloadURI     string        `json:"payload_uri,omitempty"`
	PayloadURIHash byteball.Hash `json:"payload_uri_hash,omitempty"`
	SpendProofs    any           `json:"spend_proofs,omitempty"` // private payments, read only
}

// Payment is the payload of a payment message; Asset is empty for bytes.
type Payment struct {
	Asset        byteball.Hash `json:"asset,omitempty"`
	Denomination uint64        `json:"denomination,omitempty"`
	Definition   any           `json:"definition,omitempty"`
	Inputs       []Input       `json:"inputs,omitempty"`
	Outputs      []Output      `json:"outputs"` // sorted by address, then amount
}

// Input spends an output (Type "" ), or is an issue or a commission with the fields of its type.
type Input struct {
	Unit               byteball.Hash    `json:"unit,omitempty"`
	MessageIndex       int              `json:"message_index"`
	OutputIndex        int              `json:"output_index"`
	Type               string           `json:"type,omitempty"` // "", "issue", "headers_commission", "witnessing"
	Address            byteball.Address `json:"address,omitempty"`
	Amount             byteball.Bytes   `json:"amount,omitempty"`
	SerialNumber       uint64           `json:"serial_number,omitempty"`
	FromMainChainIndex uint64           `json:"from_main_chain_index"`
	ToMainChainIndex   uint64           `json:"to_main_chain_index"`
}

// Output pays Amount, at least 1, to Address.
type Output struct {
	Address byteball.Address `json:"address"`
	Amount  byteball.Bytes   `json:"amount"`
	// Blinding and output hash of private payments are read as part of the tree, never written.
}

// OutPoint names one output of one unit.
type OutPoint struct {
	Unit         byteball.Hash
	MessageIndex int
	OutputIndex  int
}

// Joint is a unit as nodes exchange it: with its ball once it is stable.
type Joint struct {
	Unit          *Unit           `json:"unit"`
	Ball          byteball.Hash   `json:"ball,omitempty"`
	SkiplistUnits []byteball.Hash `json:"skiplist_units,omitempty"`
}

// Proven is a stable unit with what a light client has verified or been told of it.
type Proven struct {
	Unit   *Unit
	Ball   byteball.Hash // proven by the hub's proof chain
	MCI    uint64        // main chain index, as the hub says (no proof of it exists in the protocol)
	Serial bool          // false: a double spend that lost; none of its outputs exist
}

// Signer holds one secp256k1 key. Sign returns r||s with low S over a 32-byte hash (RFC 6979). The private key has no way out.
type Signer interface {
	PublicKey() string // base64 of the 33-byte compressed key, 44 characters
	Sign(hash [32]byte) ([64]byte, error)
}
