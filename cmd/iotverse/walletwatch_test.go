package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/deal"
)

// trade is a buyer's and a seller's folder with one channel, on a ledger of its own whose chain grows fast.
type trade struct {
	*testing.T
	dir, market string
	chain       *chain
	addr        byteball.Address // the channel's
	terms       channel.Terms
	paid        byteball.Bytes // to the seller
	before      byteball.Bytes // what the buyer had after the deposit
}

// cli runs the program and wants it to succeed.
func (d *trade) cli(args ...string) string {
	d.Helper()
	var out, errs bytes.Buffer
	if code := run(d.Context(), args, strings.NewReader(""), &out, &errs); code != exitOK {
		d.Fatalf("iotverse %s: exit code %d\n%s%s", strings.Join(args, " "), code, &out, &errs)
	}
	return out.String()
}

func (d *trade) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *trade) folder(name string) string { return filepath.Join(d.dir, name) }

func (d *trade) rig(name string) *rig {
	d.Helper()
	f := walletFlags{dir: d.folder(name), market: d.market}
	r, err := f.open(d.Context())
	d.ok(err)
	return r
}

// newTrade makes keys, a ledger and a funded channel of an age, with three vouchers, saved as the roles save it. Then both nodes are off.
func newTrade(t *testing.T, age uint64, fees unit.SystemVars) *trade {
	d := newDeal(t, fees)
	d.open(age)
	return d
}

// newDeal makes the keys and the ledger of a trade.
func newDeal(t *testing.T, fees unit.SystemVars) *trade {
	d := &trade{T: t, dir: t.TempDir()}
	d.market = filepath.Join(d.dir, "market.yaml")
	at := make(map[string]byteball.Address)
	for _, who := range []string{"buyer", "seller"} {
		at[who] = byteball.Address(strings.TrimSpace(d.cli("wallet", "new", "--dir", d.folder(who), "--market", d.market)))
	}
	d.chain = newChain(t, fees, unit.Output{Address: at["buyer"], Amount: 50_000_000})
	d.cli("market", "new", "--op", string(d.chain.OP()), "--hub", d.chain.url, "--out", d.market, "--council", d.folder("council"))
	return d
}

// open funds the channel and pays three times.
func (d *trade) open(age uint64) {
	d.Helper()
	b, s := d.rig("buyer"), d.rig("seller")
	defer b.Close()
	defer s.Close()
	buyer, seller := d.agree(b, s, age)
	d.ok(b.ensure(d.Context(), 1, new(bytes.Buffer)))
	_, err := b.wallet.Pay(d.Context(), "deposit", []unit.Output{{Address: d.addr, Amount: d.terms.Deposit}}, nil)
	d.ok(err)
	bases := deal.NewBases(b.cfg.Manifest.OPs, b.vars)
	var found unit.Proven
	eventually(d.T, "the deposit is stable, and older than a base", 20*time.Second, func() bool {
		units, _, err := b.hub.History(d.Context(), []byteball.Address{d.addr}, nil, 0)
		d.ok(err)
		if len(units) == 0 {
			return false
		}
		found = units[0]
		ops, _, err := b.hub.History(d.Context(), b.cfg.Manifest.OPs, nil, 0)
		d.ok(err)
		for _, p := range ops {
			bases.Add(p)
		}
		base, ok := bases.Newest()
		return ok && base.MCI > found.MCI
	})
	base, _ := bases.Newest()
	stable := channel.UnitStable{Unit: found.Unit, MCI: found.MCI, Serial: found.Serial}
	var effects []channel.Effect
	buyer, _, err = buyer.Apply(stable, time.Now())
	d.ok(err)
	seller, _, err = seller.Apply(stable, time.Now())
	d.ok(err)
	for range 3 {
		d.paid += 30_000
		if buyer, effects, err = buyer.Apply(channel.Pay{Add: channel.Payouts{d.terms.SellerAddress: 30_000}, Base: base}, time.Now()); err != nil {
			d.Fatal(err)
		}
		v := sentVoucher(effects)
		d.save(b, keeper.Buyer, effects)
		if seller, effects, err = seller.Apply(channel.Accept{Voucher: v, Base: base, Tip: base.MCI}, time.Now()); err != nil {
			d.Fatal(err)
		}
		d.save(s, keeper.Seller, effects)
	}
	d.before = d.settled(b)
}

// agree begins a channel of an age on both sides, without a deposit.
func (d *trade) agree(b, s *rig, age uint64) (channel.Payer, channel.Payee) {
	d.Helper()
	key, err := b.channelKey(1)
	d.ok(err)
	d.terms = channel.Terms{Network: byteball.Dev, Buyer: key.PublicKey(), Seller: s.key.PublicKey(), Age: age,
		SellerAddress: s.address(), ChangeAddress: b.address(), Deposit: 2_000_000, Reserve: 20_000, Dust: 200, TPSMargin: 300}
	d.addr, err = d.terms.Address()
	d.ok(err)
	buyer, effects, err := channel.NewPayer(d.terms, key)
	d.ok(err)
	d.save(b, keeper.Buyer, effects)
	seller, effects, err := channel.NewPayee(d.terms, s.key)
	d.ok(err)
	d.save(s, keeper.Seller, effects)
	return buyer, seller
}

func (d *trade) save(r *rig, side keeper.Side, effects []channel.Effect) {
	d.Helper()
	for _, e := range effects {
		if s, ok := e.(channel.Save); ok {
			d.ok(r.store.Put([]byte(string(side)+"/"+s.Key), s.Value))
		}
	}
}

// settled is all that a wallet has.
func (d *trade) settled(r *rig) byteball.Bytes {
	d.Helper()
	var have byteball.Bytes
	eventually(d.T, "nothing is on its way", 20*time.Second, func() bool {
		b, err := r.wallet.Balance(d.Context())
		d.ok(err)
		have = b.Stable
		return b.Arriving == 0 && b.Change == 0 && b.Leaving == 0 && b.Held == 0
	})
	return have
}

// has is what the wallet of a folder holds in the end.
func (d *trade) has(name string) byteball.Bytes {
	d.Helper()
	r := d.rig(name)
	defer r.Close()
	return d.settled(r)
}

// off lets the chain grow by so many units while nobody does anything.
func (d *trade) off(mcis uint64) {
	d.Helper()
	m, err := readMarket(d.market)
	d.ok(err)
	c, err := dialHub(d.Context(), m, nil)
	d.ok(err)
	defer c.Close()
	from, err := c.LastMCI(d.Context())
	d.ok(err)
	eventually(d.T, "the chain grows", time.Minute, func() bool {
		now, err := c.LastMCI(d.Context())
		d.ok(err)
		return now >= from+mcis
	})
}

func (d *trade) watch(name string) string {
	d.Helper()
	return d.cli("wallet", "watch", "--dir", d.folder(name), "--market", d.market, "--once")
}

func (d *trade) channels(name string) []channelView {
	d.Helper()
	var views []channelView
	d.ok(json.Unmarshal([]byte(d.cli("wallet", "channels", "--dir", d.folder(name), "--market", d.market, "--all", "--json")), &views))
	if len(views) != 1 {
		d.Fatalf("%s has %d channels, want 1", name, len(views))
	}
	return views
}

func wants(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}

// TestWatchCloses: buyer and seller are off until after the seller's deadline. The watcher of the seller's folder closes, that of the
// buyer's sees it, and both have what they could keep.
func TestWatchCloses(t *testing.T) {
	const age = 600
	d := newTrade(t, age, calm)
	var before channelView
	eventually(t, "the chain grows for long enough to tell its pace", time.Minute, func() bool {
		before = d.channels("seller")[0]
		return before.About != nil
	})
	if before.Phase != "open" || before.Own != d.paid || before.Spent != d.paid || before.Unsettled != d.paid || before.Deposit != d.terms.Deposit ||
		before.Peer != d.terms.ChangeAddress || before.Address != d.addr || before.Over {
		t.Errorf("seller's channel %+v", before)
	}
	wants(t, before.Next, "closes at main chain index", "0.6 of the age")
	if b := d.channels("buyer")[0]; b.Deadline <= before.Deadline || b.Peer != d.terms.SellerAddress || !strings.Contains(b.Next, "takes the deposit back from main chain index") {
		t.Errorf("buyer's channel %+v", b)
	}
	wants(t, d.cli("wallet", "channels", "--dir", d.folder("buyer"), "--market", d.market), "UNSETTLED", "90 kB", "pays as it buys")
	d.off(age * 65 / 100)
	if s, b := d.channels("seller")[0], d.channels("buyer")[0]; !s.Due || b.Due {
		t.Errorf("after 0.6 of the age: due for the seller %v, for the buyer %v", s.Due, b.Due)
	}
	wants(t, d.cli("wallet", "channels", "--dir", d.folder("seller"), "--market", d.market), "due now: closes at main chain index")
	wants(t, d.watch("seller"), "seller of "+string(d.addr), "closing: 0.6 of the age has passed", "closed")
	wants(t, d.watch("buyer"), "buyer of "+string(d.addr), "closed")
	if got := d.has("seller"); got != d.paid {
		t.Errorf("the seller has %d, want %d", got, d.paid)
	}
	if got, most := d.has("buyer"), d.before+d.terms.Deposit-d.paid; got > most || got < most-3_000 {
		t.Errorf("the buyer has %d, want %d less the fees of a closing", got, most)
	}
	if v := d.channels("seller")[0]; !v.Over || v.Unsettled != 0 || v.Spent != d.paid || v.Deadline != 0 {
		t.Errorf("in the end: %+v", v)
	}
	if out := d.cli("wallet", "channels", "--dir", d.folder("seller"), "--market", d.market); out != "no open channels\n" {
		t.Errorf("got %q", out)
	}
}

// TestWatchRefunds: the seller never comes back. The buyer's watcher takes the deposit back after the age.
func TestWatchRefunds(t *testing.T) {
	const age = 60
	d := newTrade(t, age, calm)
	d.off(age / 2)
	wants(t, d.watch("buyer"), "refunding: the deposit is older than the age", "refunded")
	if got, most := d.has("buyer"), d.before+d.terms.Deposit; got > most || got < most-3_000 {
		t.Errorf("the buyer has %d, want %d less the fees of a refund", got, most)
	}
	wants(t, d.watch("seller"), "refunded")
	if v := d.channels("seller")[0]; !v.Over || v.Phase != "refunded" {
		t.Errorf("in the end: %+v", v)
	}
}

// TestWatchWhileANodeRuns: the list is seen, the watch says who watches.
func TestWatchWhileANodeRuns(t *testing.T) {
	d := newTrade(t, 600, calm)
	r := d.rig("seller") // what a running node holds
	defer r.Close()
	if v := d.channels("seller")[0]; v.Phase != "open" || v.Spent != d.paid {
		t.Errorf("seen while the node runs: %+v", v)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"wallet", "watch", "--dir", d.folder("seller"), "--market", d.market, "--once"}, strings.NewReader(""), &out, &errs)
	if code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	wants(t, errs.String(), "a node runs on", "watches its channels itself")
}

// forgetful is a hub that takes the first units it is given and loses them, as after a double spend that was purged.
type forgetful struct {
	*hub.Client
	mu   sync.Mutex
	lose int
	lost map[byteball.Hash]bool
}

func (f *forgetful) Post(ctx context.Context, u *unit.Unit) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lose > 0 {
		f.lose--
		f.lost[u.Unit] = true
		return nil
	}
	return f.Client.Post(ctx, u)
}

// TestWatchSignsAnew: a closing that was accepted and archived is signed with another nonce, and that one becomes final.
func TestWatchSignsAnew(t *testing.T) {
	const age = 400
	d := newTrade(t, age, calm)
	d.off(age * 65 / 100)
	r := d.rig("seller")
	defer r.Close()
	var errs, told bytes.Buffer
	k, err := keepChannels(r.store, r.keys, &errs)
	d.ok(err)
	lossy := &forgetful{Client: r.hub, lose: 1, lost: map[byteball.Hash]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d.ok(keeper.Watch(ctx, keeper.Config{Keeper: k, Hub: lossy, Follow: r.hub.Follow(hub.FollowConfig{}), Once: true, Every: 100 * time.Millisecond,
		Bases: deal.NewBases(r.cfg.Manifest.OPs, r.vars), Tell: teller(&told)}))
	wants(t, told.String(), "signed anew, time 1", "closed")
	st, err := k.State(keeper.ID{Side: keeper.Seller, Address: d.addr})
	d.ok(err)
	if lossy.lost[st.Settled.Unit] || st.Nonce < 1 {
		t.Errorf("settled by %s after %d new signatures, want one that was not lost", st.Settled.Unit, st.Nonce)
	}
	if got := d.settled(r); got != d.paid {
		t.Errorf("the seller has %d, want %d", got, d.paid)
	}
}

// TestWatchWaitsForALedger: a watch that is started while no hub answers, as after a power cut, begins when one does.
func TestWatchWaitsForALedger(t *testing.T) {
	d := newTrade(t, 600, calm)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	d.ok(err)
	at := l.Addr().String()
	d.ok(l.Close())
	text, err := os.ReadFile(d.market)
	d.ok(err)
	d.ok(os.WriteFile(d.market, bytes.ReplaceAll(text, []byte(strings.TrimPrefix(d.chain.url, "ws://")), []byte(at)), 0o644))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"wallet", "watch", "--dir", d.folder("seller"), "--market", d.market}, strings.NewReader(""), io.Discard, w)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	says := func(words string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), words) {
				return
			}
		}
		t.Fatalf("it ended and never said %q", words)
	}
	says("nothing is watched until it answers")
	d.chain.listen(t, at)
	says("1 channels to watch")
	cancel()
	go io.Copy(io.Discard, r)
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
}
