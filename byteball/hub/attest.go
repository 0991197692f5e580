package hub

import (
	"context"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Attestation is what an attestor says of an address in a stable unit. Anybody can attest anything of any address: whom to
// believe is for the reader.
type Attestation struct {
	Attestor byteball.Address
	Address  byteball.Address
	Profile  map[string]any // JSON tree
	Unit     unit.Proven
}

// Attestations returns what was attested of address, in the order of the main chain, each with its proof. One whose
// unit is not stable yet is left out. That no other was made is the hub's word.
// Errors: Invalid if the hub names a unit that does not attest it; those of Client.
func (c *Client) Attestations(ctx context.Context, address byteball.Address) ([]Attestation, error) {
	const command = "light/get_attestations"
	t, err := tell[[]struct {
		Unit byteball.Hash `json:"unit"`
	}](ctx, c, command, map[string]byteball.Address{"address": address})
	if err != nil {
		return nil, err
	}
	seen := map[byteball.Hash]bool{}
	var units []byteball.Hash
	for _, a := range t.Value {
		if !seen[a.Unit] {
			seen[a.Unit] = true
			units = append(units, a.Unit)
		}
	}
	proven, _, err := c.Prove(ctx, units...)
	if err != nil {
		return nil, err
	}
	var all []Attestation
	for _, p := range proven {
		if !p.Serial {
			continue
		}
		list := attestations(p, address)
		if len(list) == 0 {
			return nil, c.garbledBy(t.Hub, command, fmt.Errorf("unit %s attests nothing of %s", p.Unit.Unit, address))
		}
		all = append(all, list...)
	}
	return all, nil
}

// Attestation returns the one in which attestor says that field has value, at most 50 and 100 characters, with its proof.
// If there are several, which one is the hub's choice.
// Errors: NotFound if there is none; Transient if its unit is not stable yet; Invalid if the hub names another unit.
func (c *Client) Attestation(ctx context.Context, attestor byteball.Address, field, value string) (Attestation, error) {
	const command = "light/get_attestation"
	t, err := tell[byteball.Hash](ctx, c, command, map[string]string{"attestor_address": string(attestor), "field": field, "value": value})
	if err != nil {
		return Attestation{}, err
	}
	if t.Value == "" {
		return Attestation{}, fmt.Errorf("%s attested %s %q of nobody: %w", attestor, field, value, byteball.NotFound)
	}
	p, err := c.stable(ctx, t.Value)
	if err != nil {
		return Attestation{}, err
	}
	for _, a := range attestations(p, "") {
		if a.Attestor == attestor && a.Profile[field] == any(value) {
			return a, nil
		}
	}
	return Attestation{}, c.garbledBy(t.Hub, command, fmt.Errorf("unit %s does not attest %s %q", p.Unit.Unit, field, value))
}

// attestations reads those of address, empty for any, in a unit. The ledger wants a single author (validation.js:2009).
func attestations(p unit.Proven, address byteball.Address) []Attestation {
	var list []Attestation
	for _, m := range p.Unit.Messages {
		payload, _ := m.Payload.(map[string]any)
		profile, _ := payload["profile"].(map[string]any)
		of, _ := payload["address"].(string)
		if m.App == "attestation" && profile != nil && len(p.Unit.Authors) == 1 && (address == "" || byteball.Address(of) == address) {
			list = append(list, Attestation{Attestor: p.Unit.Authors[0].Address, Address: byteball.Address(of), Profile: profile, Unit: p})
		}
	}
	return list
}

// Profiles returns the stable units in which the addresses, at most 100, posted their profiles, in the order of the main
// chain, each proven. That none is left out is the hub's word. Errors: Invalid if the hub names another unit; those of
// Client.
func (c *Client) Profiles(ctx context.Context, addresses ...byteball.Address) ([]unit.Proven, error) {
	const command = "light/get_profile_units"
	t, err := tell[[]byteball.Hash](ctx, c, command, addresses)
	if err != nil || len(t.Value) == 0 {
		return nil, err
	}
	proven, _, err := c.Prove(ctx, t.Value...)
	if err != nil {
		return nil, err
	}
	asked := make(map[byteball.Address]bool, len(addresses))
	for _, a := range addresses {
		asked[a] = true
	}
	var list []unit.Proven
	for _, p := range proven {
		if !p.Serial {
			continue
		}
		if !profiles(p.Unit, asked) {
			return nil, c.garbledBy(t.Hub, command, fmt.Errorf("unit %s holds no profile of these addresses", p.Unit.Unit))
		}
		list = append(list, p)
	}
	return list, nil
}

func profiles(u *unit.Unit, asked map[byteball.Address]bool) bool {
	ours, has := false, false
	for _, a := range u.Authors {
		ours = ours || asked[a.Address]
	}
	for _, m := range u.Messages {
		has = has || m.App == "profile"
	}
	return ours && has
}
