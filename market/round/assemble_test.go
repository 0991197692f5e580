package round_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

func TestAssemble(t *testing.T) {
	m := manifest()
	c, signers := board(7, 0)
	done := sign(t, m, body(t, m, 7), with(signers, c, 6, 2, 0, 4, 1))
	votes := map[protocol.Identity][]byte{}
	for _, s := range done.Sigs {
		votes[s.Signer] = s.Signature
	}
	got := round.Assemble(done.Body, votes)
	if _, err := round.VerifyStamped(got, envelope.Keys{}, m.Hash(), c); err != nil {
		t.Errorf("five votes: %v", err)
	}
	delete(votes, done.Sigs[0].Signer)
	if _, err := round.VerifyStamped(round.Assemble(done.Body, votes), envelope.Keys{}, m.Hash(), c); !errors.Is(err, protocol.Invalid) {
		t.Errorf("four votes: %v, want Invalid", err)
	}
}

func TestHistorySample(t *testing.T) {
	got := round.HistorySample(protocol.Hash{1}, protocol.Hash{2}, 60, 4)
	if len(got) != 4 || !slices.IsSorted(got) || slices.Equal(got, round.CommonSample(protocol.Hash{1}, protocol.Hash{2}, 4, 60)) {
		t.Errorf("got %v, want four that are not the common ones", got)
	}
}

func TestBefore(t *testing.T) {
	m := manifest()
	last := &protocol.Stamp{Wid: protocol.Hash{7}, Window: 11, I: 1000, A: 2000, B: 3000}
	for _, c := range []struct {
		name string
		prev protocol.Hash
		last *protocol.Stamp
		want reputation.Record
	}{
		{"first window", protocol.Hash{}, nil, reputation.Newcomer},
		{"stamped predecessor", protocol.Hash{7}, last, reputation.Record{A: 2500, B: 3000}},
		{"unstamped predecessor", protocol.Hash{8}, last, reputation.Record{A: 2500, B: 3750}},
		{"no stamp is known", protocol.Hash{8}, nil, reputation.Record{A: 1000, B: 3750}},
	} {
		wc, _ := window(5)
		wc.Prev = c.prev
		if got := round.Before(m, wc, c.last); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
