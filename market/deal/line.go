package deal

import (
	"maps"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
)

// Line finds the deals of one side that succeed one another (Match.Previous): T is what a role keeps of a deal, nil if there is
// none. The zero value is empty. It follows from the deals themselves, so nothing of it is saved.
type Line[T any] struct {
	channels map[byteball.Address]*T
	heirs    map[byteball.Address]*T // by the channel that each succeeds
}

// Add enters a deal. Of two that succeed one channel the last one counts.
func (l *Line[T]) Add(d Deal, t *T) {
	if l.channels == nil {
		l.channels, l.heirs = make(map[byteball.Address]*T), make(map[byteball.Address]*T)
	}
	l.channels[d.Address] = t
	if d.Terms.Previous != "" {
		l.heirs[d.Terms.Previous] = t
	}
}

// Remove forgets a deal that was entered.
func (l *Line[T]) Remove(d Deal, t *T) {
	delete(l.channels, d.Address)
	if l.heirs[d.Terms.Previous] == t {
		delete(l.heirs, d.Terms.Previous)
	}
}

// Elder returns the deal that d succeeds.
func (l *Line[T]) Elder(d Deal) *T { return l.channels[d.Terms.Previous] }

// Heir returns the deal that succeeds d.
func (l *Line[T]) Heir(d Deal) *T { return l.heirs[d.Address] }

// Shows says whether a voucher that pays fee on top of promised differs from one that does not. Where all of a fee is dust at
// first nobody could tell: then no earlier fee serves instead of it, and it is paid.
func (d Deal) Shows(promised, fee channel.Payouts) bool {
	sum, err := promised.Plus(fee)
	return err == nil && !maps.Equal(sum.Visible(d.Terms.Dust), promised.Visible(d.Terms.Dust))
}

// Free is how many of the fees prepaid for earlier windows of the epoch of w may serve it: those of windows that failed, less
// those of carried, which an earlier fee serves. Buyer and seller add it up over a deal, its elder and its heir.
func Free(r Rules, w uint64, prepaid, carried []uint64, failed func(uint64) bool) (n int) {
	for _, p := range prepaid {
		if Carried(r, p, w) && failed(p) {
			n++
		}
	}
	for _, served := range carried {
		if Carried(r, served, w) {
			n--
		}
	}
	return n
}
