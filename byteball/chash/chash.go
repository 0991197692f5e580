// Package chash makes and checks the ledger's addresses: a RIPEMD-160 cut to 128 bits, with 32 check bits mixed in at
// places taken from the digits of pi, in base32. Facts: the reference's chash.js and object_hash.js. Who may spend from an
// address is the business of package definition.
package chash

import (
	"crypto/sha256"
	"encoding/base32"
	"sync"

	//lint:ignore SA1019 the ledger's addresses are defined by it
	"golang.org/x/crypto/ripemd160"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

const (
	length = 32 // characters of an address, 5 bits each
	bits   = 160
	pi     = "14159265358979323846264338327950288419716939937510"
)

// checkBits says which of the 160 bits are check bits: the running sum of the non-zero digits of pi gives 32 places.
var checkBits = sync.OnceValue(func() (places [bits]bool) {
	at := 0
	for i := range pi {
		if pi[i] == '0' {
			continue
		}
		if at += int(pi[i] - '0'); at >= bits {
			break
		}
		places[at] = true
	}
	return places
})

func checksum(clean []byte) [4]byte {
	sum := sha256.Sum256(clean)
	return [4]byte{sum[5], sum[13], sum[21], sum[29]}
}

// Sum160 returns the address-like hash of data, mostly a source string.
func Sum160(data string) byteball.Address {
	h := ripemd160.New()
	h.Write([]byte(data))
	clean := h.Sum(nil)[4:]
	check := checksum(clean)
	var mixed [bits / 8]byte
	places := checkBits()
	c, k := 0, 0
	for i, isCheck := range places {
		var bit byte
		if isCheck {
			bit = check[k/8] >> (7 - k%8) & 1
			k++
		} else {
			bit = clean[c/8] >> (7 - c%8) & 1
			c++
		}
		mixed[i/8] |= bit << (7 - i%8)
	}
	return byteball.Address(base32.StdEncoding.EncodeToString(mixed[:]))
}

// Of returns the address that a definition makes: a JSON tree such as ["sig", {"pubkey": "…"}]. An autonomous agent is
// hashed in the JSON form, everything else in the legacy form. Error: Invalid for a tree that cannot be hashed.
func Of(definition any) (byteball.Address, error) {
	source := objecthash.Source
	if list, ok := definition.([]any); ok && len(list) == 2 && list[0] == "autonomous agent" {
		source = objecthash.JSONSource
	}
	s, err := source(definition)
	if err != nil {
		return "", err
	}
	return Sum160(s), nil
}

// Valid reports whether a is an address in upper case with right check bits. It says nothing about its use.
func Valid(a byteball.Address) bool {
	if len(a) != length {
		return false
	}
	var mixed [bits / 8]byte
	for i := 0; i < length; i++ {
		c := a[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c -= 'A'
		case c >= '2' && c <= '7':
			c -= '2' - 26
		default:
			return false
		}
		at := i * 5
		mixed[at/8] |= byte(uint16(c) << 11 >> (at % 8) >> 8)
		if at%8 > 3 {
			mixed[at/8+1] |= c << (11 - at%8)
		}
	}
	var clean [16]byte
	var check [4]byte
	places := checkBits()
	n, k := 0, 0
	for i, isCheck := range places {
		bit := mixed[i/8] >> (7 - i%8) & 1
		if isCheck {
			check[k/8] |= bit << (7 - k%8)
			k++
		} else {
			clean[n/8] |= bit << (7 - n%8)
			n++
		}
	}
	return checksum(clean[:]) == check
}

// DeviceAddress returns the address of a device in the ledger's messenger: "0" and the hash of its public key (base64).
func DeviceAddress(pubkey string) string { return "0" + string(Sum160("s\x00"+pubkey)) }
