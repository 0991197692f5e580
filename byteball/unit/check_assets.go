package unit

import (
	"math"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

const (
	maxDenominations = 64
	maxAttestors     = 64
)

// assetFlags are the fields that a definition of an asset must have, true or false.
var assetFlags = []string{"is_private", "is_transferrable", "auto_destroy", "fixed_denominations", "issued_by_definer_only",
	"cosigned_by_definer", "spender_attested"}

// asset checks the definition of an asset. Its conditions are definitions, which package definition knows.
func (c *contents) asset(m map[string]any) error {
	if err := c.once("asset", "asset definition"); err != nil {
		return err
	}
	switch {
	case len(c.u.Authors) != 1:
		return refuse("asset definition must be single-authored")
	case len(m) == 0:
		return refuse("asset definition must be a non-empty object")
	case hasOthers(m, append([]string{"cap", "issue_condition", "transfer_condition", "attestors", "denominations"}, assetFlags...)...):
		return refuse("unknown fields in asset definition")
	}
	for _, flag := range assetFlags {
		if _, ok := m[flag].(bool); !ok {
			return refuse("some required fields in asset definition are missing")
		}
	}
	limit, capped := m["cap"]
	if f, _ := limit.(float64); capped && (!isPositive(f) || f > maxAmount) {
		return refuse("invalid cap")
	}
	_, attestors := m["attestors"]
	if m["spender_attested"] == true {
		if err := checkAttestors(m["attestors"]); err != nil {
			return err
		}
	} else if attestors && c.late {
		return refuse("attestors should not be defined when spender_attested is false")
	}
	if err := checkDenominations(m); err != nil {
		return err
	}
	return c.assetTraits(m)
}

// assetTraits checks what goes together.
func (c *contents) assetTraits(m map[string]any) error {
	_, issue := m["issue_condition"]
	_, transfer := m["transfer_condition"]
	private, fixed, moves := m["is_private"] == true, m["fixed_denominations"] == true, m["is_transferrable"] == true
	switch {
	case private && moves && !fixed:
		return refuse("if private and transferrable, must have fixed denominations")
	case private && !fixed && m["auto_destroy"] != true:
		return refuse("if private and divisible, must also be auto-destroy and non-transferrable")
	case private && (issue || transfer) && c.late:
		return refuse("if private, cannot have issue or transfer conditions")
	case m["cap"] != nil && m["issued_by_definer_only"] != true:
		return refuse("if capped, must be issued by definer only")
	}
	return nil
}

func isPositive(f float64) bool { return f > 0 && f == math.Trunc(f) }

// checkDenominations checks the coins of an asset with fixed denominations.
func checkDenominations(m map[string]any) error {
	v, given := m["denominations"]
	list, isList := v.([]any)
	switch {
	case m["fixed_denominations"] == true && len(list) == 0:
		return refuse("denominations not defined")
	case m["fixed_denominations"] != true && given:
		return refuse("denominations should not be defined when fixed")
	case !isList:
		return nil
	case len(list) > maxDenominations:
		return refuse("too many denominations")
	}
	var total, previous float64
	uncapped := false
	for _, e := range list {
		worth, coins, err := denomination(e)
		switch {
		case err != nil:
			return err
		case worth <= previous:
			return refuse("denominations unsorted")
		}
		if coins == 0 {
			uncapped = true
		}
		total += float64(coins * worth)
		previous = worth
	}
	limit, _ := m["cap"].(float64)
	switch {
	case uncapped && total > 0:
		return refuse("some denominations are capped, some uncapped")
	case uncapped && limit > 0:
		return refuse("has cap but some denominations are uncapped")
	case total > 0 && limit == 0:
		return refuse("has no cap but denominations are capped")
	case total > 0 && limit != total:
		return refuse("cap doesn't match sum of denominations")
	}
	return nil
}

// denomination reads one; coins is 0 where there is no bound.
func denomination(v any) (worth, coins float64, err error) {
	d, _ := v.(map[string]any)
	worth, _ = d["denomination"].(float64)
	count, bounded := d["count_coins"]
	coins, _ = count.(float64)
	switch {
	case len(d) == 0:
		return 0, 0, refuse("denomination must be a non-empty object: %s", quote(v))
	case hasOthers(d, "denomination", "count_coins"):
		return 0, 0, refuse("unknown fields in denomination: %s", quote(v))
	case !isPositive(worth):
		return 0, 0, refuse("invalid denomination")
	case bounded && !isPositive(coins):
		return 0, 0, refuse("invalid count_coins")
	}
	return worth, coins, nil
}

// quote is v as JSON, not too much of it.
func quote(v any) string {
	w := objecthash.NewJSONWriter()
	defer w.Free()
	w.Tree(v)
	return string(w.Bytes()[:min(len(w.Bytes()), 1000)])
}

// assetAttestors checks a new list of attestors of an asset, which the ledger has to know.
func (c *contents) assetAttestors(payload any) error {
	m, _ := payload.(map[string]any)
	asset, _ := m["asset"].(string)
	if objecthash.StringLength(asset) != HashLength {
		return refuse("invalid asset in attestor list update")
	}
	if err := c.once("attestors of "+asset, "asset attestor list update per asset"); err != nil {
		return err
	}
	switch {
	case len(c.u.Authors) != 1:
		return refuse("attestor list must be single-authored")
	case hasOthers(m, "asset", "attestors"):
		return refuse("foreign fields in attestor list update")
	}
	return checkAttestors(m["attestors"])
}

func checkAttestors(v any) error {
	list, _ := v.([]any)
	switch {
	case len(list) == 0:
		return refuse("attestors not defined")
	case len(list) > maxAttestors:
		return refuse("too many attestors")
	}
	addresses := make([]byteball.Address, 0, len(list))
	for _, e := range list {
		if !isAddress(e) {
			return refuse("invalid attestor address: %s", quote(e))
		}
		addresses = append(addresses, byteball.Address(e.(string)))
		if !slices.IsSorted(addresses) || len(addresses) > 1 && addresses[len(addresses)-2] == addresses[len(addresses)-1] {
			return refuse("attestors not sorted")
		}
	}
	return nil
}
