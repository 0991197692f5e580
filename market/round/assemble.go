package round

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
)

// Assemble makes the finished stamp of one body from its signatures, in the order of the signers.
func Assemble(body []byte, votes map[protocol.Identity][]byte) *protocol.Stamped {
	m := &protocol.Stamped{Body: body}
	for _, id := range slices.Sorted(maps.Keys(votes)) {
		m.Sigs = append(m.Sigs, protocol.StampSig{Signer: id, Signature: votes[id]})
	}
	return m
}

// HistorySample returns n indices, ascending, of the batches that a seller opens of an old window, drawn by
// PRF(ball, wid, "hist") (MECHANISM 3.6). ball is the window's sample ball.
func HistorySample(ball, wid protocol.Hash, batches, n int) []int {
	drawn := protocol.Draw(n, batches, "iv1/hist", ball[:], wid[:], "hist")
	slices.Sort(drawn)
	return drawn
}

// Before is the seller's record before the window of wc, from the newest stamp of the stream that is known. A predecessor
// that is not the stamped one counts as one window without a stamp: how many there were a stranger cannot know.
func Before(m *params.Manifest, wc *protocol.WindowCommit, last *protocol.Stamp) reputation.Record {
	var missing uint64
	if wc.Prev != (protocol.Hash{}) && (last == nil || wc.Prev != last.Wid) {
		missing = 1
	}
	return reputation.Before(m, last, missing, wc.Window)
}
