package channel

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Vouchers and states are deterministic CBOR arrays. A voucher holds only what its unit does not follow from: keys, age and
// deposit of the channel, where the unit hangs, the outputs and the signature, all as raw bytes. The definition, its
// address, sizes, fees and hashes are computed by whoever reads it, so most wrong vouchers cannot even be written.

// hash32 is a byteball.Hash as raw bytes.
type hash32 [32]byte

// amounts are outputs, or Payouts by address: for each 20 bytes of the address and 8 of the amount, most significant first.
type amounts []byte

const amountSize = 20 + 8

// wireOut is the deposit's place.
type wireOut struct {
	_               struct{} `cbor:",toarray"`
	Unit            hash32
	Message, Output uint32
}

// contract is what the unit of a voucher says of its channel.
type contract struct {
	_             struct{} `cbor:",toarray"`
	Network       string
	Buyer, Seller [33]byte
	Age           uint64
	Out           wireOut
}

// promise is the rest of a voucher.
type promise struct {
	_                              struct{} `cbor:",toarray"`
	N                              uint64
	Final                          bool
	Parent, LastBall, LastBallUnit hash32
	Witnesses                      []byte // 32 bytes, or none
	Timestamp                      int64
	TPSFee                         byteball.Bytes
	Outputs                        amounts  // in the unit's order, change included
	Sig                            [64]byte // the buyer's
	Claims                         amounts  // by address
}

var (
	encMode = must(encOptions().EncMode())
	decMode = must(cbor.DecOptions{
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden, MaxNestedLevels: 8,
		MaxArrayElements: 1024, MaxMapPairs: 16, UTF8: cbor.UTF8RejectInvalid,
	}.DecMode())
)

// encOptions writes a list that is not there like an empty one, so that a value has one encoding.
func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return o
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options fixed at build time; a test would never start
	}
	return v
}

// decode reads the one encoding of a value.
func decode(data []byte, into any) error {
	if err := decMode.Unmarshal(data, into); err != nil {
		return err
	}
	again, err := encMode.Marshal(into)
	if err == nil && string(again) != string(data) {
		err = fmt.Errorf("not the canonical encoding")
	}
	return err
}

func (h hash32) text() byteball.Hash { return byteball.Hash(base64.StdEncoding.EncodeToString(h[:])) }

// packer keeps the first error of packing.
type packer struct{ err error }

func (p *packer) base64(dst []byte, text string) {
	var in [48]byte
	var out [36]byte
	n, err := strict64.Decode(out[:], in[:copy(in[:], text)])
	if err != nil || n != len(dst) || len(text) != 44 {
		p.fail("%.100q has not %d bytes in base64", text, len(dst))
	}
	copy(dst, out[:])
}

var (
	strict64 = base64.StdEncoding.Strict()
	letters  = base32.StdEncoding.WithPadding(base32.NoPadding)
)

func (p *packer) fail(format string, args ...any) {
	if p.err == nil {
		p.err = byteball.Errorf(byteball.Invalid, format, args...)
	}
}

func (p *packer) hash(h byteball.Hash) (out hash32) {
	p.base64(out[:], string(h))
	return out
}

func (p *packer) key(k string) (out [33]byte) {
	p.base64(out[:], k)
	return out
}

func (p *packer) address(a byteball.Address) (out [20]byte) {
	var in [32]byte
	n, err := letters.Decode(out[:], in[:copy(in[:], a)])
	if err != nil || n != len(out) || len(a) != len(in) {
		p.fail("%.100q is no address", a)
	}
	return out
}

func (p *packer) amount(to amounts, a byteball.Address, n byteball.Bytes) amounts {
	raw := p.address(a)
	return binary.BigEndian.AppendUint64(append(to, raw[:]...), uint64(n))
}

func (p *packer) out(o unit.OutPoint) wireOut {
	return wireOut{Unit: p.hash(o.Unit), Message: uint32(o.MessageIndex), Output: uint32(o.OutputIndex)}
}

// payouts packs by address, so that the order is always the same.
func (p *packer) payouts(pay Payouts) amounts {
	if len(pay) == 0 {
		return nil
	}
	keys := make([]byteball.Address, 0, len(pay))
	for a := range pay {
		keys = append(keys, a)
	}
	slices.Sort(keys)
	to := make(amounts, 0, len(pay)*amountSize)
	for _, a := range keys {
		to = p.amount(to, a, pay[a])
	}
	return to
}

func addressOf(raw [20]byte) byteball.Address {
	var text [32]byte
	letters.Encode(text[:], raw[:])
	return byteball.Address(text[:])
}

func keyOf(raw [33]byte) string { return base64.StdEncoding.EncodeToString(raw[:]) }

func (o wireOut) point() unit.OutPoint {
	return unit.OutPoint{Unit: o.Unit.text(), MessageIndex: int(o.Message), OutputIndex: int(o.Output)}
}

// outputs returns the list, with room for one more. Error: Invalid for a piece of an entry or an amount out of range.
func (l amounts) outputs() ([]unit.Output, error) {
	if len(l)%amountSize != 0 || len(l)/amountSize > maxPayouts {
		return nil, byteball.Errorf(byteball.Invalid, "%d bytes of amounts", len(l))
	}
	outs := make([]unit.Output, 0, len(l)/amountSize+1)
	for ; len(l) > 0; l = l[amountSize:] {
		n := byteball.Bytes(binary.BigEndian.Uint64(l[20:]))
		if n > byteball.MaxBytes {
			return nil, byteball.Errorf(byteball.Invalid, "an amount of %d bytes", uint64(n))
		}
		outs = append(outs, unit.Output{Address: addressOf([20]byte(l)), Amount: n})
	}
	return outs, nil
}

// maxPayouts bounds a list of amounts: payees whose amounts are dust come on top of MaxOutputs.
const maxPayouts = 1024

// payouts returns Payouts, nil if there are none. Error: Invalid for an address that is there twice or out of order.
func (l amounts) payouts() (Payouts, error) {
	list, err := l.outputs()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	pay := make(Payouts, len(list))
	for i, o := range list {
		if i > 0 && o.Address <= list[i-1].Address {
			return nil, byteball.Errorf(byteball.Invalid, "payouts to %s are out of order", o.Address)
		}
		pay[o.Address] = o.Amount
	}
	return pay, nil
}

// contractOf reads the channel from a voucher's unit.
func (p *packer) contractOf(u *unit.Unit, out unit.OutPoint) contract {
	both, _ := dig(u.Authors[0].Definition, 1, 0, 1).([]any)
	age, _ := dig(u.Authors[0].Definition, 1, 1, 1, 1, 1, 1).(float64)
	c := contract{Age: uint64(max(0, min(age, MaxAge))), Out: p.out(out)}
	for _, n := range []byteball.Network{byteball.Live, byteball.Testnet, byteball.Dev, byteball.Old} {
		if n.Version == u.Version && n.Alt == u.Alt {
			c.Network = n.Name
		}
	}
	if len(both) != 2 || c.Network == "" {
		p.fail("version %q, network %q, %d keys: no channel", u.Version, u.Alt, len(both))
		return c
	}
	c.Buyer, c.Seller = p.key(pubkey(both[0])), p.key(pubkey(both[1]))
	return c
}

// dig goes down into nested arrays.
func dig(tree any, path ...int) any {
	for _, i := range path {
		list, _ := tree.([]any)
		if i >= len(list) {
			return nil
		}
		tree = list[i]
	}
	return tree
}

func pubkey(sig any) string {
	m, _ := dig(sig, 1).(map[string]any)
	k, _ := m["pubkey"].(string)
	return k
}

// promiseOf packs v, whose unit has one author, parent, message and input.
func (p *packer) promiseOf(v Voucher) promise {
	u := v.Unit
	w := promise{N: v.N, Final: v.Final, Parent: p.hash(u.ParentUnits[0]), LastBall: p.hash(u.LastBall), LastBallUnit: p.hash(u.LastBallUnit),
		Timestamp: u.Timestamp, TPSFee: tpsFee(u), Claims: p.payouts(v.Claims)}
	if u.WitnessListUnit != "" {
		h := p.hash(u.WitnessListUnit)
		w.Witnesses = h[:]
	}
	pay := u.Messages[0].Payload.(*unit.Payment)
	w.Outputs = make(amounts, 0, len(pay.Outputs)*amountSize)
	for _, o := range pay.Outputs {
		w.Outputs = p.amount(w.Outputs, o.Address, o.Amount)
	}
	sig, ok := rawSig(u.Authors[0].Authentifiers[pathBuyer])
	if !ok {
		p.fail("it is not signed")
	}
	w.Sig = sig
	return w
}

// voucher makes the unit again; definition and address are those of the channel.
func (w *promise) voucher(net byteball.Network, definition any, address byteball.Address, out unit.OutPoint) (Voucher, error) {
	if len(w.Witnesses) != 0 && len(w.Witnesses) != len(hash32{}) || len(w.Outputs) > MaxOutputs*amountSize || w.N == 0 || w.Timestamp < 0 {
		return Voucher{}, fmt.Errorf("voucher %d with %d bytes of outputs at time %d", w.N, len(w.Outputs), w.Timestamp)
	}
	a := unit.Anchor{Parents: []byteball.Hash{w.Parent.text()}, LastBall: w.LastBall.text(), LastBallUnit: w.LastBallUnit.text(),
		Timestamp: w.Timestamp, TPSFee: w.TPSFee}
	if len(w.Witnesses) > 0 {
		a.WitnessListUnit = hash32(w.Witnesses).text()
	}
	outs, err := w.Outputs.outputs()
	if err != nil {
		return Voucher{}, err
	}
	author := unit.Author{Address: address, Definition: definition, Authentifiers: places(pathSeller)}
	author.Authentifiers[pathBuyer] = base64.StdEncoding.EncodeToString(w.Sig[:])
	u, err := frame(net, author, out, a, outs)
	if err != nil {
		return Voucher{}, err
	}
	v := Voucher{N: w.N, Final: w.Final, Unit: u}
	if v.Claims, err = w.Claims.payouts(); err != nil {
		return Voucher{}, err
	}
	return v, hashed(u)
}

// voucher makes the unit of a voucher from it alone.
func (c *contract) voucher(w *promise) (Voucher, error) {
	net, ok := byteball.NetworkByName(c.Network)
	if !ok || c.Age < 1 || c.Age > MaxAge {
		return Voucher{}, fmt.Errorf("network %.20q, age %d", c.Network, c.Age)
	}
	definition := Terms{Buyer: keyOf(c.Buyer), Seller: keyOf(c.Seller), Age: c.Age}.Definition()
	address, err := chash.Of(definition)
	if err != nil {
		return Voucher{}, err
	}
	return w.voucher(net, definition, address, c.Out.point())
}
