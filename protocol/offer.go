package protocol

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Offer says what a seller sells, where and for how much (MECHANISM 6). Gossip topic: OfferTopic(Prop, Cell).
type Offer struct {
	_          struct{} `cbor:",toarray"`
	Binding    Binding
	Bond       byteball.Address // the seller's bond
	Prop       string           // slug of the table of properties
	Title      string           // what the sensor is called, impersonal; may be empty (CheckTitle)
	Medium     string           // what it is of: room, supply, water …; empty for none
	Role       string           // measured, setpoint …; empty is measured
	Unit       string           // SenML unit
	Cell       string           // geohash of 5 characters
	Period     uint32           // milliseconds between readings
	Accuracy   string           // standard deviation of a reading in Unit, a decimal number
	Price      byteball.Bytes   // u: a batch of perfect data
	Floor      byteball.Bytes   // least price of a batch at integrity 850
	ValidUntil int64            // Unix milliseconds
}

func (*Offer) Kind() Kind { return KindOffer }

// Check tests the bounds of every field, not the binding's signatures (Binding.Check).
func (o *Offer) Check() error {
	if err := o.Binding.Identity.Check(); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if o.Price < 1 || o.Price > MaxPrice || o.Floor > o.Price {
		return fmt.Errorf("offer: price %d and floor %d, want 1 ≤ price ≤ %d and floor ≤ price: %w", o.Price, o.Floor, MaxPrice, Invalid)
	}
	if err := bounded("offer: period in ms", int(o.Period), 1, 86_400_000); err != nil {
		return err
	}
	if err := CheckTitle(o.Title); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if err := CheckLabels("offer", o.Medium, o.Role); err != nil {
		return err
	}
	return checkQuantity("offer", o.Prop, o.Unit, o.Cell, o.Accuracy)
}

// MaxPrice bounds the price of one batch, in bytes (MECHANISM 4); dearer data use shorter batches.
const MaxPrice byteball.Bytes = 300_000

// Withdraw takes an offer back before its time; only the offer's signer may.
type Withdraw struct {
	_     struct{} `cbor:",toarray"`
	Offer Hash
}

func (*Withdraw) Kind() Kind   { return KindWithdraw }
func (*Withdraw) Check() error { return nil }

// OfferTopic is the gossip topic of a property around a cell (DESIGN 4); cell has three characters at least.
func OfferTopic(prop, cell string) string { return "/iotverse/1/offers/" + prop + "/" + cell[:3] }

// StampTopic is the gossip topic of the stamps of a shard.
func StampTopic(shard uint32) string { return fmt.Sprintf("/iotverse/1/stamps/%d", shard) }

func checkQuantity(what, prop, unit, cell, accuracy string) error {
	p, ok := PropertyOf(prop)
	if !ok {
		return fmt.Errorf("%s: property %.40q is not in the table: %w", what, prop, Invalid)
	}
	if unit != p.Unit {
		return fmt.Errorf("%s: %s is measured in %q, not %.20q: %w", what, prop, p.Unit, unit, Invalid)
	}
	if err := CheckCell(cell); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if _, err := ParseDecimal(accuracy); err != nil {
		return fmt.Errorf("%s: accuracy: %w", what, err)
	}
	return nil
}
