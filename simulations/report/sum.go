package report

import (
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/simulations/engine"
)

// Report sums up what has happened so far.
func (c *Collector) Report(e *engine.Engine) Report {
	l := c.read(e.Units())
	r := Report{Money: l.money(c), Traffic: Traffic{Steps: e.Steps(), Messages: c.sent}}
	for _, n := range e.Nodes() {
		r.Traffic.Refused += n.Refused()
	}
	for _, m := range c.cast {
		p := Party{Name: m.node.Name, Role: m.role, Strategy: m.strategy, Ledger: l.change(m)}
		own, err := book(m.node)
		if p.Books = own; err == nil && own == p.Ledger {
			r.Money.Agree++
		} else {
			r.Money.Differ++
		}
		r.Parties = append(r.Parties, p)
	}
	for _, strategy := range c.strategies("seller") {
		r.Sellers = append(r.Sellers, c.sellers(strategy, l))
	}
	for _, strategy := range c.strategies("validator") {
		r.Validators = append(r.Validators, c.validators(strategy, l))
	}
	for _, strategy := range c.strategies("buyer") {
		r.Buyers = append(r.Buyers, c.buyers(strategy, l))
	}
	for _, s := range c.stamps {
		r.Windows = append(r.Windows, Window{Seller: c.name(s), Number: s.Window, Integrity: s.I, Hard: s.Hard, Reasons: s.Reasons,
			Reveals: len(s.Tickets), Batches: s.Batches(), Sold: s.sold})
	}
	return r
}

func (c *Collector) name(s *stamp) string {
	if m := c.byID[s.Seller]; m != nil {
		return m.node.Name
	}
	return s.Seller.String()
}

// strategies lists how the actors of a role behave, by name.
func (c *Collector) strategies(role string) []string {
	seen := make(map[string]bool)
	for _, m := range c.of(role, "") {
		seen[m.strategy] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// of lists the actors of a role and a strategy; "" is every strategy.
func (c *Collector) of(role, strategy string) []*member {
	var list []*member
	for _, m := range c.cast {
		if m.role == role && (strategy == "" || m.strategy == strategy) {
			list = append(list, m)
		}
	}
	return list
}

func (c *Collector) sellers(strategy string, l *account) Sellers {
	row := Sellers{Strategy: strategy}
	var prices []byteball.Bytes
	mine := make(map[*member]bool)
	for _, m := range c.of("seller", strategy) {
		mine[m] = true
		row.Count++
		row.Income += l.received[m.node.Address()]
		row.Batches += len(m.prices)
		prices = append(prices, m.prices...)
	}
	hard, soft, total := make(map[uint8]int), make(map[uint8]int), 0
	for _, s := range c.stamps {
		if !mine[c.byID[s.Seller]] {
			continue
		}
		row.Windows++
		total += int(s.I)
		for _, code := range s.Hard {
			hard[code]++
		}
		for _, code := range s.Reasons {
			soft[code]++
		}
	}
	row.Hard, row.Soft = found(hard), found(soft)
	row.Integrity, row.Price = total/max(row.Windows, 1), median(prices)
	return row
}

// found lists counts of codes in their order.
func found(counts map[uint8]int) (list []Found) {
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, Found{code, counts[code]})
	}
	return list
}

func (c *Collector) validators(strategy string, l *account) Validators {
	row := Validators{Strategy: strategy}
	total := 0
	for _, m := range c.of("validator", strategy) {
		row.Count++
		row.Fees += l.received[m.node.Address()]
		for _, key := range m.reveals {
			s := c.byWid[key.wid]
			if s == nil {
				continue // a round without a stamp has nothing to compare with
			}
			row.Reveals++
			off := int(c.reveals[key]) - int(s.I)
			total += max(off, -off)
			if max(off, -off) > c.rules.Manifest.Params.ToleranceFalse {
				row.Far++
			}
		}
	}
	row.Deviation = total / max(row.Reveals, 1)
	return row
}

func (c *Collector) buyers(strategy string, l *account) Buyers {
	row := Buyers{Strategy: strategy}
	var prices []byteball.Bytes
	for _, m := range c.of("buyer", strategy) {
		row.Count++
		row.Batches += len(m.prices)
		row.Readings += m.readings
		row.Dropped += m.dropped
		row.Spent += byteball.Bytes(max(-l.change(m), 0))
		prices = append(prices, m.prices...)
	}
	row.Price = median(prices)
	return row
}

// median is the lower one, 0 of nothing.
func median(list []byteball.Bytes) byteball.Bytes {
	if len(list) == 0 {
		return 0
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list[(len(list)-1)/2]
}
