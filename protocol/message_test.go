package protocol_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

func TestEveryKindTravelsUnchanged(t *testing.T) {
	for _, k := range protocol.Kinds() {
		m := sample(t, k)
		if m.Kind() != k {
			t.Errorf("%T is of kind %s, want %s", m, m.Kind(), k)
		}
		sealed, err := envelope.Seal(identity(1), market, m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := envelope.Open(envelope.Keys{}, market, sealed.Raw)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Body, m) {
			t.Errorf("%s came as %+v, want %+v", k, got.Body, m)
		}
		if n := len(sealed.Raw); n > protocol.MaxSize(k) || protocol.MaxSize(k) > protocol.MaxFrame {
			t.Errorf("%s of %d bytes, %d allowed, frames %d", k, n, protocol.MaxSize(k), protocol.MaxFrame)
		}
	}
}

func TestUnknownKindsAreRefused(t *testing.T) {
	if _, err := protocol.New("offer2"); !errors.Is(err, protocol.Invalid) {
		t.Errorf("error %v, want Invalid", err)
	}
	if n := protocol.MaxSize("offer2"); n != 0 {
		t.Errorf("an unknown kind may have %d bytes", n)
	}
}

// TestOneEncoding spoils the encodings of every kind in the ways that CBOR leaves open.
func TestOneEncoding(t *testing.T) {
	for _, k := range protocol.Kinds() {
		good, err := protocol.Encode(sample(t, k))
		if err != nil {
			t.Fatal(err)
		}
		length := good[0] & 0x1f
		if good[0]&0xe0 != 0x80 || length >= 24 {
			t.Fatalf("%s does not begin as a short array: %x", k, good[0])
		}
		indefinite := append(append([]byte{0x9f}, good[1:]...), 0xff)
		for what, bad := range map[string][]byte{
			"a byte more":        append(bytes.Clone(good), 0),
			"a byte less":        good[:len(good)-1],
			"a long length":      append([]byte{0x98, length}, good[1:]...),
			"an open length":     indefinite,
			"a field less":       append([]byte{0x80 | length - 1}, good[1:]...),
			"a field more":       append(append([]byte{0x80 | length + 1}, good[1:]...), 0),
			"a tag":              append([]byte{0xc1}, good...),
			"nothing":            nil,
			"null":               {0xf6},
			"a map":              {0xa0},
			"text":               {0x61, 'x'},
			"an array of itself": append([]byte{0x81}, good...),
		} {
			m, err := protocol.New(k)
			if err != nil {
				t.Fatal(err)
			}
			if err := protocol.Decode(bad, m); !errors.Is(err, protocol.Invalid) {
				t.Errorf("%s with %s: error %v, want Invalid", k, what, err)
			}
		}
	}
}

func TestDeepAndHugeJunkIsRefused(t *testing.T) {
	for what, junk := range map[string][]byte{
		"deep arrays":     append(bytes.Repeat([]byte{0x81}, 100_000), 0),
		"deep maps":       append(bytes.Repeat([]byte{0xa1, 0x00}, 100_000), 0),
		"deep tags":       append(bytes.Repeat([]byte{0xc1}, 100_000), 0),
		"a huge array":    {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a huge text":     {0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"many elements":   append([]byte{0x9a, 0, 1, 0, 0}, make([]byte, 1<<16)...),
		"text not UTF-8":  {0x62, 0xff, 0xfe},
		"a float as NaN":  {0xf9, 0x7e, 0x01},
		"reserved simple": {0xfc},
	} {
		for _, k := range protocol.Kinds() {
			m, _ := protocol.New(k)
			if err := protocol.Decode(junk, m); !errors.Is(err, protocol.Invalid) {
				t.Errorf("%s as %s: error %v, want Invalid", what, k, err)
			}
		}
	}
}

// spoil makes a good message of a kind and changes it.
func spoil[M protocol.Message](change func(M)) func(testing.TB) protocol.Message {
	return func(t testing.TB) protocol.Message {
		var none M
		m := sample(t, none.Kind()).(M)
		change(m)
		return m
	}
}

func many[T any](n int, v T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// counting returns 1, 2, … n.
func counting(n int) []uint8 {
	list := make([]uint8, n)
	for i := range list {
		list[i] = uint8(i + 1)
	}
	return list
}

// TestBounds lists what no message may say, by kind.
func TestBounds(t *testing.T) {
	long := strings.Repeat("x", 201)
	type (
		offer   = protocol.Offer
		demand  = protocol.Demand
		match   = protocol.Match
		window  = protocol.WindowCommit
		opening = protocol.Opening
		reveal  = protocol.Reveal
		stamp   = protocol.Stamp
	)
	tests := []struct {
		name string
		bad  func(testing.TB) protocol.Message
	}{
		{"offer: key", spoil(func(m *offer) { m.Binding.Identity = "short" })},
		{"offer: no price", spoil(func(m *offer) { m.Price, m.Floor = 0, 0 })},
		{"offer: price", spoil(func(m *offer) { m.Price = protocol.MaxPrice + 1 })},
		{"offer: floor over price", spoil(func(m *offer) { m.Floor = m.Price + 1 })},
		{"offer: no period", spoil(func(m *offer) { m.Period = 0 })},
		{"offer: period over a day", spoil(func(m *offer) { m.Period = 86_400_001 })},
		{"offer: property", spoil(func(m *offer) { m.Prop = "audio" })},
		{"offer: unit of another property", spoil(func(m *offer) { m.Unit = "K" })},
		{"offer: cell too exact", spoil(func(m *offer) { m.Cell = "u33dbf" })},
		{"offer: cell letter", spoil(func(m *offer) { m.Cell = "u33da" })},
		{"offer: cell in capitals", spoil(func(m *offer) { m.Cell = "U33DB" })},
		{"offer: accuracy", spoil(func(m *offer) { m.Accuracy = "1e3" })},
		{"offer: negative accuracy", spoil(func(m *offer) { m.Accuracy = "-1" })},
		{"offer: accuracy of dots", spoil(func(m *offer) { m.Accuracy = "1.2.3" })},
		{"offer: endless accuracy", spoil(func(m *offer) { m.Accuracy = "0.3333333333333333" })},
		{"demand: key", spoil(func(m *demand) { m.Buyer = "" })},
		{"demand: no cap", spoil(func(m *demand) { m.Cap = 0 })},
		{"demand: cap", spoil(func(m *demand) { m.Cap = protocol.MaxPrice + 1 })},
		{"demand: radius 0", spoil(func(m *demand) { m.Radius = 0 })},
		{"demand: radius", spoil(func(m *demand) { m.Radius = 20_100_001 })},
		{"demand: half-life", spoil(func(m *demand) { m.HalfLife = 0 })},
		{"demand: period", spoil(func(m *demand) { m.Period = 0 })},
		{"demand: no windows", spoil(func(m *demand) { m.Windows = 0 })},
		{"demand: windows", spoil(func(m *demand) { m.Windows = 100_001 })},
		{"demand: accuracy", spoil(func(m *demand) { m.Accuracy = "" })},
		{"match: offer", spoil(func(m *match) { m.Offer = make([]byte, protocol.MaxSize(protocol.KindOffer)+1) })},
		{"match: demand", spoil(func(m *match) { m.Demand = make([]byte, protocol.MaxSize(protocol.KindDemand)+1) })},
		{"match: buyer's key", spoil(func(m *match) { m.BuyerKey = make([]byte, 32) })},
		{"match: change", spoil(func(m *match) { m.Change = "short" })},
		{"match: relevance", spoil(func(m *match) { m.Relevance = 1001 })},
		{"match: reputation", spoil(func(m *match) { m.Rep = 1001 })},
		{"match: no deposit", spoil(func(m *match) { m.Deposit = 0 })},
		{"match: deposit", spoil(func(m *match) { m.Deposit = byteball.MaxBytes + 1 })},
		{"match: age", spoil(func(m *match) { m.Age = 0 })},
		{"refusal: no reason", spoil(func(m *protocol.Refuse) { m.Reason = "" })},
		{"refusal: reason", spoil(func(m *protocol.Refuse) { m.Reason = long })},
		{"opened: unit", spoil(func(m *protocol.Opened) { m.Unit = "x" })},
		{"renew: no fee", spoil(func(m *protocol.Renew) { m.TPSFee = 0 })},
		{"renew: more than there is", spoil(func(m *protocol.Renew) { m.TPSFee = byteball.MaxBytes + 1 })},
		{"voucher: index", spoil(func(m *protocol.Voucher) { m.Index = protocol.MaxBatches })},
		{"voucher: index below prepaid", spoil(func(m *protocol.Voucher) { m.Index = -2 })},
		{"voucher: empty", spoil(func(m *protocol.Voucher) { m.Data = nil })},
		{"voucher: size", spoil(func(m *protocol.Voucher) { m.Data = make([]byte, protocol.MaxVoucher+1) })},
		{"notice: match", spoil(func(m *protocol.Notice) { m.Match = make([]byte, protocol.MaxSize(protocol.KindMatch)+1) })},
		{"notice: buyer's match", spoil(func(m *protocol.Notice) { m.ByBuyer = make([]byte, protocol.MaxSize(protocol.KindMatch)+1) })},
		{"notice: funding", spoil(func(m *protocol.Notice) { m.Funding = "" })},
		{"notice: voucher", spoil(func(m *protocol.Notice) { m.Voucher = make([]byte, protocol.MaxVoucher+1) })},
		{"notice: no voucher", spoil(func(m *protocol.Notice) { m.Voucher = nil })},
		{"window: key", spoil(func(m *window) { m.Seller = "x" })},
		{"window: property", spoil(func(m *window) { m.Prop = "" })},
		{"window: cell", spoil(func(m *window) { m.Cell = "" })},
		{"window: ends before it begins", spoil(func(m *window) { m.Seq1 = m.Seq0 - 1 })},
		{"window: batches", spoil(func(m *window) { m.Seq1 = m.Seq0 + protocol.MaxBatches })},
		{"window: all batches there are", spoil(func(m *window) { m.Seq0, m.Seq1 = 0, math.MaxUint64 })},
		{"window: time", spoil(func(m *window) { m.T1 = m.T0 - 1 })},
		{"window: no readings", spoil(func(m *window) { m.N = 0 })},
		{"receipts: none", spoil(func(m *protocol.Receipts) { m.List = nil })},
		{"receipts: number", spoil(func(m *protocol.Receipts) { m.List = many(protocol.MaxSeats+1, []byte{1}) })},
		{"receipts: an empty one", spoil(func(m *protocol.Receipts) { m.List[1] = nil })},
		{"receipts: size of one", spoil(func(m *protocol.Receipts) { m.List[1] = make([]byte, protocol.MaxSize(protocol.KindReceipt)+1) })},
		{"opening: no headers", spoil(func(m *opening) { m.Headers, m.Batches = nil, nil })},
		{"opening: headers", spoil(func(m *opening) { m.Headers = many(protocol.MaxBatches+1, header(1)) })},
		{"opening: batch without a header", spoil(func(m *opening) { m.Batches[1].Index = 3 })},
		{"opening: batch twice", spoil(func(m *opening) { m.Batches[1].Index = 0 })},
		{"opening: order", spoil(func(m *opening) { m.Batches[0].Index = 2; m.Batches[1].Index = 1 })},
		{"opening: more batches than headers", spoil(func(m *opening) { m.Batches = many(4, m.Batches[0]) })},
		{"opening: empty pack", spoil(func(m *opening) { m.Batches[0].Pack = nil })},
		{"opening: pack", spoil(func(m *opening) { m.Batches[0].Pack = make([]byte, protocol.MaxPack+1) })},
		{"unserved: none", spoil(func(m *protocol.Unserved) { m.Indices = nil })},
		{"unserved: number", spoil(func(m *protocol.Unserved) { m.Indices = counting(protocol.MaxBatches + 1) })},
		{"reveal: score", spoil(func(m *reveal) { m.Score = 1001 })},
		{"reveal: collection", spoil(func(m *reveal) { m.C = 1001 })},
		{"reveal: transport", spoil(func(m *reveal) { m.T = 1001 })},
		{"reveal: coverage", spoil(func(m *reveal) { m.Class.Coverage = 1001 })},
		{"reveal: hard codes out of order", spoil(func(m *reveal) { m.Hard = []uint8{5, 2} })},
		{"reveal: hard code twice", spoil(func(m *reveal) { m.Hard = []uint8{5, 5} })},
		{"reveal: hard codes", spoil(func(m *reveal) { m.Hard = counting(9) })},
		{"reveal: reasons", spoil(func(m *reveal) { m.Reasons = counting(17) })},
		{"reveal: reasons out of order", spoil(func(m *reveal) { m.Reasons = []uint8{26, 20} })},
		{"reveal: evidence of nothing", spoil(func(m *reveal) { m.Hard = nil })},
		{"reveal: evidence", spoil(func(m *reveal) { m.Evidence = make([]byte, 60<<10+1) })},
		{"stamp: key", spoil(func(m *stamp) { m.Seller = "" })},
		{"stamp: integrity", spoil(func(m *stamp) { m.I = 1001 })},
		{"stamp: collection", spoil(func(m *stamp) { m.C = 1001 })},
		{"stamp: transport", spoil(func(m *stamp) { m.T = 1001 })},
		{"stamp: tickets", spoil(func(m *stamp) { m.Tickets = many(protocol.MaxSeats+1, protocol.Hash{}) })},
		{"stamp: hard codes", spoil(func(m *stamp) { m.I, m.Hard = 0, counting(9) })},
		{"stamp: reasons", spoil(func(m *stamp) { m.Reasons = counting(17) })},
		{"stamp: integrity in spite of a hard code", spoil(func(m *stamp) { m.Hard = []uint8{5} })},
		{"stamp: batches", spoil(func(m *stamp) { m.Seq1 = m.Seq0 + protocol.MaxBatches })},
		{"stamp: ends before it begins", spoil(func(m *stamp) { m.Seq1 = m.Seq0 - 1 })},
		{"stamped: no body", spoil(func(m *protocol.Stamped) { m.Body = nil })},
		{"stamped: body", spoil(func(m *protocol.Stamped) { m.Body = make([]byte, protocol.MaxSize(protocol.KindStamp)+1) })},
		{"stamped: no signatures", spoil(func(m *protocol.Stamped) { m.Sigs = nil })},
		{"stamped: signatures", spoil(func(m *protocol.Stamped) { m.Sigs = many(protocol.MaxSeats+1, m.Sigs[0]) })},
		{"stamped: signer twice", spoil(func(m *protocol.Stamped) { m.Sigs[1] = m.Sigs[0] })},
		{"stamped: order", spoil(func(m *protocol.Stamped) { m.Sigs[0], m.Sigs[1] = m.Sigs[1], m.Sigs[0] })},
		{"stamped: signer", spoil(func(m *protocol.Stamped) { m.Sigs[0].Signer = "" })},
		{"stamped: signature", spoil(func(m *protocol.Stamped) { m.Sigs[0].Signature = make([]byte, 63) })},
		{"aux: no text", spoil(func(m *protocol.Aux) { m.Text = "" })},
		{"aux: text", spoil(func(m *protocol.Aux) { m.Text = long })},
		{"delivery: index", spoil(func(m *protocol.Delivery) { m.Index = protocol.MaxBatches })},
		{"delivery: path", spoil(func(m *protocol.Delivery) { m.Path = many(7, protocol.Hash{}) })},
		{"delivery: no cipher", spoil(func(m *protocol.Delivery) { m.Cipher = nil })},
		{"delivery: cipher", spoil(func(m *protocol.Delivery) { m.Cipher = make([]byte, protocol.MaxPack+65) })},
		{"key: short", spoil(func(m *protocol.Key) { m.Sealed = make([]byte, 79) })},
		{"key: long", spoil(func(m *protocol.Key) { m.Sealed = make([]byte, 81) })},
		{"close: no reason", spoil(func(m *protocol.Close) { m.Reason = "" })},
		{"close: reason", spoil(func(m *protocol.Close) { m.Reason = long })},
		{"close: no voucher", spoil(func(m *protocol.Close) { m.Data = nil })},
		{"close: voucher", spoil(func(m *protocol.Close) { m.Data = make([]byte, protocol.MaxVoucher+1) })},
		{"ask: nothing", spoil(func(m *protocol.Ask) { m.Wants = nil })},
		{"ask: windows", spoil(func(m *protocol.Ask) { m.Wants = many(49, protocol.Want{}) })},
		{"history: nothing", spoil(func(m *protocol.History) { m.Items = nil })},
		{"history: number", spoil(func(m *protocol.History) { m.Items = many(2*protocol.MaxBatches+1, exhibit()) })},
		{"history: window", spoil(func(m *protocol.History) { m.Items[0].WC = make([]byte, 1025) })},
		{"history: path", spoil(func(m *protocol.History) { m.Items[0].Path = many(7, protocol.Hash{}) })},
		{"history: index", spoil(func(m *protocol.History) { m.Items[0].Batch.Index = protocol.MaxBatches })},
		{"history: pack", spoil(func(m *protocol.History) { m.Items[0].Batch.Pack = make([]byte, protocol.MaxPack+1) })},
	}
	for _, tt := range tests {
		m := tt.bad(t)
		if err := m.Check(); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: check says %v, want Invalid", tt.name, err)
		}
		if _, err := envelope.Seal(identity(1), market, m); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: seal says %v, want Invalid", tt.name, err)
		}
	}
}

// TestTheLargestFit seals what the bounds of the parts allow: a message that passes Check and cannot travel is a trap.
func TestTheLargestFit(t *testing.T) {
	reason := strings.Repeat("x", 200)
	for _, largest := range []func(testing.TB) protocol.Message{
		spoil(func(m *protocol.Match) {
			m.Offer, m.Demand = bytesOf(protocol.MaxSize(protocol.KindOffer)), bytesOf(protocol.MaxSize(protocol.KindDemand))
		}),
		spoil(func(m *protocol.Notice) {
			m.Match = bytesOf(protocol.MaxSize(protocol.KindMatch))
			m.ByBuyer, m.Voucher = m.Match, bytesOf(protocol.MaxVoucher)
		}),
		spoil(func(m *protocol.Receipts) {
			m.List = many(protocol.MaxSeats, bytesOf(protocol.MaxSize(protocol.KindReceipt)))
		}),
		spoil(func(m *protocol.Stamp) { m.Tickets, m.Reasons = many(protocol.MaxSeats, protocol.H("t")), counting(16) }),
		spoil(func(m *protocol.Stamped) {
			m.Body, m.Sigs = bytesOf(protocol.MaxSize(protocol.KindStamp)), nil
			for i := range protocol.MaxSeats {
				signer := protocol.Identity(append([]byte{byte(i)}, bytesOf(32)...))
				m.Sigs = append(m.Sigs, protocol.StampSig{Signer: signer, Signature: bytesOf(64)})
			}
		}),
		spoil(func(m *protocol.Reveal) { m.Evidence, m.Hard, m.Reasons = bytesOf(60<<10), counting(8), counting(16) }),
		spoil(func(m *protocol.Voucher) { m.Data = bytesOf(protocol.MaxVoucher) }),
		spoil(func(m *protocol.Close) { m.Data, m.Reason = bytesOf(protocol.MaxVoucher), reason }),
		spoil(func(m *protocol.Refuse) { m.Reason = reason }),
		spoil(func(m *protocol.Aux) { m.Text = reason }),
		spoil(func(m *protocol.Unserved) { m.Indices = counting(protocol.MaxBatches) }),
		spoil(func(m *protocol.Delivery) { m.Cipher, m.Path = bytesOf(protocol.MaxPack+64), many(6, protocol.H("p")) }),
		spoil(func(m *protocol.Ask) {
			m.Wants = many(48, protocol.Want{Wid: protocol.H("w"), From: math.MaxUint64, Held: math.MaxUint64})
		}),
	} {
		m := largest(t)
		if _, err := envelope.Seal(identity(1), market, m); err != nil {
			t.Error(err)
		}
	}
}

func bytesOf(n int) []byte { return bytes.Repeat([]byte{0xab}, n) }

func TestEvidenceIsBounded(t *testing.T) {
	good := protocol.Evidence{Code: 5, This: []protocol.Exhibit{exhibit()}, Earlier: []protocol.Exhibit{exhibit()}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for what, bad := range map[string]protocol.Evidence{
		"nothing":     {Code: 5},
		"too much":    {This: many(protocol.MaxExhibits+1, exhibit())},
		"long before": {This: good.This, Earlier: many(protocol.MaxExhibits+1, exhibit())},
		"bad exhibit": {This: good.This, Earlier: []protocol.Exhibit{{Path: many(7, protocol.Hash{})}}},
	} {
		if err := bad.Check(); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}
}
