// Package reputation follows a seller's record (MECHANISM 4): a Beta distribution in thousandths, moved by each stamp with a
// paid fee, decaying a little every day. Integers only: every member of a committee must sign the same (a, b). It leaves out
// which stamp comes before which; the roles follow WindowCommit.Prev.
package reputation

import (
	"math/big"

	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Record is Beta(a, b) in thousandths, a ≥ 1000 and b ≥ 3000. Stamps carry the record before their window.
type Record struct{ A, B uint32 }

// Newcomer is the record of a seller without history, Beta(1, 3).
var Newcomer = Record{1000, 3000}

const (
	most    = 1 << 30 // neither number grows beyond
	bad     = 750     // of a window under 500, and of each missing one
	fraud   = 30_000  // of a hard fault
	passing = 500     // ‰
)

// Of is the record that a stamp states as valid before its window, forced into range.
func Of(s *protocol.Stamp) Record { return Record{s.A, s.B}.sane() }

func (r Record) sane() Record {
	return Record{min(max(r.A, Newcomer.A), most), min(max(r.B, Newcomer.B), most)}
}

func (r Record) add(a, b uint64) Record {
	return Record{uint32(min(uint64(r.A)+a, most)), uint32(min(uint64(r.B)+b, most))}
}

// After adds one stamped window: I/2 to a and (1−I)/2 to b; under 500 only ¾ to b; a hard fault adds 30 to b besides.
func (r Record) After(s *protocol.Stamp) Record {
	r = r.sane()
	i := uint64(min(s.I, 1000))
	if len(s.Hard) > 0 {
		return r.add(0, bad+fraud)
	}
	if i < passing {
		return r.add(0, bad)
	}
	return r.add(i/2, 500-i/2)
}

// Missing adds n windows that the seller committed to but has no stamp of: ¾ to b each.
func (r Record) Missing(n uint64) Record {
	return r.sane().add(0, min(n, most)*bad)
}

// Decay lets what exceeds the newcomer's record shrink to Params.Decay ‰, rounded down, once for each day.
func (r Record) Decay(p *params.Params, days uint64) Record {
	r = r.sane()
	a, b := uint64(r.A-Newcomer.A), uint64(r.B-Newcomer.B)
	for ; days > 0 && a+b > 0 && p.Decay < 1000; days-- {
		a, b = a*uint64(p.Decay)/1000, b*uint64(p.Decay)/1000
	}
	return Record{Newcomer.A + uint32(a), Newcomer.B + uint32(b)}
}

// Before is the record before window w of a seller whose last stamp is prev (nil: none) and who left missing windows
// unstamped since. It is what the stamp of w must state. Decay goes by the days of the market's calendar that end between
// the two windows, so that windows of any length decay alike and no rounding builds up.
func Before(m *params.Manifest, prev *protocol.Stamp, missing, w uint64) Record {
	if prev == nil {
		return Newcomer.Missing(missing)
	}
	return Of(prev).After(prev).Missing(missing).Decay(&m.Params, m.Calendar().Days(prev.Window, w))
}

// Rep is the reputation in ‰: max(0, mean − standard deviation), the mean rounded down and the deviation by integer square
// root.
func (r Record) Rep() uint16 {
	r = r.sane()
	a, sum := int64(r.A), int64(r.A)+int64(r.B)
	mean := 1000 * a / sum
	variance := new(big.Int).Mul(big.NewInt(a), big.NewInt(int64(r.B))) // a·b/(s²·(s+1)) in ‰²
	variance.Mul(variance, big.NewInt(1e9))
	square := new(big.Int).Mul(big.NewInt(sum), big.NewInt(sum))
	variance.Quo(variance, square.Mul(square, big.NewInt(sum+1000)))
	return uint16(max(0, mean-variance.Sqrt(variance).Int64()))
}
