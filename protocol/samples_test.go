package protocol_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// edKey is an Ed25519 identity made from a seed.
type edKey struct{ ed25519.PrivateKey }

func identity(seed byte) edKey {
	return edKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.Public().(ed25519.PublicKey))
}
func (k edKey) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, m), nil }

var market = protocol.H("market of the tests")

const (
	unitHash = byteball.Hash("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	someone  = byteball.Address("YMYF6OA4WRNCBN3MQOXVHFROJOLRWCL7")
	millis   = int64(1_800_000_000_000)
)

func binding(t testing.TB, seed byte) protocol.Binding {
	t.Helper()
	wallet, err := unit.NewKey([32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	b, err := protocol.Bind(identity(seed), wallet)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func seal(t testing.TB, m protocol.Message) []byte {
	t.Helper()
	env, err := envelope.Seal(identity(1), market, m)
	if err != nil {
		t.Fatal(err)
	}
	return env.Raw
}

func header(seq uint64) protocol.BatchHeader {
	return protocol.BatchHeader{Seq: seq, N: 10, T0: millis, T1: millis + 900, Commit: protocol.H("c"), Prev: protocol.H("p")}
}

func class() protocol.Class {
	return protocol.Class{Prop: "air-temperature", Medium: "supply", Role: "measured", Unit: "Cel", Cell: "u33db", T1: millis, Period: 100, Accuracy: "0.1", Coverage: 1000}
}

func exhibit() protocol.Exhibit {
	return protocol.Exhibit{WC: []byte{1}, Head: header(7), Path: []protocol.Hash{protocol.H("a")},
		Batch: protocol.OpenBatch{Index: 2, Salt: [16]byte{3}, Pack: []byte{4}}}
}

// sample is a good message of each kind, made anew at each call.
func sample(t testing.TB, k protocol.Kind) protocol.Message {
	t.Helper()
	h, id := protocol.H("h"), identity(1).Identity()
	switch k {
	case protocol.KindOffer:
		return &protocol.Offer{Binding: binding(t, 1), Bond: someone, Prop: "air-temperature", Title: "supply air temperature, floor 3",
			Medium: "supply", Role: "measured", Unit: "Cel", Cell: "u33db", Period: 100,
			Accuracy: "0.1", Price: 36_000, Floor: 13_500, ValidUntil: millis}
	case protocol.KindWithdraw:
		return &protocol.Withdraw{Offer: h}
	case protocol.KindDemand:
		return &protocol.Demand{Buyer: id, Prop: "air-temperature", Unit: "Cel", Cell: "u33db", Radius: 5000, HalfLife: 3600, Period: 1000,
			Accuracy: "0.5", Cap: 40_000, Windows: 10, ValidUntil: millis, Events: true}
	case protocol.KindMatch:
		return &protocol.Match{Offer: seal(t, sample(t, protocol.KindOffer)), Demand: seal(t, sample(t, protocol.KindDemand)), Relevance: 900, Rep: 57,
			BuyerKey: make([]byte, 33), Change: someone, Age: 600, Deposit: 3_000_000, Box: [32]byte{9}, First: 4, Further: true, Expiry: millis}
	case protocol.KindRefuse:
		return &protocol.Refuse{Deal: h, Reason: "the seller is closing", Further: true}
	case protocol.KindOpened:
		return &protocol.Opened{Deal: h, Unit: unitHash}
	case protocol.KindVoucher:
		return &protocol.Voucher{Deal: h, Window: 4, Index: protocol.Prepaid, Data: []byte("{}")}
	case protocol.KindAccepted:
		return &protocol.Accepted{Deal: h, N: 3}
	case protocol.KindRenew:
		return &protocol.Renew{Deal: h, TPSFee: 963}
	case protocol.KindNotice:
		m := seal(t, sample(t, protocol.KindMatch))
		return &protocol.Notice{Match: m, ByBuyer: m, Funding: unitHash, Window: 4, Voucher: []byte("{}")}
	case protocol.KindCommitted:
		return &protocol.WindowCommit{Seller: id, Prop: "air-temperature", Cell: "u33db", Window: 4, Seq0: 20, Seq1: 24, N: 50, Prev: h, Root: h,
			T0: millis, T1: millis + 4900, Aux: h}
	case protocol.KindReceipt:
		return &protocol.Receipt{Wid: h, Arrived: millis, Tip: 77}
	case protocol.KindReceipts:
		r := seal(t, sample(t, protocol.KindReceipt))
		return &protocol.Receipts{Wid: h, List: [][]byte{r, r}}
	case protocol.KindOpening:
		return &protocol.Opening{Wid: h, Headers: []protocol.BatchHeader{header(20), header(21), header(22)},
			Batches: []protocol.OpenBatch{{Index: 0, Pack: []byte{1}}, {Index: 2, Salt: [16]byte{1}, Pack: []byte{2}}}}
	case protocol.KindUnserved:
		return &protocol.Unserved{Wid: h, Indices: []uint8{1, 3}}
	case protocol.KindCommit:
		return &protocol.Commit{Wid: h, Hash: h}
	case protocol.KindReveal:
		return &protocol.Reveal{Wid: h, Ticket: h, Score: 930, C: 1000, T: 980, Hard: []uint8{2, 5}, Reasons: []uint8{20, 26}, Custody: h,
			Neighbor: 5, Class: class(), Evidence: []byte{1}, Salt: [16]byte{1}}
	case protocol.KindStamp:
		return &protocol.Stamp{Wid: h, Seller: id, Prop: "air-temperature", Window: 4, Seq0: 20, Seq1: 24, Root: h, Epoch: 0, Ball: unitHash,
			Tickets: []protocol.Hash{h}, RevealsRoot: h, I: 930, C: 1000, T: 980, Class: class(), Reasons: []uint8{26}, A: 1000, B: 3000, Scorer: 1, Expiry: millis}
	case protocol.KindStamped:
		body, err := protocol.Encode(sample(t, protocol.KindStamp))
		if err != nil {
			t.Fatal(err)
		}
		a, b := min(id, identity(2).Identity()), max(id, identity(2).Identity())
		return &protocol.Stamped{Body: body, Sigs: []protocol.StampSig{{Signer: a, Signature: make([]byte, 64)}, {Signer: b, Signature: make([]byte, 64)}}}
	case protocol.KindAux:
		return &protocol.Aux{Wid: h, Salt: [16]byte{1}, Text: protocol.AuxNormal}
	case protocol.KindDelivery:
		return &protocol.Delivery{Deal: h, Window: 4, Index: 2, Header: header(22), Path: []protocol.Hash{h, h}, HCipher: h, HKey: h, Cipher: []byte{1, 2}}
	case protocol.KindKey:
		return &protocol.Key{Deal: h, Window: 4, Index: 2, Sealed: make([]byte, 80)}
	case protocol.KindClose:
		return &protocol.Close{Deal: h, Reason: "done", Data: []byte("{}")}
	case protocol.KindAsk:
		return &protocol.Ask{Seller: id, Prop: "air-temperature", Wants: []protocol.Want{{Wid: h, Held: 3}, {From: 9}}}
	case protocol.KindHistory:
		return &protocol.History{Items: []protocol.Exhibit{exhibit()}}
	}
	t.Fatalf("no sample of kind %s", k)
	return nil
}
