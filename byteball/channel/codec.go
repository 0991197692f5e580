package channel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/iotverse/iotverse/byteball"
)

// MaxState bounds a saved state, in bytes: two units of the largest size, the terms and the payouts.
const MaxState = 64 << 10

const stateVersion = 1

// The two sides of a channel; both may be in one store.
const (
	roleBuyer  = "buyer"
	roleSeller = "seller"
)

// saved is a state on disk.
type saved struct {
	Version int    `json:"version"`
	Role    string `json:"role"`
	State   State  `json:"state"`
}

func encodeState(role string, s State) ([]byte, error) {
	data, err := json.Marshal(saved{Version: stateVersion, Role: role, State: s})
	if err != nil {
		return nil, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
	}
	if len(data) > MaxState {
		return nil, fmt.Errorf("channel state of %d bytes, %d allowed: %w", len(data), MaxState, byteball.Invalid)
	}
	return data, nil
}

func decodeState(role string, data []byte) (State, error) {
	if len(data) > MaxState {
		return State{}, fmt.Errorf("channel state of %d bytes, %d allowed: %w", len(data), MaxState, byteball.Invalid)
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return State{}, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
	}
	if head.Version != stateVersion {
		return State{}, fmt.Errorf("channel state of version %d, this program reads %d: %w", head.Version, stateVersion, byteball.Invalid)
	}
	var s saved
	if err := strict(data, &s); err != nil {
		return State{}, fmt.Errorf("channel state: %v: %w", err, byteball.Invalid)
	}
	if s.Role != role {
		return State{}, fmt.Errorf("channel state of a %.10q, not of a %s: %w", s.Role, role, byteball.Invalid)
	}
	return s.State, nil
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
