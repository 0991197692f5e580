// Package round holds the rules of one window's round (MECHANISM 3): which batches are sampled, what an opening proves, what
// custody is, how reveals become a stamp, when a stamp holds. Pure functions of signed messages: given the same set of
// reveals every member finds the same body. It leaves out the scoring itself (validator/score), deadlines and messages on
// the wire (the roles), and what follows from a verdict in money (price).
package round

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
)

// Sizes says how many common and own batches a member samples of a seller with a reputation, ‰.
func Sizes(p *params.Params, rep uint16) (common, own int) {
	if int(rep) >= p.Trusted {
		return p.CommonTrusted, p.OwnTrusted
	}
	return p.Common, p.Own
}

// CommonSample returns n indices of a window's batches, ascending, drawn by PRF("iv1/common", ball, wid): all members see
// these. ball is the sample ball. n is cut to the number of batches.
func CommonSample(ball, wid protocol.Hash, n, batches int) []int {
	drawn := protocol.Draw(n, batches, "iv1/common", ball[:], wid[:])
	slices.Sort(drawn)
	return drawn
}

// OwnSample returns n further indices, ascending, drawn by PRF("iv1/own", ball, wid, ticket) among the batches that are
// not common: nobody but this member and the seller sees them.
func OwnSample(ball, wid, ticket protocol.Hash, n, batches int, common []int) []int {
	var rest []int
	for i := range batches {
		if !slices.Contains(common, i) {
			rest = append(rest, i)
		}
	}
	drawn := protocol.Draw(n, len(rest), "iv1/own", ball[:], wid[:], ticket[:])
	for i, d := range drawn {
		drawn[i] = rest[d]
	}
	slices.Sort(drawn)
	return drawn
}

// Hard codes that headers alone prove against the seller (MECHANISM 3).
const (
	HardChain uint8 = 2 // sequence, predecessors or totals are not those of the commitment
	HardTime  uint8 = 4 // time runs backwards
)

// CheckOpening judges an opening of a window. proven are its batches whose salt and pack are those of their header; others
// are left out, since a member that passes batches on may have changed them. faults are hard codes that the headers prove
// against the seller, whoever opened them. Errors: Invalid if the opening is of another window or its headers are not those
// of the commitment; that is the opener's fault, and the seller's (code 3) only in an opening of its own.
func CheckOpening(wc *protocol.WindowCommit, o *protocol.Opening) (proven []protocol.OpenBatch, faults []uint8, err error) {
	if o.Wid != wc.ID() {
		return nil, nil, fmt.Errorf("opening: of window %s, not %s: %w", o.Wid, wc.ID(), protocol.Invalid)
	}
	faults, err = CheckHeaders(wc, o.Headers)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range o.Batches {
		if int(b.Index) < len(o.Headers) && o.Headers[b.Index].Commit == protocol.BatchCommit(b.Salt, b.Pack) {
			proven = append(proven, b)
		}
	}
	return proven, faults, nil
}

// CheckHeaders checks a window's headers against its commitment. Error: Invalid if they are not those of the root; with the
// right root, what is wrong is the seller's: HardChain, HardTime.
func CheckHeaders(wc *protocol.WindowCommit, headers []protocol.BatchHeader) (faults []uint8, err error) {
	leaves := make([][]byte, len(headers))
	for i, h := range headers {
		leaves[i] = h.Leaf()
	}
	if len(headers) != wc.Batches() || merkle.Root(leaves) != wc.Root {
		return nil, fmt.Errorf("opening: %d headers are not those of window %s with %d batches: %w", len(headers), wc.ID(), wc.Batches(), protocol.Invalid)
	}
	if !chained(wc, headers) {
		faults = append(faults, HardChain)
	}
	for i, h := range headers {
		if h.T1 < h.T0 || (i > 0 && h.T0 < headers[i-1].T1) {
			return append(faults, HardTime), nil
		}
	}
	return faults, nil
}

func chained(wc *protocol.WindowCommit, headers []protocol.BatchHeader) bool {
	var n uint64
	for i, h := range headers {
		if h.Seq != wc.Seq0+uint64(i) || (i > 0 && h.Prev != headers[i-1].Hash()) {
			return false
		}
		n += uint64(h.N)
	}
	return n == uint64(wc.N) && headers[0].T0 == wc.T0 && headers[len(headers)-1].T1 == wc.T1
}

// Custody is H("iv1/cust", ticket, salt, packs): it shows that the member holds the common sample. packs are the SenML packs
// of the common batches that were served, by index.
func Custody(ticket protocol.Hash, salt [16]byte, packs [][]byte) protocol.Hash {
	if packs == nil {
		packs = [][]byte{}
	}
	return protocol.H("iv1/cust", ticket[:], salt[:], packs)
}

// Served judges what members say they were not served (MECHANISM 3.2): a common batch that two miss counts as missing; if
// three miss one, the round is void. unserved holds each member's message by ticket; only members and common batches count.
func Served(unserved map[protocol.Hash]*protocol.Unserved, seats []protocol.Hash, common []int) (missing []int, void bool) {
	for _, i := range common {
		n := 0
		for _, ticket := range seats {
			if u := unserved[ticket]; u != nil && slices.Contains(u.Indices, uint8(i)) {
				n++
			}
		}
		if n >= 2 {
			missing = append(missing, i)
		}
		void = void || n >= 3
	}
	return missing, void
}
