package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/iotverse/iotverse/byteball"
)

const (
	tidyEvery = time.Hour // while a ledger is served (storage.js:2539)
	tidyBatch = 100       // units in one transaction
)

// keepTemp notes a unit with temp_data that has just become stable.
func (l *Ledger) keepTemp(n *node) {
	for i := range n.u.Messages {
		if n.u.Messages[i].App == "temp_data" {
			at := max(l.clock.Unix(), n.Timestamp) // there is no clock while a ledger is opened
			l.x.set(key(tTemp, num(uint64(at)), raw(n.Unit)), nil)
			return
		}
	}
}

// Tidy drops the data of temp_data messages from units that became stable more than a day before now, and gives the space
// back to the disk. Length and hash of the data stay, and so do the unit's hash and sizes (storage.js:1071). It returns how
// many units lost data. Serve calls it every hour; whoever does not serve a ledger calls it himself. Error: Transient if the
// store failed.
func (l *Ledger) Tidy(now time.Time) (units int, err error) {
	for {
		n, err := l.purge(now.Unix() - keepTempData)
		units += n
		if err != nil {
			return units, err
		}
		if n < tidyBatch {
			break
		}
	}
	if units == 0 {
		return 0, nil
	}
	for err == nil { // until no file of large values is half empty
		err = l.db.RunValueLogGC(0.5)
	}
	if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) || errors.Is(err, badger.ErrGCInMemoryMode) {
		err = nil
	}
	return units, err
}

// purge drops the data of units that became stable before a time; it returns how many it has looked at, tidyBatch at most.
func (l *Ledger) purge(before int64) (int, error) {
	l.begin(true)
	defer l.end()
	if l.broken != nil {
		return 0, l.broken
	}
	var keys [][]byte
	l.x.each([]byte{tTemp}, nil, func(rest, _ []byte) bool {
		if len(rest) != 40 || int64(number(rest[:8])) >= before || len(keys) == tidyBatch {
			return false
		}
		keys = append(keys, key(tTemp, rest))
		return true
	})
	for _, k := range keys {
		l.dropData(hashOf(k[9:]))
		l.x.del(k)
	}
	if len(keys) == 0 {
		return 0, l.fail()
	}
	return len(keys), l.commit()
}

// dropData writes a stable unit again without the data of its temp_data messages.
func (l *Ledger) dropData(h byteball.Hash) {
	u := l.unit(h)
	if u == nil {
		return
	}
	for i := range u.Messages {
		if payload, ok := u.Messages[i].Payload.(map[string]any); ok && u.Messages[i].App == "temp_data" {
			delete(payload, "data")
		}
	}
	data, err := encode(u)
	l.x.note(err)
	l.x.set(key(tJoint, raw(h)), data)
}

// tidy calls Tidy now and every hour.
func (s *server) tidy(ctx context.Context) {
	for {
		if n, err := s.l.Tidy(time.Now()); err != nil {
			s.log.Warn("ledger could not be tidied", "err", err)
		} else if n > 0 {
			s.log.Info("temporary data dropped", "units", n)
		}
		if !sleep(ctx, tidyEvery) {
			return
		}
	}
}
