package round

import (
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// StampBody writes the stamp of a window from its commitment, its sample ball, the verdict, the seller's record before it
// (reputation.Before) and the scorer's version. Its expiry is Params.StampValid epochs after the end of the window.
func StampBody(m *params.Manifest, wc *protocol.WindowCommit, ball byteball.Hash, v *Verdict, before reputation.Record, scorer uint32) (*protocol.Stamp, error) {
	root, err := RevealsRoot(v.Counted)
	if err != nil {
		return nil, err
	}
	tickets := make([]protocol.Hash, len(v.Counted))
	for i, r := range v.Counted {
		tickets[i] = r.Ticket
	}
	cal := m.Calendar()
	life := m.Params.Epoch().Milliseconds() * int64(m.Params.StampValid)
	return &protocol.Stamp{
		Wid: wc.ID(), Seller: wc.Seller, Prop: wc.Prop, Window: wc.Window, Seq0: wc.Seq0, Seq1: wc.Seq1, Root: wc.Root,
		Epoch: cal.EpochOf(wc.Window), Ball: ball, Tickets: tickets, RevealsRoot: root,
		I: v.I, C: v.C, T: v.T, Class: v.Class, Hard: v.Hard, Reasons: v.Reasons, Disputed: v.Disputed, Provisional: v.Provisional,
		A: before.A, B: before.B, Scorer: scorer, Expiry: cal.WindowStart(wc.Window+1).UnixMilli() + life,
	}, nil
}

// StampID names a stamp: H("iv1/stamp", enc(stamp)). The signatures do not matter.
func StampID(s *protocol.Stamp) protocol.Hash {
	b, _ := protocol.Encode(s) // a Stamp that was decoded or made here encodes
	return protocol.H("iv1/stamp", b)
}

// VerifyStamped checks a stamp against the committee drawn for its seller and epoch and returns its body. The tickets whose
// reveals counted must be a quorum of seats, and a quorum of seats must have signed; after a retry the spares of the lowest
// ranks sit in the seats of members that are not among the tickets. An identity signs for each of its seats; the signature
// of another member or spare is allowed and counts for nothing. Whether epoch,
// commitment and record are right the caller checks. Errors: Invalid for a malformed body or signature, and for too few of
// them.
func VerifyStamped(s *protocol.Stamped, v protocol.Verifier, market protocol.Hash, c *committee.Committee) (*protocol.Stamp, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	body := new(protocol.Stamp)
	if err := protocol.Decode(s.Body, body); err != nil {
		return nil, err
	}
	if err := body.Check(); err != nil {
		return nil, err
	}
	if body.Provisional != c.Provisional {
		return nil, fmt.Errorf("stamp of window %s: provisional %v, its committee %v: %w", body.Wid, body.Provisional, c.Provisional, protocol.Invalid)
	}
	seats, err := seated(body, c)
	if err != nil {
		return nil, err
	}
	drawn := slices.Concat(c.Members, c.Spares)
	signed := 0
	for _, sig := range s.Sigs {
		signed += seatsOf(seats, sig.Signer)
		if seatsOf(drawn, sig.Signer) == 0 || !envelope.VerifyDetached(v, market, sig.Signer, protocol.KindStamp, s.Body, sig.Signature) {
			return nil, fmt.Errorf("stamp of window %s: the signature of %s is bad or not of the committee: %w", body.Wid, sig.Signer, protocol.Invalid)
		}
	}
	if signed < c.Quorum {
		return nil, fmt.Errorf("stamp of window %s: %d seats signed, the quorum is %d: %w", body.Wid, signed, c.Quorum, protocol.Invalid)
	}
	return body, nil
}

func seatsOf(seats []*committee.Ticket, id protocol.Identity) (n int) {
	for _, t := range seats {
		if t.Binding.Identity == id {
			n++
		}
	}
	return n
}

// seated returns the seats that a stamp's tickets stand for: the members, with the first spares in the places of members
// that did not reveal, as many as the tickets name.
func seated(s *protocol.Stamp, c *committee.Committee) ([]*committee.Ticket, error) {
	for i := 1; i < len(s.Tickets); i++ {
		if slices.Compare(s.Tickets[i-1][:], s.Tickets[i][:]) >= 0 {
			return nil, fmt.Errorf("stamp of window %s: tickets are not ascending: %w", s.Wid, protocol.Invalid)
		}
	}
	if len(s.Tickets) < c.Quorum {
		return nil, fmt.Errorf("stamp of window %s: %d reveals, the quorum is %d: %w", s.Wid, len(s.Tickets), c.Quorum, protocol.Invalid)
	}
	spares := 0 // ranks down to the last spare named
	for i, t := range c.Spares {
		if slices.Contains(s.Tickets, t.ID) {
			spares = i + 1
		}
	}
	var missing []protocol.Hash
	for _, t := range c.Members {
		if len(missing) < spares && !slices.Contains(s.Tickets, t.ID) {
			missing = append(missing, t.ID)
		}
	}
	if len(missing) < spares {
		return nil, fmt.Errorf("stamp of window %s: %d spares for %d members that did not reveal: %w", s.Wid, spares, len(missing), protocol.Invalid)
	}
	c = c.Retry(missing)
	for _, ticket := range s.Tickets {
		if _, ok := c.Seat(ticket); !ok {
			return nil, fmt.Errorf("stamp of window %s: ticket %s has no seat: %w", s.Wid, ticket, protocol.Invalid)
		}
	}
	return c.Members, nil
}
