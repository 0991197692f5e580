package channel_test

import (
	"encoding/base64"
	"testing"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// BenchmarkFloor is one signature made and checked, which every voucher needs.
func BenchmarkFloor(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sig, err := buyerKey.Sign([32]byte{1})
		if err != nil {
			b.Fatal(err)
		}
		if !unit.VerifySig([32]byte{1}, base64.StdEncoding.EncodeToString(sig[:]), buyerKey.PublicKey()) {
			b.Fatal("bad signature")
		}
	}
}

func payees(n int) channel.Payouts {
	add := channel.Payouts{terms().SellerAddress: 10}
	for i := range n {
		add[address(byte(20+i))] = 10
	}
	return add
}

// BenchmarkPay composes, signs and encodes a voucher for the wire and the state for the disk.
func BenchmarkPay(b *testing.B) {
	buyer, _ := pair(b)
	add := payees(10)
	first := payees(10)
	for a := range first {
		first[a] = 1000
	}
	buyer, _ = must(b)(buyer.Apply(channel.Pay{Add: first, Base: base(30)}, at(32)))
	b.ReportAllocs()
	for b.Loop() {
		_, effects, err := buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := sent(b, effects).Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAccept decodes and checks a voucher and encodes the state for the disk.
func BenchmarkAccept(b *testing.B) {
	buyer, seller := pair(b)
	add := payees(10)
	for a := range add {
		add[a] = 1000
	}
	_, effects := must(b)(buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32)))
	data, err := sent(b, effects).Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		v, err := channel.ParseVoucher(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := seller.Apply(accept(v, base(30), 33), at(33)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data)), "B/voucher")
}
