package round

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/merkle"
)

// Ballot is all that the members of a round have brought.
type Ballot struct {
	Wid       protocol.Hash
	Committee *committee.Committee
	Reveals   map[protocol.Hash]*protocol.Reveal // by ticket; each matched its commit and came in time
	Packs     [][]byte                           // of the common batches that were served, by index: what Custody covers
	// Proven says whether every hard code of a reveal holds: by its evidence, or by what the caller recomputes from the
	// opening. It must answer alike at every member.
	Proven func(*protocol.Reveal) bool
}

// Verdict is what a ballot gives: the part of a stamp that the committee decides.
type Verdict struct {
	Counted     []*protocol.Reveal // ascending by ticket
	I, C, T     uint16
	Class       protocol.Class
	Hard        []uint8 // proven hard codes, ascending; then I is 0
	Reasons     []uint8 // soft codes that more than half gave, ascending
	Disputed    bool
	Provisional bool
}

const (
	disputedSpread = 250 // of the middle five, ‰
	fullBallot     = 6   // with fewer reveals I is at most cappedI: three of five capture more easily
	cappedI        = 700
)

// Tally counts a ballot (MECHANISM 3.4). A reveal of a stranger, of another window or with wrong custody does not count.
// Any proven hard code makes I 0; else I is the lower median of the scores, at most 700 with fewer than six reveals.
// Disputed: the middle five lie more than 250 apart (of an even number, the lower five). Numbers go by lower median, labels
// by the most votes, equal votes to the lesser text. Error: Transient if fewer than the quorum count.
func Tally(b Ballot) (*Verdict, error) {
	counted := b.counted()
	if len(counted) < b.Committee.Quorum || len(counted) == 0 {
		return nil, fmt.Errorf("window %s: %d reveals count, the quorum is %d: %w", b.Wid, len(counted), b.Committee.Quorum, protocol.Transient)
	}
	v := &Verdict{
		Counted: counted, Provisional: b.Committee.Provisional,
		C:     median(counted, func(r *protocol.Reveal) uint16 { return r.C }),
		T:     median(counted, func(r *protocol.Reveal) uint16 { return r.T }),
		Class: class(counted), Reasons: reasons(counted),
	}
	scores := sorted(counted, func(r *protocol.Reveal) uint16 { return r.Score })
	v.I = scores[(len(scores)-1)/2]
	first := (len(scores) - min(5, len(scores))) / 2
	v.Disputed = scores[first+min(5, len(scores))-1]-scores[first] > disputedSpread
	if len(counted) < fullBallot {
		v.I = min(v.I, cappedI)
	}
	for _, r := range counted {
		if len(r.Hard) > 0 && b.Proven != nil && b.Proven(r) {
			v.Hard = append(v.Hard, r.Hard...)
		}
	}
	slices.Sort(v.Hard)
	v.Hard = slices.Compact(v.Hard)
	if len(v.Hard) > 0 {
		v.I, v.Hard = 0, v.Hard[:min(len(v.Hard), 8)]
	}
	return v, nil
}

func (b Ballot) counted() []*protocol.Reveal {
	var list []*protocol.Reveal
	for ticket, r := range b.Reveals {
		_, member := b.Committee.Seat(ticket)
		if member && r != nil && r.Ticket == ticket && r.Wid == b.Wid && r.Custody == Custody(ticket, r.Salt, b.Packs) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(x, y *protocol.Reveal) int { return bytes.Compare(x.Ticket[:], y.Ticket[:]) })
	return list
}

func class(list []*protocol.Reveal) protocol.Class {
	label := func(of func(*protocol.Class) string) string {
		return majority(list, func(r *protocol.Reveal) string { return of(&r.Class) })
	}
	return protocol.Class{
		Prop:     label(func(c *protocol.Class) string { return c.Prop }),
		Medium:   label(func(c *protocol.Class) string { return c.Medium }),
		Role:     label(func(c *protocol.Class) string { return c.Role }),
		Unit:     label(func(c *protocol.Class) string { return c.Unit }),
		Cell:     label(func(c *protocol.Class) string { return c.Cell }),
		T1:       median(list, func(r *protocol.Reveal) int64 { return r.Class.T1 }),
		Period:   median(list, func(r *protocol.Reveal) uint32 { return r.Class.Period }),
		Accuracy: accuracy(list),
		Coverage: median(list, func(r *protocol.Reveal) uint16 { return r.Class.Coverage }),
	}
}

func sorted[T cmp.Ordered](list []*protocol.Reveal, of func(*protocol.Reveal) T) []T {
	values := make([]T, len(list))
	for i, r := range list {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values
}

// median is the lower median.
func median[T cmp.Ordered](list []*protocol.Reveal, of func(*protocol.Reveal) T) T {
	return sorted(list, of)[(len(list)-1)/2]
}

func majority(list []*protocol.Reveal, of func(*protocol.Reveal) string) string {
	votes := map[string]int{}
	for _, r := range list {
		votes[of(r)]++
	}
	best, most := "", 0
	for label, n := range votes {
		if n > most || (n == most && label < best) {
			best, most = label, n
		}
	}
	return best
}

// accuracy is the lower median of the decimals given; what is no decimal counts as larger than any.
func accuracy(list []*protocol.Reveal) string {
	texts := sorted(list, func(r *protocol.Reveal) string { return r.Class.Accuracy })
	slices.SortStableFunc(texts, func(a, b string) int {
		x, errX := protocol.ParseDecimal(a)
		y, errY := protocol.ParseDecimal(b)
		switch {
		case errX != nil && errY != nil:
			return 0
		case errX != nil:
			return 1
		case errY != nil:
			return -1
		}
		return x.Cmp(y)
	})
	return texts[(len(texts)-1)/2]
}

// reasons are the soft codes that more than half of the reveals give, at most the 16 that a stamp holds.
func reasons(list []*protocol.Reveal) []uint8 {
	votes := [256]int{}
	for _, r := range list {
		for _, code := range r.Reasons {
			votes[code]++
		}
	}
	var given []uint8
	for code, n := range votes {
		if 2*n > len(list) && len(given) < 16 {
			given = append(given, uint8(code))
		}
	}
	return given
}

// RevealsRoot is the RFC 6962 root over enc(reveal) of the reveals in the order given (Verdict.Counted).
func RevealsRoot(counted []*protocol.Reveal) (protocol.Hash, error) {
	leaves := make([][]byte, len(counted))
	for i, r := range counted {
		b, err := protocol.Encode(r)
		if err != nil {
			return protocol.Hash{}, fmt.Errorf("reveal of ticket %s: %v: %w", r.Ticket, err, protocol.Invalid)
		}
		leaves[i] = b
	}
	return merkle.Root(leaves), nil
}
