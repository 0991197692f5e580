package validator

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/validator/score"
)

// savedAccount is an account on disk.
type savedAccount struct {
	_              struct{} `cbor:",toarray"`
	Match, ByBuyer []byte
	Funding        *savedFunding
	Pending        *protocol.Notice
	Voucher        []byte
	Payout, Due    byteball.Bytes
	Paid           []uint64
	Owed           int
	Touched        uint64
	Settled        bool
	Claimed        byteball.Bytes
}

type savedFunding struct {
	_               struct{} `cbor:",toarray"`
	Unit            byteball.Hash
	Message, Output int
	MCI             uint64
}

func (a *account) storeKey() []byte { return []byte("account/" + hex.EncodeToString(a.ID[:])) }

// keep saves an account.
func (c *Core) keep(a *account) {
	a.touched, _ = c.cal.WindowAt(c.now)
	s := savedAccount{Match: a.match, ByBuyer: a.byBuyer, Pending: a.pending, Voucher: a.voucher, Payout: a.payout, Due: a.due,
		Paid: a.paid, Owed: a.owed, Touched: a.touched, Settled: a.settled, Claimed: a.claimed}
	if a.funding != nil {
		s.Funding = &savedFunding{Unit: a.funding.Out.Unit, Message: a.funding.Out.MessageIndex, Output: a.funding.Out.OutputIndex, MCI: a.funding.MCI}
	}
	c.save(a.storeKey(), s)
}

func (c *Core) restoreAccount(data []byte) error {
	var s savedAccount
	if err := protocol.Decode(data, &s); err != nil {
		return err
	}
	d, err := deal.OpenSigned(c.cfg.Rules, s.ByBuyer, s.Match)
	if err != nil {
		return err
	}
	a := &account{Deal: d, match: s.Match, byBuyer: s.ByBuyer, pending: s.Pending, voucher: s.Voucher, payout: s.Payout, due: s.Due,
		paid: s.Paid, owed: s.Owed, touched: s.Touched, settled: s.Settled, claimed: s.Claimed}
	if f := s.Funding; f != nil {
		a.funding = &channel.Funding{Out: unit.OutPoint{Unit: f.Unit, MessageIndex: f.Message, OutputIndex: f.Output}, MCI: f.MCI}
	}
	c.accounts[d.ID] = a
	return nil
}

// savedStream is a stream on disk.
type savedStream struct {
	_         struct{} `cbor:",toarray"`
	Seller    protocol.Identity
	Prop      string
	Cell      string
	Commit    []byte
	Last      *protocol.Stamp
	Past      []savedPast
	Period    uint32
	Consulted uint64
	Touched   uint64
}

type savedPast struct {
	_        struct{} `cbor:",toarray"`
	Window   int64
	Median   float64
	Run      int
	Near     bool
	Residual float64
	Judged   bool
}

func (k streamKey) storeKey() []byte {
	id := k.seller.ID()
	return []byte("stream/" + hex.EncodeToString(id[:]) + "/" + k.prop)
}

// keepStream saves a stream.
func (c *Core) keepStream(s *stream) {
	d := savedStream{Seller: s.seller, Prop: s.prop, Cell: s.cell, Commit: s.raw, Last: s.last, Period: s.period, Consulted: s.consulted, Touched: s.touched}
	for _, p := range s.past {
		d.Past = append(d.Past, savedPast{Window: p.Window, Median: p.Median, Run: p.Run, Near: p.Near, Residual: p.Residual, Judged: s.judged[p.Window]})
	}
	c.save(s.storeKey(), d)
}

func (c *Core) restoreStream(data []byte) error {
	var d savedStream
	if err := protocol.Decode(data, &d); err != nil {
		return err
	}
	s := &stream{streamKey: streamKey{d.Seller, d.Prop}, cell: d.Cell, raw: d.Commit, last: d.Last, period: d.Period,
		consulted: min(d.Consulted, 1), touched: d.Touched, judged: make(map[int64]bool)}
	if len(d.Commit) > 0 {
		wc, err := c.openCommit(d.Commit)
		if err != nil {
			return err
		}
		s.wc = wc
	}
	for _, p := range d.Past {
		s.past = append(s.past, score.Past{Window: p.Window, Median: p.Median, Run: p.Run, Near: p.Near, Residual: p.Residual})
		if p.Judged {
			s.judged[p.Window] = true
		}
	}
	c.streams[s.streamKey] = s
	return nil
}

// restore reads what an earlier run saved. Keys of others (the lines of the books, conflicts) are left alone.
func (c *Core) restore(saved map[string][]byte) error {
	memo := make(map[string]*protocol.WindowCommit)
	for _, key := range slices.Sorted(maps.Keys(saved)) {
		kind, rest, _ := strings.Cut(key, "/")
		var err error
		switch kind {
		case "account":
			err = c.restoreAccount(saved[key])
		case "stream":
			err = c.restoreStream(saved[key])
		case "reveal", "signed":
			err = c.restorePromise(rest, saved[key])
		case "history":
			err = c.restoreBatch(saved[key], memo)
		case "docket":
			err = c.restoreDocket(rest, saved[key])
		}
		if err != nil {
			return fmt.Errorf("validator: saved %.100q: %w", key, err)
		}
	}
	return nil
}

func (c *Core) restorePromise(name string, data []byte) error {
	var v vow
	if err := protocol.Decode(data, &v); err != nil {
		return err
	}
	raw, err := hex.DecodeString(name)
	if err != nil || len(raw) != 32 {
		return fmt.Errorf("%q is no window: %w", name, protocol.Invalid)
	}
	c.promises[protocol.Hash(raw)] = v.Window
	return nil
}

// restoreDocket only notes that a docket is there, and that it can be read.
func (c *Core) restoreDocket(name string, data []byte) error {
	window, wid, err := readDocketKey(name)
	if err != nil {
		return err
	}
	c.dockets[wid] = window
	_, err = readDocket(data)
	return err
}

func (c *Core) restoreBatch(data []byte, memo map[string]*protocol.WindowCommit) error {
	k, err := readKept(data)
	if err != nil {
		return err
	}
	x, err := c.show(&k.Item, memo)
	if err != nil {
		return err
	}
	c.archive.add(x, k.Arrived)
	c.archive.order = max(c.archive.order, k.Order)
	return nil
}

// readKept reads a batch of the history, also as it was written before batches had an order: those count as the first.
func readKept(data []byte) (k kept, err error) {
	if err = protocol.Decode(data, &k); err == nil {
		return k, nil
	}
	var plain struct {
		_       struct{} `cbor:",toarray"`
		Arrived int64
		Item    protocol.Exhibit
	}
	if protocol.Decode(data, &plain) == nil {
		return kept{Arrived: plain.Arrived, Item: plain.Item}, nil
	}
	return k, err
}
