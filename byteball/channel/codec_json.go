package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// States of version 1 were JSON. They are read once: the next Save writes the present version.

const jsonVersion = 1

// saved is a state of version 1.
type saved struct {
	Version int    `json:"version"`
	Role    string `json:"role"`
	State   State  `json:"state"`
}

func decodeJSON(role string, data []byte) (State, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return State{}, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
	}
	if head.Version != jsonVersion {
		return State{}, fmt.Errorf("channel state of version %d in JSON, this program reads %d: %w", head.Version, jsonVersion, byteball.Invalid)
	}
	var s saved
	if err := strict(data, &s); err != nil {
		return State{}, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
	}
	return s.State, checkRole(role, s.Role)
}

// UnmarshalJSON reads the unit with its own bounds and refuses unknown fields. Error: Invalid.
func (v *Voucher) UnmarshalJSON(data []byte) error {
	var w struct {
		N     uint64          `json:"n"`
		Final bool            `json:"final"`
		Unit  json.RawMessage `json:"unit"`
	}
	if err := strict(data, &w); err != nil {
		return err
	}
	u, err := unit.Parse(w.Unit)
	if err != nil {
		return err
	}
	*v = Voucher{N: w.N, Final: w.Final, Unit: u}
	return nil
}

// strict decodes one JSON value without unknown fields or anything after it.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more after the end")
	}
	return nil
}
