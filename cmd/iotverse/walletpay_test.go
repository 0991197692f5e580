package main

import (
	"errors"
	"testing"

	"github.com/iotverse/iotverse/byteball"
)

func TestParseAmount(t *testing.T) {
	for _, c := range []struct {
		text string
		want byteball.Bytes
	}{
		{"1", 1}, {"1000", 1000}, {"10kB", 10_000}, {"10 KB", 10_000}, {"2MB", 2_000_000}, {"1gb", 1_000_000_000},
		{"2.5MB", 2_500_000}, {"0.001kB", 1}, {"1.000", 1}, {"100.0", 100}, {"9000000GB", 9e15},
	} {
		if got, err := parseAmount(c.text); err != nil || got != c.want {
			t.Errorf("%q: %d and %v, want %d", c.text, uint64(got), err, uint64(c.want))
		}
	}
	for _, text := range []string{"", "0", "0kB", "-1", "+1", "1.5", "0.0001kB", "1e3", "NaN", "Infinity", "GB", "1TB", "1 2", "9000001GB",
		"99999999999999999999999999999999999", "0x10", "1,000", "kB1"} {
		var u usageError
		if got, err := parseAmount(text); !errors.As(err, &u) {
			t.Errorf("%q: %d and %v, want a usage error", text, uint64(got), err)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"1", "10kB", "2.5MB", "-1", "NaN", "1e9", "0.0000000000000000000000000001GB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseAmount(text); err == nil && (n == 0 || n > byteball.MaxBytes) {
			t.Errorf("%q makes %d bytes", text, uint64(n))
		}
	})
}
