package validator

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/enroll"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
	"github.com/iotverse/iotverse/protocol/role"
)

// Bounds of the accounts. keptPaid is how many prepaid windows of one channel are remembered.
const (
	maxAccounts  = 4096
	maxPerSeller = 64
	keptPaid     = 64
)

// account is a channel out of which this validator is paid: the deal, and the newest voucher that the seller has shown.
type account struct {
	deal.Deal
	match, byBuyer []byte
	funding        *channel.Funding // nil until its unit is proven
	pending        *protocol.Notice // the newest notice from before that
	voucher        []byte
	payout         byteball.Bytes // what the voucher pays here
	due            byteball.Bytes // the same with what is too small to show
	claimed        byteball.Bytes // what of the payout is an old debt, of the channel before
	paid           []uint64       // windows that are prepaid for this validator, ascending
	owed           int            // how many of them the ledger has not paid
	touched        uint64         // window of the last change
	settled        bool           // a closing is stable
}

// ledger lists the accounts in a fixed order.
func (c *Core) ledger() []*account {
	keys := slices.SortedFunc(maps.Keys(c.accounts), func(a, b protocol.Hash) int { return bytes.Compare(a[:], b[:]) })
	list := make([]*account, len(keys))
	for i, k := range keys {
		list[i] = c.accounts[k]
	}
	return list
}

// noticed takes a seller's proof that this validator is paid.
func (c *Core) noticed(env envelope.Envelope, m *protocol.Notice) {
	if _, err := channel.ParseVoucher(m.Voucher); err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	a, err := c.account(env, m)
	if err != nil {
		c.emit(role.Refused{Err: err})
		return
	}
	if a.funding == nil {
		a.pending = m
		c.keep(a)
		return
	}
	if err := c.book(a, m); err != nil {
		c.emit(role.Refused{Err: err})
	}
}

// account finds the account of a notice, or opens it.
func (c *Core) account(env envelope.Envelope, m *protocol.Notice) (*account, error) {
	for _, a := range c.accounts {
		if bytes.Equal(a.match, m.Match) && bytes.Equal(a.byBuyer, m.ByBuyer) && a.Seller == env.Signer {
			return a, nil
		}
	}
	d, err := deal.OpenSigned(c.cfg.Rules, m.ByBuyer, m.Match)
	if err != nil {
		return nil, err
	}
	if d.Seller != env.Signer {
		return nil, fmt.Errorf("validator: notice of deal %s is not by its seller: %w", d.ID, protocol.Invalid)
	}
	if a, ok := c.accounts[d.ID]; ok {
		return a, nil
	}
	if d.Match.Deposit < c.par.MinDeposit || m.Window < d.Match.First {
		return nil, fmt.Errorf("validator: deal %s with a deposit of %s and first window %d, noticed for %d: %w", d.ID, d.Match.Deposit, d.Match.First, m.Window, protocol.Invalid)
	}
	if !c.view.Seller(d.Seller, d.Offer.Prop, d.Offer.Cell, c.cal.EpochAt(c.now)) {
		return nil, fmt.Errorf("validator: seller %s of deal %s has no bond that counts: %w", d.Seller, d.ID, protocol.NotFound)
	}
	of := 0
	for _, a := range c.accounts {
		if a.Seller == d.Seller {
			of++
		}
	}
	if len(c.accounts) >= maxAccounts || of >= maxPerSeller {
		return nil, fmt.Errorf("validator: %d channels, %d of seller %s, no room for more: %w", len(c.accounts), of, d.Seller, protocol.Transient)
	}
	a := &account{Deal: d, match: m.Match, byBuyer: m.ByBuyer}
	c.accounts[d.ID] = a
	c.emit(role.Watch{Address: d.Address})
	return a, nil
}

// book checks a voucher and enters it. It counts as payment for a window where this validator's payout has grown by its
// share; the payout never falls. Errors: Invalid, Stale for an older voucher, Funds where the share is missing or the credit
// is used up.
func (c *Core) book(a *account, m *protocol.Notice) error {
	v, err := channel.ParseVoucher(m.Voucher)
	if err != nil {
		return err
	}
	if m.Funding != a.funding.Out.Unit {
		return fmt.Errorf("validator: deal %s is funded by %s, not by %s: %w", a.ID, a.funding.Out.Unit, m.Funding, protocol.Invalid)
	}
	payouts, err := channel.Read(a.Terms, *a.funding, v)
	if err != nil {
		return err
	}
	mine := payouts[c.pay]
	if mine < a.payout {
		return fmt.Errorf("validator: deal %s: a voucher of %s after one of %s: %w", a.ID, mine, a.payout, protocol.Stale)
	}
	share, err := c.share(a, m.Window)
	if err != nil {
		return err
	}
	if v.Final || share == 0 || slices.Contains(a.paid, m.Window) || len(a.paid) > 0 && m.Window < a.paid[len(a.paid)-1] {
		a.claimed = max(a.claimed, v.Claims[c.pay])
		c.enter(a, m.Voucher, mine)
		return nil
	}
	return c.prepaid(a, m, mine, share, v.Claims[c.pay])
}

// prepaid enters a voucher as the payment of a further window. What it claims beyond a.claimed pays for no window here.
func (c *Core) prepaid(a *account, m *protocol.Notice, mine, share, claimed byteball.Bytes) error {
	old := claimed - min(claimed, a.claimed)
	if mine <= a.payout+old && c.carries(a, m.Window) {
		return nil
	}
	if a.settled {
		return fmt.Errorf("validator: deal %s, window %d: its channel is closed, no voucher counts any more: %w", a.ID, m.Window, protocol.Stale)
	}
	now, _ := c.cal.WindowAt(c.now)
	if m.Window > now+2 || m.Window+2 < now {
		return fmt.Errorf("validator: notice for window %d in window %d: %w", m.Window, now, protocol.Stale)
	}
	due, err := byteball.Add(max(a.due, a.payout), share, old)
	if err != nil {
		return err
	}
	if mine < due && due >= c.par.Dust {
		return fmt.Errorf("validator: deal %s, window %d: paid %s, with the share of %s it would be %s: %w", a.ID, m.Window, mine, share, due, protocol.Funds)
	}
	if owed := c.credit(a.Seller); owed >= c.par.Credit {
		return fmt.Errorf("validator: seller %s has %d windows unpaid on the ledger, %d are the limit: %w", a.Seller, owed, c.par.Credit, protocol.Funds)
	}
	a.due, a.claimed = due, max(a.claimed, claimed)
	a.paid = append(a.paid, m.Window)
	a.paid = a.paid[max(0, len(a.paid)-keptPaid):]
	a.owed++
	c.enter(a, m.Voucher, mine)
	c.consult(a, m.Window)
	return nil
}

// enter keeps a voucher and the line of the books that follows from it.
func (c *Core) enter(a *account, voucher []byte, mine byteball.Bytes) {
	if a.voucher != nil && mine == a.payout && bytes.Equal(voucher, a.voucher) {
		return
	}
	a.voucher, a.payout = voucher, mine
	c.keep(a)
	if mine > 0 {
		c.emit(enroll.Lines(books.Line{
			Time: c.now.UnixMilli(), Kind: books.Voucher, Ref: "channel/" + hex.EncodeToString(a.ID[:]), Amount: books.In(mine),
		})...)
	}
}

// share is what this validator gets of a window's fee as a member of its committee, 0 if it is none.
func (c *Core) share(a *account, w uint64) (byteball.Bytes, error) {
	com, err := c.view.Committee(a.Seller, a.Offer.Prop, a.Offer.Cell, c.cal.EpochOf(w))
	if err != nil {
		return 0, err
	}
	if _, member := com.SeatOf(c.self()); !member {
		return 0, nil
	}
	return a.Fee(c.cfg.Rules, com)[c.pay], nil
}

// credit counts the windows that a seller's channels owe: those that are open, and those that ended with less than was promised.
func (c *Core) credit(seller protocol.Identity) (owed int) {
	for _, a := range c.accounts {
		if a.Seller == seller {
			owed += a.owed
		}
	}
	return owed
}

// payer finds the account that pays for a window: prepaid for it, or for the one before that had no stamp.
func (c *Core) payer(wc *protocol.WindowCommit) *account {
	for _, a := range c.ledger() {
		if a.Seller != wc.Seller || a.Offer.Prop != wc.Prop || a.Offer.Cell != wc.Cell || a.funding == nil || len(a.paid) == 0 {
			continue
		}
		if slices.Contains(a.paid, wc.Window) || c.carries(a, wc.Window) {
			return a
		}
	}
	return nil
}

// carries says whether a fee that was paid for an earlier window of the epoch serves w: more of those windows have no stamp and
// never will than other windows, prepaid by nobody, were served or are being judged. Deals that succeed one another count
// together. Buyer and seller count alike.
func (c *Core) carries(a *account, w uint64) bool {
	free := 0
	paid := c.paidBy(a)
	for _, p := range paid {
		if deal.Carried(c.cfg.Rules, p, w) && c.unstamped(a, p) {
			free++
		}
	}
	for _, r := range c.rounds {
		served := r.wc.Seller == a.Seller && r.wc.Prop == a.Offer.Prop && !slices.Contains(paid, r.wc.Window) && (!r.over || r.stamp != nil)
		if served && deal.Carried(c.cfg.Rules, r.wc.Window, w) {
			free--
		}
	}
	return free > 0
}

// paidBy lists the windows that are prepaid in a channel and in those that it succeeds or that succeed it.
func (c *Core) paidBy(a *account) []uint64 {
	paid := slices.Clone(a.paid)
	for _, x := range c.accounts {
		if x.Seller == a.Seller && x.Buyer == a.Buyer && (x.Address == a.Terms.Previous || x.Terms.Previous == a.Address) {
			paid = append(paid, x.paid...)
		}
	}
	return paid
}

// unstamped says whether a window has no stamp and never will: its round is over, or it had none by the end of the next
// window.
func (c *Core) unstamped(a *account, w uint64) bool {
	for _, r := range c.rounds {
		if r.wc.Seller == a.Seller && r.wc.Prop == a.Offer.Prop && r.wc.Window == w {
			return r.over && r.stamp == nil
		}
	}
	if s := c.streams[streamKey{a.Seller, a.Offer.Prop}]; s != nil && s.last != nil && s.last.Window == w {
		return false
	}
	return !c.now.Before(c.cal.WindowStart(w + 2))
}

// funds looks for channels that a proven unit opens or closes.
func (c *Core) funds(p unit.Proven) {
	for _, a := range c.ledger() {
		if a.funding == nil {
			c.open(a, p)
		} else if !a.settled {
			c.settle(a, p)
		}
	}
}

func (c *Core) open(a *account, p unit.Proven) {
	f, ok := a.Funding(p)
	if !ok || a.pending != nil && a.pending.Funding != p.Unit.Unit {
		return
	}
	a.funding = &channel.Funding{Out: f.Out, MCI: f.MCI}
	m := a.pending
	a.pending = nil
	c.keep(a)
	if m == nil {
		return
	}
	if err := c.book(a, m); err != nil {
		c.emit(role.Refused{Err: err})
	}
}

// settle takes note of the stable unit that spends the deposit: from then on the money is here. What an older voucher or a refund
// does not pay stays owed, for as long as the account is kept.
func (c *Core) settle(a *account, p unit.Proven) {
	if !p.Serial || p.Unit == nil {
		return
	}
	var got byteball.Bytes
	spent := false
	for _, msg := range p.Unit.Messages {
		pay, ok := msg.Payload.(*unit.Payment)
		if !ok || pay.Asset != "" {
			continue
		}
		for _, in := range pay.Inputs {
			spent = spent || in.Type == "" && a.funding.Out == unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex}
		}
		for _, o := range pay.Outputs {
			if o.Address == c.pay {
				got += o.Amount
			}
		}
	}
	if !spent {
		return
	}
	a.settled = true
	if got >= a.payout {
		a.owed = 0
	} else {
		a.paid, a.owed = nil, unpaid(a.owed, got, a.payout)
		c.note("a closing pays less than its vouchers", "deal", a.ID, "paid", got.String(), "promised", a.payout.String())
	}
	c.keep(a)
}

// unpaid is how many of so many windows are not paid by the part of their price that came, rounded up.
func unpaid(windows int, came, price byteball.Bytes) int {
	part := byteball.Bytes(windows)
	return int((part*(price-came) + price - 1) / price)
}
