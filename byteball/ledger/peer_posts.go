package ledger

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
)

// postJoint checks a unit and puts it in line; the answer comes when the unit is on disk. So a client may post many units
// without waiting, and they are handled in its order, since one may spend what another pays. A second request with the tag
// of one that waits is ignored, as by the reference.
func (p *peer) postJoint(f frame) {
	if !p.begin(f) {
		return
	}
	q, err := readParams(f.Params)
	if err != nil {
		p.posted(f, "", err)
		return
	}
	joint, _ := q.tree.(map[string]any)
	fields, _ := joint["unit"].(map[string]any)
	name, _ := fields["unit"].(string)
	h := byteball.Hash(name)
	p.s.posting(h, p)
	p.s.l.postLater(q.tree, time.Now(), func(err error) { p.posted(f, h, err) })
}

// begin notes a post that waits for its answer.
func (p *peer) begin(f frame) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.posts[f.Tag] {
		return false
	}
	p.posts[f.Tag] = true
	p.wait(f.size)
	p.open.Add(1)
	return true
}

// posted answers a post.
func (p *peer) posted(f frame, h byteball.Hash, err error) {
	defer p.open.Done()
	p.s.posting(h, nil)
	p.s.count.posted(err, time.Now())
	var body any = "accepted"
	if err != nil {
		p.owe(0, refusedCost)
		body = failure(err.Error())
	}
	p.mu.Lock()
	delete(p.posts, f.Tag)
	p.wait(-f.size)
	p.mu.Unlock()
	p.answer(f.Tag, f.Command, body)
}

// posting notes who posts a unit, so that he does not hear of it.
func (s *server) posting(h byteball.Hash, p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == nil {
		delete(s.sources, h)
	} else {
		s.sources[h] = p
	}
}
