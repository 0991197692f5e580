package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/market/books"
)

var (
	crashAll  = flag.Bool("crash.all", false, "kill at every fail point of a deal, not at a sample of them")
	crashOnly = flag.String("crash.only", "", "only kills whose names begin so, e.g. 'buyer killed at Save'")
	crashSeed = flag.Uint64("crash.seed", 1, "which fail points the sample takes")
	crashSome = flag.Int("crash.deals", 12, "how many deals the sample plays; two kills in each")
)

// TestCrashes is the crash matrix: real processes, of which one kills itself with SIGKILL before or after the k-th write,
// send, post, payment or delivery of a deal, is started again, and is killed once more at another point. Then the deal is
// settled, and everybody's books are compared with what a light client proves from the ledger, and with what arrived: the
// buyer has lost one batch at most, the seller nothing (MECHANISM 6). A first deal without a kill counts the points.
func TestCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a dozen processes for four minutes")
	}
	m := newCrashMarket(t)
	points := m.count(t)
	cases := m.choose(points)
	t.Logf("seed %d: a deal passes %d points of the buyer and %d of the seller; %d deals with two kills each", *crashSeed,
		len(points["buyer"]), len(points["seller"]), len(cases))
	var all sync.WaitGroup
	next := make(chan *crash)
	for _, lane := range m.lanes {
		all.Go(func() {
			for c := range next {
				m.play(lane, c)
			}
		})
	}
	for i := range cases {
		next <- &cases[i]
	}
	close(next)
	all.Wait()
	m.judge(t, cases)
	printCrashes(t, cases)
}

// crashCap is the most that a batch may cost.
const crashCap = 40_000

// crashPatience is how long a deal may take before it is told to settle.
const crashPatience = 90 * time.Second

// crash is one deal in which a role is killed at two points.
type crash struct {
	role   string
	points [2]string // of its first life and of its second
	died   [2]bool
	dir    string // the buyer's
	lane   *lane
	took   time.Duration
	err    error // what went wrong on the way

	batches       int // that arrived
	worth, income books.Amount
	dearest       books.Amount
}

// lane is one seller, alone in its cell, and the deals that are played with it one after the other.
type lane struct {
	name, at string
	seller   *process
}

// crashMarket is what all deals have in common.
type crashMarket struct {
	*stage
	lanes []*lane
	seq   int
	mu    sync.Mutex
}

// newCrashMarket starts ledger, relay, three validators (the fewest for a stamp that counts in full) and the sellers.
func newCrashMarket(t *testing.T) *crashMarket {
	m := &crashMarket{stage: newStage(t, "failpoints")}
	m.validators(3)
	for i, at := range []string{"52.52,13.40", "48.14,11.58", "50.94,6.96", "53.55,9.99"} {
		l := &lane{name: fmt.Sprintf("s%d", i+1), at: at}
		m.lanes = append(m.lanes, l)
		m.sell(l)
	}
	for _, l := range m.lanes {
		l.seller.wait("offering")
	}
	return m
}

// sell starts a lane's seller, with a fail point or without.
func (m *crashMarket) sell(l *lane, env ...string) {
	l.seller = m.role("seller", l.name, env, "--sensor", "host", "--property", "host-timer-latency", "--at", l.at)
}

func (m *crashMarket) buy(l *lane, dir string, env ...string) *process {
	return m.role("buyer", dir, env, "--out", dir+"-data", "--quantity", "host-timer-latency", "--at", l.at, "--period", "100ms",
		"--accuracy", "1", "--cap", fmt.Sprint(crashCap), "--windows", "1")
}

// folder names the folder of a further buyer: each deal has a new one, with books of its own.
func (m *crashMarket) folder() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	return fmt.Sprintf("b%d", m.seq)
}

// count plays a deal and returns the points that each side has passed.
func (m *crashMarket) count(t *testing.T) map[string][]string {
	l := m.lanes[0]
	log := func(role string) string { return filepath.Join(m.dir, role+".points") }
	l.stop()
	m.sell(l, "IOTVERSE_FAILPOINT_LOG="+log("seller"))
	l.seller.wait("offering")
	b := m.buy(l, m.folder(), "IOTVERSE_FAILPOINT_LOG="+log("buyer"))
	b.wait("channel closed")
	stopProcess(b)
	l.stop()
	m.sell(l)
	points := make(map[string][]string)
	for _, role := range []string{"buyer", "seller"} {
		data, err := os.ReadFile(log(role))
		if err != nil {
			t.Fatal(err)
		}
		points[role] = strings.Split(strings.TrimSpace(string(data)), "\n")
		if len(points[role]) < 20 {
			t.Fatalf("the %s passed only %q", role, points[role])
		}
	}
	return points
}

// choose makes the cases: each point once, or a sample; its second kill is any early one.
func (m *crashMarket) choose(points map[string][]string) (cases []crash) {
	rng := rand.New(rand.NewPCG(*crashSeed, 0))
	for _, role := range []string{"buyer", "seller"} {
		for _, p := range points[role] {
			again := points[role][rng.IntN(len(points[role])/3)] // what is left of a deal is shorter
			cases = append(cases, crash{role: role, points: [2]string{p, again}})
		}
	}
	cases = slices.DeleteFunc(cases, func(c crash) bool { return !strings.HasPrefix(c.String(), *crashOnly) })
	if *crashAll {
		return cases
	}
	rng.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	cases = cases[:min(*crashSome, len(cases))]
	slices.SortFunc(cases, func(a, b crash) int {
		return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.points[0], b.points[0]))
	})
	return cases
}

// play lets one deal pass with its kills and ends it.
func (m *crashMarket) play(l *lane, c *crash) {
	c.dir, c.lane = m.folder(), l
	if c.role == "seller" {
		l.stop()
		m.sell(l, "IOTVERSE_FAILPOINT="+c.points[0])
	}
	var b *process
	if c.role == "buyer" {
		b = m.buy(l, c.dir, "IOTVERSE_FAILPOINT="+c.points[0])
	} else {
		b = m.buy(l, c.dir)
	}
	began := time.Now()
	end := began.Add(crashPatience)
	for life := 0; time.Now().Before(end) && !strings.Contains(b.text(), "channel closed"); time.Sleep(50 * time.Millisecond) {
		victim := b
		if c.role == "seller" {
			victim = l.seller
		}
		if !victim.gone() {
			continue
		}
		if life > 1 || !victim.killed() {
			c.err = fmt.Errorf("%s ended by itself: %s", victim.name, victim.tail())
			break
		}
		c.died[life] = true
		life++
		var env []string
		if life < 2 {
			env = []string{"IOTVERSE_FAILPOINT=" + c.points[1]}
		}
		if c.role == "seller" {
			m.sell(l, env...)
		} else {
			b = m.buy(l, c.dir, env...)
		}
	}
	m.finish(l, c, b)
	c.took = time.Since(began)
}

// finish settles what is open. The second kill may come as late as here.
func (m *crashMarket) finish(l *lane, c *crash, b *process) {
	err := stopProcess(b)
	if err != nil && b.killed() {
		c.died[1] = true
		b = m.buy(l, c.dir)
		err = stopProcess(b)
	}
	if err != nil {
		c.err = errors.Join(c.err, fmt.Errorf("%s: %w: %s", b.name, err, b.tail()))
	}
	if c.role == "seller" { // the next deal's seller has no fail point of this one
		l.stop()
		m.sell(l)
	}
}

// stop ends a lane's seller; its fail point may end it first.
func (l *lane) stop() { stopProcess(l.seller) }

// judge stops the sellers and compares all books with the ledger and with the goods.
func (m *crashMarket) judge(t *testing.T, cases []crash) {
	manifest, err := readMarket(m.market)
	if err != nil {
		t.Fatal(err)
	}
	client, err := hub.Dial(t.Context(), hub.Config{URLs: manifest.Hubs, Network: byteball.Dev, OPs: manifest.OPs})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	income := make(map[string]books.Amount)
	for _, l := range m.lanes {
		if err := stopProcess(l.seller); err != nil {
			t.Errorf("seller %s: %v\n%s", l.name, err, l.seller.tail())
		}
		own, ledger, list := bookOf(t, client, filepath.Join(m.dir, l.name), "seller")
		if own != ledger {
			t.Errorf("seller %s: %d bytes by its own books, %d on the ledger", l.name, own, ledger)
		}
		for _, line := range list {
			if line.Kind == books.Voucher {
				income[line.Ref] += line.Amount
			}
		}
	}
	for i := range cases {
		c := &cases[i]
		own, ledger, list := bookOf(t, client, filepath.Join(m.dir, c.dir), "buyer")
		if own != ledger {
			t.Errorf("%s: %d bytes by the buyer's own books, %d on the ledger", c, own, ledger)
		}
		for _, line := range list {
			c.income += income[line.Ref]
		}
		c.goods(t, filepath.Join(m.dir, c.dir+"-data"))
		if c.err != nil {
			t.Errorf("%s: %v", c, c.err)
		}
		if lost := c.income - c.worth; lost < 0 || lost > c.dearest {
			t.Errorf("%s: the buyer paid %d bytes for batches worth %d; one batch costs %d", c, c.income, c.worth, c.dearest)
		}
	}
}

// goods reads what arrived.
func (c *crash) goods(t *testing.T, dir string) {
	type batch struct {
		Window uint64
		Batch  int
		Price  books.Amount
	}
	got, lines := make(map[batch]int), make(map[string]bool)
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			var b batch
			if err := json.Unmarshal(line, &b); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			got[b]++
			if lines[string(line)] {
				t.Errorf("%s: batch %d of window %d: %s stands there twice", c, b.Batch, b.Window, line)
			}
			lines[string(line)] = true
		}
	}
	for b := range got {
		c.batches++
		c.worth, c.dearest = c.worth+b.Price, max(c.dearest, b.Price)
	}
	if c.batches == 0 {
		c.dearest = crashCap // of the one that may be lost nothing more is known
	}
}

func (c *crash) String() string {
	return fmt.Sprintf("%s killed at %s and %s", c.role, c.points[0], c.points[1])
}

// outcome says in words what became of a deal; its books are right in any case.
func (c *crash) outcome() string {
	switch {
	case c.income > c.worth:
		return "the buyer lost a batch"
	case c.batches == 0:
		return "nothing was sold"
	case c.batches < 5:
		return "a part was sold"
	}
	return "nobody lost a batch"
}

// printCrashes prints the matrix.
func printCrashes(t *testing.T, cases []crash) {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "role\tkilled at\tthen at\tbatches\tpaid\tworth\tlost\ttook\toutcome\t")
	reached := func(p string, died bool) string {
		if died {
			return p
		}
		return "(" + p + ")"
	}
	for i := range cases {
		c := &cases[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%.0fs\t%s\t\n", c.role, reached(c.points[0], c.died[0]), reached(c.points[1], c.died[1]), c.batches, c.income, c.worth, c.income-c.worth, c.took.Seconds(), c.outcome())
	}
	w.Flush()
	t.Logf("a point in brackets was not reached\n%s", out.String())
}
