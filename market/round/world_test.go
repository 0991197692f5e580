package round_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/merkle"
)

type signer struct{ priv ed25519.PrivateKey }

func (s signer) Identity() protocol.Identity {
	return protocol.Identity(s.priv.Public().(ed25519.PublicKey))
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.priv, msg), nil }

func newSigner(name string) signer {
	seed := protocol.H("signer", name)
	return signer{ed25519.NewKeyFromSeed(seed[:])}
}

func manifest() *params.Manifest {
	return &params.Manifest{Name: "test", T0: 1_800_000_000, Params: params.Fast()}
}

var seller = newSigner("seller")

const ball byteball.Hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// window is a commitment to n batches of three readings' room, and all of it opened.
func window(n int) (*protocol.WindowCommit, *protocol.Opening) {
	wc := &protocol.WindowCommit{
		Seller: seller.Identity(), Prop: "air-temperature", Cell: "u281z", Window: 12, Seq0: 60, Seq1: 59 + uint64(n),
		Prev: protocol.Hash{7}, Aux: protocol.AuxCommit([16]byte{9}, protocol.AuxNormal),
	}
	o := new(protocol.Opening)
	prev := protocol.Hash{5}
	for i := range n {
		b := protocol.OpenBatch{Index: uint8(i), Pack: []byte(fmt.Sprint("pack ", i))}
		b.Salt[0] = byte(i)
		h := protocol.BatchHeader{
			Seq: 60 + uint64(i), N: 3, T0: int64(1000 * i), T1: int64(1000*i + 900), Commit: protocol.BatchCommit(b.Salt, b.Pack), Prev: prev,
		}
		prev = h.Hash()
		o.Headers, o.Batches = append(o.Headers, h), append(o.Batches, b)
	}
	commit(wc, o.Headers)
	o.Wid = wc.ID()
	return wc, o
}

// commit writes what the headers say into the commitment.
func commit(wc *protocol.WindowCommit, headers []protocol.BatchHeader) {
	var leaves [][]byte
	wc.N = 0
	for _, h := range headers {
		leaves = append(leaves, h.Leaf())
		wc.N += h.N
	}
	wc.Root, wc.T0, wc.T1 = merkle.Root(leaves), headers[0].T0, headers[len(headers)-1].T1
}

// board is a committee of k members and some spares whose keys the test has.
func board(k, spares int) (*committee.Committee, map[protocol.Identity]signer) {
	c := &committee.Committee{Quorum: params.Quorum(k), Provisional: k < 3}
	signers := map[protocol.Identity]signer{}
	for i := range k + spares {
		s := newSigner(fmt.Sprint("member", i))
		ticket := &committee.Ticket{ID: protocol.H("ticket", uint64(i))}
		ticket.Binding.Identity = s.Identity()
		signers[s.Identity()] = s
		if i < k {
			c.Members = append(c.Members, ticket)
		} else {
			c.Spares = append(c.Spares, ticket)
		}
	}
	return c, signers
}

// sign is a stamp with the signatures of some seats.
func sign(t testing.TB, m *params.Manifest, body *protocol.Stamp, by []signer) *protocol.Stamped {
	t.Helper()
	s := new(protocol.Stamped)
	for _, who := range by {
		e, err := envelope.Seal(who, m.Hash(), body)
		if err != nil {
			t.Fatal(err)
		}
		s.Body = e.Payload
		s.Sigs = append(s.Sigs, protocol.StampSig{Signer: who.Identity(), Signature: e.Signature})
	}
	slices.SortFunc(s.Sigs, func(a, b protocol.StampSig) int { return bytes.Compare([]byte(a.Signer), []byte(b.Signer)) })
	return s
}
