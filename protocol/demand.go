package protocol

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Demand says what a buyer needs and what it pays at most (MECHANISM 6).
type Demand struct {
	_          struct{} `cbor:",toarray"`
	Buyer      Identity
	Prop       string
	Medium     string // empty for any
	Role       string // empty is measured
	Unit       string
	Cell       string // centre
	Radius     uint32 // r, metres
	HalfLife   uint32 // seconds after which a reading is worth half
	Period     uint32 // T_req, milliseconds
	Accuracy   string // σ_req, decimal
	Cap        byteball.Bytes
	Windows    uint32 // how many windows, 1..100,000
	ValidUntil int64  // Unix milliseconds
	Events     bool   // buy only the windows that a stamp marks with CodeEvent; the fees of all are paid
}

func (*Demand) Kind() Kind { return KindDemand }

// Check tests the bounds of every field.
func (d *Demand) Check() error {
	if err := d.Buyer.Check(); err != nil {
		return fmt.Errorf("demand: %w", err)
	}
	if d.Cap < 1 || d.Cap > MaxPrice {
		return fmt.Errorf("demand: cap %d, want 1 to %d: %w", d.Cap, MaxPrice, Invalid)
	}
	if d.Radius < 1 || d.Radius > 20_100_000 || d.HalfLife < 1 || d.Period < 1 || d.Windows < 1 || d.Windows > 100_000 {
		return fmt.Errorf("demand: radius %d m, half-life %d s, period %d ms, %d windows: %w", d.Radius, d.HalfLife, d.Period, d.Windows, Invalid)
	}
	if err := CheckLabels("demand", d.Medium, d.Role); err != nil {
		return err
	}
	return checkQuantity("demand", d.Prop, d.Unit, d.Cell, d.Accuracy)
}
