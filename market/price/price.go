// Package price turns scores into money (MECHANISM 4 and 5): what a batch costs, what a window's committee gets and how that
// fee is split. Integers only, so that both sides of a deal and everybody who checks them find the same bytes. It leaves out
// relevance (package book) and the channel that pays. Called by the roles and by book.
package price

import (
	"math/bits"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
)

// Batch is the price of one batch, p = max(1, ⌊u·I·Rel·(500+rep/2)/10⁹⌋) bytes (MECHANISM 4): u bytes for perfect data,
// integrity, relevance and reputation in ‰ (more than 1000 counts as 1000). It is computed as u·(I·Rel·(1000+rep)) over
// 2·10⁹ in 128 bits with one division, so half a ‰ of reputation is not lost.
func Batch(u byteball.Bytes, integrity, relevance, rep uint16) byteball.Bytes {
	score := uint64(min(integrity, 1000)) * uint64(min(relevance, 1000)) * (1000 + uint64(min(rep, 1000)))
	hi, lo := bits.Mul64(uint64(min(u, byteball.MaxBytes)), score)
	p, _ := bits.Div64(hi, lo, 2e9) // hi ≤ 9e15·2e9/2^64 < 2e9
	return byteball.Bytes(max(1, p))
}

// Stamped is the price of one batch of a stamped window. It is false where the window may not be sold: a hard fault, or
// integrity under the market's least. A provisional stamp halves what may be asked: at most max(1, ⌊u/2⌋).
func Stamped(p *params.Params, u byteball.Bytes, s *protocol.Stamp, relevance, rep uint16) (byteball.Bytes, bool) {
	if len(s.Hard) > 0 || int(s.I) < p.IntegrityMin {
		return 0, false
	}
	price := Batch(u, s.I, relevance, rep)
	if s.Provisional {
		price = min(price, max(1, u/2))
	}
	return price, true
}

// FloorIntegrity is the integrity at which a match must reach the offer's floor, ‰.
const FloorIntegrity = 850

// Floor is a floor for an offer at price u by a seller of a reputation: 60 % of what perfectly relevant data of it may
// cost, ⌊.6·u·(1000+rep)/2000⌋. MECHANISM 4 says .6u, which is this at reputation 1000; a newcomer's data at integrity 850
// are worth .45u at most, so with a flat .6u nobody could ever begin.
func Floor(u byteball.Bytes, rep uint16) byteball.Bytes {
	hi, lo := bits.Mul64(uint64(min(u, byteball.MaxBytes)), 3*(1000+uint64(min(rep, 1000))))
	p, _ := bits.Div64(hi, lo, 10_000)
	return byteball.Bytes(p)
}

// Fee is F = k·f, f = max(f_min, ⌊φ·n·u/k⌋): what a buyer prepays for the committee of one window of n batches
// (params.Batches, not what arrives), whatever the verdict (MECHANISM 5). k ≥ 1 is the committee's number of seats.
func Fee(p *params.Params, u byteball.Bytes, k int) byteball.Bytes {
	hi, lo := bits.Mul64(uint64(min(u, byteball.MaxBytes)), uint64(p.Phi)*uint64(p.Batches))
	f, _ := bits.Div64(hi, lo, 1000*uint64(k)) // hi ≤ 9e15·64000/2^64 = 31
	return max(p.FeeMin, byteball.Bytes(f)) * byteball.Bytes(k)
}
