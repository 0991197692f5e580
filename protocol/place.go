package protocol

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

const geohashAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// CheckCell returns Invalid unless cell is a geohash of five characters: about 5 km, as exact as a place may be
// (MECHANISM 7).
func CheckCell(cell string) error {
	if len(cell) != 5 || strings.Trim(cell, geohashAlphabet) != "" {
		return fmt.Errorf("cell %.12q is no geohash of 5 characters: %w", cell, Invalid)
	}
	return nil
}

// ParseDecimal reads a non-negative decimal number of 16 characters at most, as accuracies are written. Money and
// relevance never pass through floating point.
func ParseDecimal(s string) (*apd.Decimal, error) {
	if len(s) == 0 || len(s) > 16 || strings.Trim(s, "0123456789.") != "" {
		return nil, fmt.Errorf("%.20q is no plain decimal number: %w", s, Invalid)
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite {
		return nil, fmt.Errorf("%.20q is no plain decimal number: %w", s, Invalid)
	}
	return d, nil
}
