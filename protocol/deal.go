package protocol

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
)

// Voucher hands over the newest state of a channel (package byteball/channel) and says what it pays for.
type Voucher struct {
	_      struct{} `cbor:",toarray"`
	Deal   Hash
	Window uint64
	Index  int16  // batch in the window, 0..63; Prepaid for the committee's fee of the window
	Data   []byte // channel voucher: the whole closing unit, signed by the buyer
}

// Prepaid is the Index of a voucher that pays a window's committee.
const Prepaid int16 = -1

func (*Voucher) Kind() Kind { return KindVoucher }

// Check bounds the parts.
func (v *Voucher) Check() error {
	if v.Index < Prepaid || v.Index >= MaxBatches {
		return fmt.Errorf("voucher: batch index %d: %w", v.Index, Invalid)
	}
	return bounded("voucher: data", len(v.Data), 1, MaxVoucher)
}

// Accepted says that a voucher is on the seller's disk. A buyer has one voucher on the way at a time.
type Accepted struct {
	_    struct{} `cbor:",toarray"`
	Deal Hash
	N    uint64 // number of the channel voucher
}

func (*Accepted) Kind() Kind   { return KindAccepted }
func (*Accepted) Check() error { return nil }

// Renew asks the buyer for a voucher that pays nobody more but offers a larger tps fee: as things are the ledger would not
// take the newest one. The buyer answers with a Voucher, or with a Close once it has asked for the close; it grants up to the
// channel's reserve (byteball/channel, Renew). It may be repeated, or lost.
type Renew struct {
	_      struct{} `cbor:",toarray"`
	Deal   Hash
	TPSFee byteball.Bytes // least tps fee that would do, 1 to byteball.MaxBytes
}

func (*Renew) Kind() Kind { return KindRenew }

// Check bounds the fee.
func (r *Renew) Check() error {
	if r.TPSFee < 1 || r.TPSFee > byteball.MaxBytes {
		return fmt.Errorf("renew: tps fee of %d bytes: %w", r.TPSFee, Invalid)
	}
	return nil
}

// Delivery hands over one encrypted batch (MECHANISM 6, exchange). The buyer can check everything but the readings before
// it pays: header and path against the stamped root, both hashes against what it will hold.
type Delivery struct {
	_       struct{} `cbor:",toarray"`
	Deal    Hash
	Window  uint64
	Index   uint8
	Header  BatchHeader
	Path    []Hash // RFC 6962 audit path in the stamp's root
	HCipher Hash   // SHA-256 of Cipher
	HKey    Hash   // SHA-256 of K_b
	Cipher  []byte // XChaCha20-Poly1305 of salt ‖ pack under K_b
}

func (*Delivery) Kind() Kind { return KindDelivery }

// Check bounds the parts.
func (d *Delivery) Check() error {
	if int(d.Index) >= MaxBatches || len(d.Path) > 6 {
		return fmt.Errorf("delivery: batch index %d, path of %d: %w", d.Index, len(d.Path), Invalid)
	}
	return bounded("delivery: cipher", len(d.Cipher), 1, MaxPack+64)
}

// Key hands over K_b of a batch that is paid, sealed to the deal's X25519 key of the buyer.
type Key struct {
	_      struct{} `cbor:",toarray"`
	Deal   Hash
	Window uint64
	Index  uint8
	Sealed []byte // 32 bytes ephemeral X25519 key ‖ XChaCha20-Poly1305 of K_b
}

func (*Key) Kind() Kind     { return KindKey }
func (k *Key) Check() error { return bounded("key: sealed", len(k.Sealed), 80, 80) }
