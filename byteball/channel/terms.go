package channel

import (
	"encoding/base64"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
)

// MaxAge bounds Terms.Age: at one main chain unit a second it is half a year.
const MaxAge = 1 << 24

// Terms is what buyer and seller agree on before any money moves; both hold the same. Amounts are in bytes.
type Terms struct {
	Network byteball.Network `json:"network"`

	Buyer  string `json:"buyer"`  // base64 of a compressed secp256k1 key, fresh for each channel
	Seller string `json:"seller"` // likewise; may serve several channels
	Age    uint64 `json:"age"`    // N of MECHANISM 6: main chain units until the buyer may take a refund, 1..MaxAge

	SellerAddress byteball.Address `json:"seller_address"` // where the seller is paid
	ChangeAddress byteball.Address `json:"change_address"` // where change and refund go; never a payee

	Deposit   byteball.Bytes `json:"deposit"`    // amount of the one output that funds the channel
	Reserve   byteball.Bytes `json:"reserve"`    // kept out of the payouts, for tps fees
	Dust      byteball.Bytes `json:"dust"`       // a smaller output waits until it has grown
	TPSMargin byteball.Bytes `json:"tps_margin"` // paid beyond the least tps fee; lost at the close; 0 where there are none

	Previous byteball.Address `json:"previous,omitempty"` // the channel that this one succeeds, if any
}

// Definition returns the definition of the channel's address: both together, or the buyer alone once the deposit is older
// than Age. Buyer and seller close by the paths r.0.0 and r.0.1, the buyer refunds by r.1.0.
func (t Terms) Definition() any {
	buyer, seller := sig(t.Buyer), sig(t.Seller)
	return []any{"or", []any{
		[]any{"and", []any{buyer, seller}},
		[]any{"and", []any{buyer, []any{"age", []any{">", float64(t.Age)}}}},
	}}
}

func sig(key string) any { return []any{"sig", map[string]any{"pubkey": key}} }

// Address returns the channel's address. It differs between channels as long as the buyer's keys or the ages do.
// Error: Invalid, as from Validate.
func (t Terms) Address() (byteball.Address, error) {
	s, err := t.shape()
	if err != nil {
		return "", err
	}
	return s.address, nil
}

// Validate returns an Invalid error if no channel can be made of t: bad keys, addresses or amounts, or a deposit that does
// not even pay the fees of its own closing.
func (t Terms) Validate() error {
	_, err := t.shape()
	return err
}

// check is Validate without the fees; it returns the buyer's key.
func (t Terms) check() (*btcec.PublicKey, error) {
	if err := t.plausible(); err != nil {
		return nil, err
	}
	if _, err := byteball.Add(t.Deposit, t.Reserve, t.Dust, t.TPSMargin); err != nil {
		return nil, fmt.Errorf("channel amounts: %w", err)
	}
	for _, a := range []byteball.Address{t.SellerAddress, t.ChangeAddress, t.Previous} {
		if a != "" && !chash.Valid(a) {
			return nil, fmt.Errorf("channel address %.40q is not an address: %w", a, byteball.Invalid)
		}
	}
	if _, err := parseKey(t.Seller); err != nil {
		return nil, err
	}
	return parseKey(t.Buyer)
}

func (t Terms) plausible() error {
	switch {
	case t.Network.Version == "" || t.Network.Alt == "":
		return fmt.Errorf("channel terms without a network: %w", byteball.Invalid)
	case t.TPSMargin != 0 && !t.Network.TPSFees:
		return fmt.Errorf("channel tps margin of %d bytes, network %s has no tps fees: %w", t.TPSMargin, t.Network.Name, byteball.Invalid)
	case t.Buyer == t.Seller:
		return fmt.Errorf("channel of a key with itself: %w", byteball.Invalid)
	case t.Age < 1 || t.Age > MaxAge:
		return fmt.Errorf("channel age %d not in 1..%d: %w", t.Age, MaxAge, byteball.Invalid)
	case t.SellerAddress == t.ChangeAddress || t.SellerAddress == "" || t.ChangeAddress == "":
		return fmt.Errorf("channel pays %.40q and its change to %.40q: %w", t.SellerAddress, t.ChangeAddress, byteball.Invalid)
	case t.Dust < 1:
		return fmt.Errorf("channel with a dust limit of 0: %w", byteball.Invalid)
	}
	return nil
}

// parseKey reads the base64 of a point on the curve, compressed.
func parseKey(k string) (*btcec.PublicKey, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(k)
	if err != nil || len(k) != 44 || len(raw) != btcec.PubKeyBytesLenCompressed {
		return nil, fmt.Errorf("channel key %.50q is not 33 bytes in base64: %w", k, byteball.Invalid)
	}
	key, err := btcec.ParsePubKey(raw)
	if err != nil {
		return nil, fmt.Errorf("channel key %s: %v: %w", k, err, byteball.Invalid)
	}
	return key, nil
}
