package ledger

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Bounds of a group of units and of the transactions that write it. Badger takes 9.6 MB in one, and no unit is larger than a
// frame.
const (
	groupUnits = 512
	splitAbove = 2 << 20
	maxTx      = 8 << 20
)

// job is a unit on its way into the chain. What can be found out without the chain is found before it stands in line, by
// as many goroutines as there are callers.
type job struct {
	u    *unit.Unit
	name byteball.Hash // as it was given; u is nil if there is none
	form error         // what is wrong with its form
	keys signedBy
	now  time.Time

	err  error
	over bool        // guarded by Ledger.mu
	told func(error) // called once; may be nil
	news *posted     // for listeners, of an accepted unit
}

// newJob checks all of u that needs no chain.
func (l *Ledger) newJob(u *unit.Unit, now time.Time) *job {
	j := &job{u: u, name: u.Unit, now: now}
	if j.form = unit.CheckForm(u); j.form == nil {
		j.keys = l.known.check(u)
	}
	return j
}

// submit puts a job in line; somebody must call drain.
func (l *Ledger) submit(j *job) {
	l.line.Lock()
	defer l.line.Unlock()
	l.queue = append(l.queue, j)
}

// run puts a job in line and returns when it is over. Whoever comes first to the ledger's lock does the work of all who
// stand in line: they share a transaction, and its write to disk.
func (l *Ledger) run(j *job) error {
	l.submit(j)
	for !l.drain(j) {
	}
	return j.err
}

// postLater is PostJoint for a server: it checks what needs no chain, puts the unit in line and returns. tell is called once,
// when the unit is on disk or refused, at once or with the ledger locked; units of one caller are handled in the order in
// which it calls. Somebody must call work.
func (l *Ledger) postLater(tree any, now time.Time, tell func(error)) {
	j, err := l.jointJob(tree, now)
	if err != nil {
		tell(err)
		return
	}
	j.told = tell
	l.submit(j)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// work handles what postLater puts in line until stop is closed, and then what is left.
func (l *Ledger) work(stop <-chan struct{}) {
	for over := false; !over; {
		select {
		case <-l.wake:
		case <-stop:
			over = true
		}
		for !l.drain(nil) {
		}
	}
}

// drain handles the jobs that stand in line, one group at most, and says whether j is over. A nil j is over when nobody
// stands in line.
func (l *Ledger) drain(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j != nil && j.over {
		return true
	}
	jobs, more := l.next()
	if len(jobs) > 0 {
		l.x = &tx{t: l.db.NewTransaction(true)}
		l.group(jobs)
		l.close()
	}
	if j == nil {
		return !more
	}
	return j.over
}

// next takes a group from the line.
func (l *Ledger) next() (jobs []*job, more bool) {
	l.line.Lock()
	defer l.line.Unlock()
	n := min(len(l.queue), groupUnits)
	jobs = l.queue[:n:n]
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return jobs, l.queue != nil
}

// group checks jobs in their order and saves the good ones. It tells their owners after they are on disk.
func (l *Ledger) group(jobs []*job) {
	var open []*job // accepted, not yet on disk
	for _, j := range jobs {
		if j.err = l.handle(j); j.err != nil {
			j.end()
			continue
		}
		open = append(open, j)
		if l.x.size > l.most {
			l.finish(open)
			open = nil
			l.reopen(true)
		}
	}
	l.finish(open)
}

// finish commits what accepted jobs wrote and tells whoever wants to know.
func (l *Ledger) finish(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	err := l.commit()
	if err == nil && len(l.hooks) > 0 {
		l.reopen(false)
		for _, j := range jobs {
			for _, f := range l.hooks {
				f(*j.news)
			}
		}
	}
	for _, j := range jobs {
		j.err = err
		j.end()
	}
}

func (j *job) end() {
	j.over = true
	if j.told != nil {
		j.told(j.err)
	}
}

// handle checks one unit and applies it to memory and to the open transaction.
func (l *Ledger) handle(j *job) error {
	if l.broken != nil {
		return l.broken
	}
	switch {
	case l.node(j.name) != nil:
		return byteball.Errorf(byteball.Stale, "known")
	case l.bad[j.name] != "":
		return no(refuse("known bad"))
	case j.form != nil:
		return no(j.form)
	}
	return l.accept(j)
}

// accept checks the place of a unit of good form on the chain and applies it.
func (l *Ledger) accept(j *job) error {
	l.clock = j.now
	c := &check{l: l, u: j.u, now: j.now, keys: j.keys}
	err := c.all()
	if failed := l.fail(); failed != nil {
		return failed
	}
	if err != nil {
		if c.final && forEver(err) {
			l.remember(j.u.Unit, err)
		}
		return no(err)
	}
	n := c.node()
	n.u = j.u
	if err := l.add(n); err != nil {
		return err
	}
	l.saveNew(n, c.spent)
	p := l.provable(j.u, l.advance())
	j.news = &p
	return nil
}

// encode is the stored form of a unit.
func encode(u *unit.Unit) ([]byte, error) { return u.MarshalJSON() }

// decode reads it.
func decode(data []byte) (*unit.Unit, error) {
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		return nil, err
	}
	return unit.FromTree(tree)
}
