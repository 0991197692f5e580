package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol/node"
)

var errBench = errors.New("a result is not what it should be")

// benchPayment is a signed payment of the nth of some keys.
func benchPayment(n byte) (*unit.Unit, *unit.Key, error) {
	key, err := unit.NewKey([32]byte{30: 1, 31: n})
	if err != nil {
		return nil, nil, err
	}
	a, err := addressOf(key)
	if err != nil {
		return nil, nil, err
	}
	coins := []wallet.Coin{{OutPoint: unit.OutPoint{Unit: benchRef(1)}, Amount: 1_000_000, Stable: true}}
	anchor := unit.Anchor{Parents: []byteball.Hash{benchRef(2)}, LastBall: benchRef(3), LastBallUnit: benchRef(4), LastBallMCI: 100, Timestamp: 1_700_000_000}
	u, err := wallet.Compose(byteball.Dev, anchor, coins, []unit.Output{{Address: a, Amount: 10_000}}, nil, a, nil, a)
	if err != nil {
		return nil, nil, err
	}
	return u, key, errors.Join(u.SignWith(a, "r", key), u.Seal())
}

// benchRef is the nth of some hashes.
func benchRef(n byte) byteball.Hash {
	h := sha256.Sum256([]byte{n})
	return byteball.Hash(base64.StdEncoding.EncodeToString(h[:]))
}

// benchHash names a unit; the floor hashes the two strings that the name is made of.
func benchHash(*bench) (measure, error) {
	u, _, err := benchPayment(7)
	if err != nil {
		return measure{}, err
	}
	content, whole, err := sources(u)
	if err != nil {
		return measure{}, err
	}
	name, err := base64.StdEncoding.DecodeString(string(u.Unit))
	if err != nil {
		return measure{}, err
	}
	return measure{work: func() error {
		if h, err := u.Hash(); err != nil || h != u.Unit {
			return errBench
		}
		return nil
	}, floor: func() error {
		sha256.Sum256(content)
		if sha256.Sum256(whole) != [32]byte(name) {
			return errBench
		}
		return nil
	}}, nil
}

// sources are the two strings behind a unit's hash: its content without payloads, and what a voided unit keeps.
func sources(u *unit.Unit) (content, whole []byte, err error) {
	data, err := json.Marshal(u)
	if err != nil {
		return nil, nil, err
	}
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, nil, err
	}
	t := tree.(map[string]any)
	for _, m := range t["messages"].([]any) {
		delete(m.(map[string]any), "payload")
	}
	for _, k := range []string{"unit", "headers_commission", "payload_commission", "oversize_fee"} {
		delete(t, k)
	}
	first, err := objecthash.JSONSource(t)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range t["authors"].([]any) {
		delete(a.(map[string]any), "authentifiers")
	}
	delete(t, "messages")
	delete(t, "tps_fee")
	h := sha256.Sum256([]byte(first))
	t["content_hash"] = base64.StdEncoding.EncodeToString(h[:])
	second, err := objecthash.JSONSource(t)
	return []byte(first), []byte(second), err
}

// benchKeys is how many units of different keys are checked in turn, so that nothing remembered of a key helps.
const benchKeys = 64

// benchCheck reads, hashes and verifies units; the floor verifies their signatures.
func benchCheck(*bench) (measure, error) {
	type check struct {
		data, point, rs []byte
		pub             string
		hash            [32]byte
	}
	list := make([]check, benchKeys)
	for i := range list {
		u, key, err := benchPayment(byte(i))
		if err != nil {
			return measure{}, err
		}
		c := check{pub: key.PublicKey()}
		var errs [4]error
		c.data, errs[0] = json.Marshal(u)
		c.hash, errs[1] = u.HashToSign()
		c.point, errs[2] = base64.StdEncoding.DecodeString(c.pub)
		c.rs, errs[3] = base64.StdEncoding.DecodeString(u.Authors[0].Authentifiers["r"])
		if err := errors.Join(errs[:]...); err != nil {
			return measure{}, err
		}
		list[i] = c
	}
	var done, bare int
	return measure{work: func() error {
		c := &list[done%benchKeys]
		done++
		read, err := unit.Parse(c.data)
		if err != nil {
			return err
		}
		if h, err := read.Hash(); err != nil || h != read.Unit {
			return errBench
		}
		if toSign, err := read.HashToSign(); err != nil || !unit.VerifySig(toSign, read.Authors[0].Authentifiers["r"], c.pub) {
			return errBench
		}
		return nil
	}, floor: func() error {
		c := &list[bare%benchKeys]
		bare++
		return bareVerify(c.hash, c.rs, c.point)
	}}, nil
}

// bareVerify is a check of a signature as btcec documents it.
func bareVerify(hash [32]byte, rs, point []byte) error {
	var r, s btcec.ModNScalar
	r.SetByteSlice(rs[:32])
	s.SetByteSlice(rs[32:])
	key, err := btcec.ParsePubKey(point)
	if err != nil || !ecdsa.NewSignature(&r, &s).Verify(hash[:], key) {
		return errBench
	}
	return nil
}

// benchVoucher makes a buyer's voucher with twelve outputs, sends it as bytes, lets the seller check it, and puts it on
// disk; the floor signs and verifies once.
func benchVoucher(b *bench) (measure, error) {
	buyer, seller, pay, accept, err := benchChannel()
	if err != nil {
		return measure{}, err
	}
	now := time.Unix(accept.Base.Timestamp, 0)
	key, _ := btcec.PrivKeyFromBytes([]byte{1, 2, 3})
	return measure{work: func() error {
		_, effects, err := buyer.Apply(pay, now)
		if err != nil {
			return err
		}
		data, err := sentVoucher(effects).Encode()
		if err != nil {
			return err
		}
		take := accept
		if take.Voucher, err = channel.ParseVoucher(data); err != nil {
			return err
		}
		if _, effects, err = seller.Apply(take, now); err != nil {
			return err
		}
		return keep(b.store, effects)
	}, floor: func() error {
		hash := [32]byte{1}
		if !ecdsa.Sign(key, hash[:]).Verify(hash[:], key.PubKey()) {
			return errBench
		}
		return nil
	}}, nil
}

func sentVoucher(effects []channel.Effect) channel.Voucher {
	for _, e := range effects {
		if s, ok := e.(channel.Send); ok {
			return s.Voucher
		}
	}
	return channel.Voucher{}
}

// keep does what a channel asks to be saved.
func keep(store *node.Store, effects []channel.Effect) error {
	for _, e := range effects {
		if s, ok := e.(channel.Save); ok {
			return store.Put([]byte(s.Key), s.Value)
		}
	}
	return errBench
}

// benchChannel opens both sides of a channel whose deposit is stable, and gives a payment and how it is accepted.
func benchChannel() (buyer channel.Payer, seller channel.Payee, pay channel.Pay, accept channel.Accept, err error) {
	var keys [14]*unit.Key
	var at [14]byteball.Address
	for i := range keys {
		if keys[i], err = unit.NewKey([32]byte{0: 1, 31: byte(i)}); err != nil {
			return
		}
		if at[i], err = addressOf(keys[i]); err != nil {
			return
		}
	}
	terms := channel.Terms{Network: byteball.Dev, Buyer: keys[0].PublicKey(), Seller: keys[1].PublicKey(), Age: 600,
		SellerAddress: at[2], ChangeAddress: at[3], Deposit: 2_000_000, Reserve: 5_000, Dust: 200, TPSMargin: 300}
	if buyer, _, err = channel.NewPayer(terms, keys[0]); err != nil {
		return
	}
	if seller, _, err = channel.NewPayee(terms, keys[1]); err != nil {
		return
	}
	base := channel.Base{Unit: benchRef(5), MCI: 30, LastBall: benchRef(6), LastBallUnit: benchRef(7), LastBallMCI: 27, Timestamp: 1_700_000_000, TPSFee: 100}
	funded := channel.Funded{Out: unit.OutPoint{Unit: benchRef(8)}, Amount: terms.Deposit, MCI: 20, Stable: true}
	now := time.Unix(base.Timestamp, 0)
	if buyer, _, err = buyer.Apply(funded, now); err != nil {
		return
	}
	if seller, _, err = seller.Apply(funded, now); err != nil {
		return
	}
	pay = channel.Pay{Add: channel.Payouts{}, Base: base}
	for _, a := range at[2:] {
		if a != terms.ChangeAddress {
			pay.Add[a] = 1000
		}
	}
	return buyer, seller, pay, channel.Accept{Base: base, Tip: base.MCI + 3}, nil
}
