package buyer

import (
	"time"

	"github.com/iotverse/iotverse/market/rank"
	"github.com/iotverse/iotverse/protocol"
)

// taste is how well offers serve one want beyond what their relevance says: the words of its text against titles, roles,
// media and places (market/rank). Scores of what was seen are kept, since the same offers are published again and again.
type taste struct {
	query  *rank.Query
	scores map[seen]int
}

// seen is all that a score hangs on.
type seen struct {
	title    string
	labels   rank.Stream
	accuracy string
	class    protocol.Class // without the time; zero before the first stamp
	age      uint64         // windows since the newest stamp
}

// maxScores bounds what a taste keeps; then it begins anew.
const maxScores = 4096

// taste of a want, made when it is first asked for.
func (c *Core) taste(want int) *taste {
	if c.tastes[want] == nil {
		w := &c.cfg.Wants[want]
		c.tastes[want] = &taste{query: rank.OfDemand(&w.Demand, w.Text), scores: make(map[seen]int)}
	}
	return c.tastes[want]
}

// pick says how well an offer serves a want, in millionths: its score by market/rank, times its novelty against what is being
// bought already.
func (c *Core) pick(want int) func(*protocol.Offer) int {
	t, has := c.taste(want), c.has()
	return func(o *protocol.Offer) int {
		me := stream{o.Binding.Identity, o.Prop}
		var others []rank.Stream
		for s, h := range has {
			if s != me {
				others = append(others, h)
			}
		}
		return t.score(c, o, me) * rank.Novelty(rank.StreamOf(o), c.cfg.Wants[want].Demand.Radius, others) / 1000
	}
}

// has is what the buyer is buying.
func (c *Core) has() map[stream]rank.Stream {
	list := make(map[stream]rank.Stream)
	for _, d := range c.deals {
		if !d.over() && !d.closing {
			list[stream{d.Seller, d.Offer.Prop}] = rank.StreamOf(d.Offer)
		}
	}
	return list
}

func (t *taste) score(c *Core, o *protocol.Offer, from stream) int {
	key := seen{title: o.Title, labels: rank.StreamOf(o), accuracy: o.Accuracy}
	var class *protocol.Class
	if s, ok := c.stamps[from]; ok {
		class, key.class = &s.Class, s.Class
		key.class.T1 = 0
		w, _ := c.cal.WindowAt(c.now)
		key.age = w - min(w, s.Window+1)
	}
	if score, ok := t.scores[key]; ok {
		return score
	}
	if len(t.scores) >= maxScores {
		clear(t.scores)
	}
	e := rank.NewEntry(rank.OfOffer("offer", o, class, time.Duration(key.age)*c.par.Window()), nil)
	t.scores[key] = t.query.Score(&e)
	return t.scores[key]
}
