package buyer

import (
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
)

// Pick says how well an offer serves a want.
func (c *Core) Pick(want int, o *protocol.Offer) int { return c.pick(want)(o) }

// Hold makes c one that is buying an offer.
func (c *Core) Hold(o *protocol.Offer) {
	c.deals[protocol.H("deal", []byte(o.Binding.Identity))] = &purchase{Deal: deal.Deal{Seller: o.Binding.Identity, Offer: o}, c: c}
}

// Saw gives c a stamp of an offer's stream.
func (c *Core) Saw(o *protocol.Offer, s protocol.Stamp) {
	c.stamps[stream{o.Binding.Identity, o.Prop}] = s
}
