package main

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

func parseOutput(address, amount string) (unit.Output, error) {
	a := byteball.Address(address)
	if !chash.Valid(a) {
		return unit.Output{}, usagef("%q is no address: want 32 characters as iotverse wallet address prints them", address)
	}
	n, err := parseAmount(amount)
	return unit.Output{Address: a, Amount: n}, err
}

// parseAmount reads an amount as people write it: 1000, 10kB, 2.5MB, 1GB.
func parseAmount(s string) (byteball.Bytes, error) {
	wrong := func() (byteball.Bytes, error) {
		return 0, usagef("amount %q: want whole bytes over 0, e.g. 1000, 10kB, 2.5MB or 1GB", s)
	}
	number, exp := strings.TrimSpace(s), int32(0)
	for unit, e := range map[string]int32{"kb": 3, "mb": 6, "gb": 9} {
		if n, ok := strings.CutSuffix(strings.ToLower(number), unit); ok {
			number, exp = strings.TrimSpace(n), e
			break
		}
	}
	if len(number) > 30 || strings.ContainsAny(number, "eE+-") {
		return wrong()
	}
	d, _, err := apd.NewFromString(number)
	if err != nil || d.Form != apd.Finite {
		return wrong()
	}
	d.Exponent += exp
	d.Reduce(d)
	if d.Exponent < 0 {
		return wrong()
	}
	n, err := d.Int64()
	if err != nil || n <= 0 || byteball.Bytes(n) > byteball.MaxBytes {
		return wrong()
	}
	return byteball.Bytes(n), nil
}
