package hub

import (
	"bytes"
	"encoding/json"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// hashed reads a unit and checks its hash.
func hashed(data json.RawMessage) (*unit.Unit, error) {
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return nil, wrong("joint without unit")
	}
	u, err := unit.Parse(data)
	if err != nil {
		return nil, wrong("%v", err)
	}
	if got, err := u.Hash(); err != nil || got != u.Unit {
		return nil, wrong("unit %s hashes to %s (%v)", u.Unit, got, err)
	}
	return u, nil
}

// payloads checks that the payloads of u are those it was hashed with.
func payloads(u *unit.Unit) error {
	for i := range u.Messages {
		m := &u.Messages[i]
		if m.PayloadLocation != "inline" {
			continue
		}
		if got, err := m.HashPayload(u.Version); err != nil || got != m.PayloadHash {
			return wrong("unit %s: payload of message %d hashes to %s, not %s", u.Unit, i, got, m.PayloadHash)
		}
	}
	return nil
}

// touches says whether u was written by or pays to an address for which want is true: what the ledger calls its history.
func touches(u *unit.Unit, want func(byteball.Address) bool) bool {
	for _, a := range u.Authors {
		if want(a.Address) {
			return true
		}
	}
	for _, m := range u.Messages {
		p, ok := m.Payload.(*unit.Payment)
		if !ok {
			continue
		}
		for _, o := range p.Outputs {
			if want(o.Address) {
				return true
			}
		}
	}
	return false
}
