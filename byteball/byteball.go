// Package byteball is a Go library for the Byteball (Obyte) ledger. This package holds what all its parts share: hashes,
// addresses, amounts, the constants of a network and the few kinds of error.
//
// The parts: objecthash and chash (what is hashed and how), unit (the ledger's records), joint (what can be checked of one
// alone), definition (who may spend), merkle (proofs about data feeds), signedmessage (messages of addresses), device
// (pairing and sealed messages), wallet (keys, coins, paying), hub (the light client), channel (payment channels) and ledger
// (a small node). They know nothing of IoTVerse; the market imports them, never the other way round. The tests of
// internal/oldnode hold them against other people's programs.
package byteball

import "fmt"

// Hash is a SHA-256 in the ledger's form: standard base64 with padding, 44 characters. The ledger orders hashes by this
// text, not by the bytes behind it. The empty Hash means "none".
type Hash string

// Address is 32 characters of base32: a shortened hash of a definition with its check bits mixed in (package chash).
type Address string

// Bytes is an amount of the ledger's money. There are 1e15 in all; a sum that could exceed MaxBytes is an error.
type Bytes uint64

// MaxBytes is the largest amount that one output may hold (the reference's MAX_CAP).
const MaxBytes Bytes = 9e15

// String prints an amount as people read it: bytes, kB, MB or GB with three digits after the point at most.
func (b Bytes) String() string {
	for _, u := range []struct {
		size Bytes
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if b < u.size {
			continue
		}
		whole, milli := b/u.size, b%u.size/(u.size/1000)
		if milli == 0 {
			return fmt.Sprintf("%d %s", uint64(whole), u.name)
		}
		return fmt.Sprintf("%d.%03d %s", uint64(whole), uint64(milli), u.name)
	}
	return fmt.Sprintf("%d bytes", uint64(b))
}

// Add returns the sum of amounts. Error: Invalid if it exceeds MaxBytes.
func Add(amounts ...Bytes) (Bytes, error) {
	var sum Bytes
	for _, a := range amounts {
		if a > MaxBytes || sum > MaxBytes-a {
			return 0, fmt.Errorf("sum of amounts over %d bytes: %w", uint64(MaxBytes), Invalid)
		}
		sum += a
	}
	return sum, nil
}
