package protocol

import "fmt"

// Kind names a type of message. It stands in the envelope and under its signature; a new version gets a new kind.
type Kind string

// The kinds. Each is described at its Go type. A kind with a number has other fields than before: offers, demands and classes
// have had no medium and role once, and a node of that time does not take them for the same.
const (
	KindOffer     Kind = "offer-2"
	KindWithdraw  Kind = "withdraw"
	KindDemand    Kind = "demand-2"
	KindMatch     Kind = "match-2"
	KindRefuse    Kind = "refuse"
	KindOpened    Kind = "opened"
	KindVoucher   Kind = "voucher"
	KindAccepted  Kind = "accepted"
	KindRenew     Kind = "renew"
	KindNotice    Kind = "notice"
	KindCommitted Kind = "wc"
	KindReceipt   Kind = "receipt"
	KindReceipts  Kind = "receipts"
	KindOpening   Kind = "opening"
	KindUnserved  Kind = "unserved"
	KindCommit    Kind = "commit"
	KindReveal    Kind = "reveal-2"
	KindStamp     Kind = "stamp-2"
	KindStamped   Kind = "stamped-2"
	KindAux       Kind = "aux"
	KindDelivery  Kind = "delivery"
	KindKey       Kind = "key"
	KindClose     Kind = "close"
	KindAsk       Kind = "history-ask"
	KindHistory   Kind = "history"
)

// Channel says which stream protocol carries a kind, or that it is gossip.
type Channel string

// The three stream protocols and gossip.
const (
	Gossip  Channel = ""
	Round   Channel = "/iotverse/round/1"
	Deal    Channel = "/iotverse/deal/1"
	Archive Channel = "/iotverse/history/1"
)

// Message is the body of an envelope. Check tests everything that needs neither clock, ledger nor config; its error is
// Invalid. A body that fails it is never seen by a role.
type Message interface {
	Kind() Kind
	Check() error
}

// kinds is the table of message types: where each travels, how large its envelope may be, how to make an empty one.
var kinds = map[Kind]struct {
	channel Channel
	max     int
	empty   func() Message
}{
	KindOffer:     {Gossip, 4 << 10, func() Message { return new(Offer) }},
	KindWithdraw:  {Gossip, 1 << 10, func() Message { return new(Withdraw) }},
	KindDemand:    {Deal, 4 << 10, func() Message { return new(Demand) }},
	KindMatch:     {Deal, 12 << 10, func() Message { return new(Match) }},
	KindRefuse:    {Deal, 1 << 10, func() Message { return new(Refuse) }},
	KindOpened:    {Deal, 1 << 10, func() Message { return new(Opened) }},
	KindVoucher:   {Deal, 24 << 10, func() Message { return new(Voucher) }},
	KindAccepted:  {Deal, 1 << 10, func() Message { return new(Accepted) }},
	KindRenew:     {Deal, 1 << 10, func() Message { return new(Renew) }},
	KindNotice:    {Round, 48 << 10, func() Message { return new(Notice) }},
	KindCommitted: {Round, 1 << 10, func() Message { return new(WindowCommit) }},
	KindReceipt:   {Round, 300, func() Message { return new(Receipt) }},
	KindReceipts:  {Round, 16 << 10, func() Message { return new(Receipts) }},
	KindOpening:   {Round, 320 << 10, func() Message { return new(Opening) }},
	KindUnserved:  {Round, 1 << 10, func() Message { return new(Unserved) }},
	KindCommit:    {Round, 1 << 10, func() Message { return new(Commit) }},
	KindReveal:    {Round, 64 << 10, func() Message { return new(Reveal) }},
	KindStamp:     {Round, 4 << 10, func() Message { return new(Stamp) }},
	KindStamped:   {Gossip, 8 << 10, func() Message { return new(Stamped) }},
	KindAux:       {Deal, 1 << 10, func() Message { return new(Aux) }},
	KindDelivery:  {Deal, 320 << 10, func() Message { return new(Delivery) }},
	KindKey:       {Deal, 1 << 10, func() Message { return new(Key) }},
	KindClose:     {Deal, 24 << 10, func() Message { return new(Close) }},
	KindAsk:       {Archive, 4 << 10, func() Message { return new(Ask) }},
	KindHistory:   {Archive, 448 << 10, func() Message { return new(History) }},
}

// MaxFrame bounds every frame on a stream, in bytes (MECHANISM 0).
const MaxFrame = 512 << 10

// New returns an empty message of a kind. Error: Invalid for a kind that this version does not know.
func New(k Kind) (Message, error) {
	e, ok := kinds[k]
	if !ok {
		return nil, fmt.Errorf("message kind %.20q is unknown: %w", string(k), Invalid)
	}
	return e.empty(), nil
}

// MaxSize is the largest envelope of a kind, in bytes; 0 for an unknown kind.
func MaxSize(k Kind) int { return kinds[k].max }

// ChannelOf says how a kind travels.
func ChannelOf(k Kind) Channel { return kinds[k].channel }

// Kinds lists all kinds, in no particular order.
func Kinds() []Kind {
	all := make([]Kind, 0, len(kinds))
	for k := range kinds {
		all = append(all, k)
	}
	return all
}

// bounded returns Invalid unless min <= n <= max.
func bounded(what string, n, min, max int) error {
	if n < min || n > max {
		return fmt.Errorf("%s: %d, want %d to %d: %w", what, n, min, max, Invalid)
	}
	return nil
}
