package protocol

import (
	"fmt"
	"math"
)

// Reading is one measured value at one time.
type Reading struct {
	Time  int64   // Unix milliseconds
	Value float64 // in the property's SenML unit, finite
}

// senml is one record of a SenML pack by RFC 8428 §6: integer labels, resolved times in seconds.
type senml struct {
	BaseName string  `cbor:"-2,keyasint,omitempty"`
	BaseTime float64 `cbor:"-3,keyasint,omitempty"`
	BaseUnit string  `cbor:"-4,keyasint,omitempty"`
	Value    float64 `cbor:"2,keyasint"`
	Time     float64 `cbor:"6,keyasint,omitempty"`
}

// EncodePack writes readings as a canonical SenML pack (RFC 8428, CBOR labels): the first record carries base name (the
// property), base time and base unit; times are relative to it in seconds, exact to the millisecond. Errors: Invalid for
// no or too many readings, NaN and infinity.
func EncodePack(p Property, readings []Reading) ([]byte, error) {
	if err := bounded("pack: readings", len(readings), 1, MaxReadings); err != nil {
		return nil, err
	}
	base := readings[0].Time
	pack := make([]senml, len(readings))
	for i, r := range readings {
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
			return nil, fmt.Errorf("pack: reading %d is %v: %w", i, r.Value, Invalid)
		}
		pack[i] = senml{Value: r.Value, Time: float64(r.Time-base) / 1000}
	}
	pack[0].BaseName, pack[0].BaseTime, pack[0].BaseUnit = p.Slug, float64(base)/1000, p.Unit
	return Encode(pack)
}

// DecodePack reads what EncodePack wrote for p. Errors: Invalid for another property or unit, a number that is not
// finite, times outside ±100 years, another encoding of the same readings, too many of them.
func DecodePack(p Property, data []byte) ([]Reading, error) {
	if err := bounded("pack: bytes", len(data), 1, MaxPack); err != nil {
		return nil, err
	}
	var pack []senml
	if err := Decode(data, &pack); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := bounded("pack: readings", len(pack), 1, MaxReadings); err != nil {
		return nil, err
	}
	if pack[0].BaseName != p.Slug || pack[0].BaseUnit != p.Unit {
		return nil, fmt.Errorf("pack: %.40q in %.12q, want %s in %s: %w", pack[0].BaseName, pack[0].BaseUnit, p.Slug, p.Unit, Invalid)
	}
	base := math.Round(pack[0].BaseTime * 1000)
	readings := make([]Reading, len(pack))
	for i, r := range pack {
		ms := base + math.Round(r.Time*1000)
		if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) || math.IsNaN(ms) || math.Abs(ms) > 1e13 {
			return nil, fmt.Errorf("pack: reading %d is %v at %v s: %w", i, r.Value, r.Time, Invalid)
		}
		readings[i] = Reading{Time: int64(ms), Value: r.Value}
	}
	again, err := EncodePack(p, readings)
	if err != nil || string(again) != string(data) {
		return nil, fmt.Errorf("pack: not the canonical encoding: %w", Invalid)
	}
	return readings, nil
}
