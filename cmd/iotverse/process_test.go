package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/protocol/node"
)

// TestProcesses runs ledger, validators, seller and buyer as processes of their own, kills the buyer in the middle of a
// deal, starts it again, and compares everybody's books with the ledger: nobody has lost more than one batch.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ten processes for a minute and a half")
	}
	s := newStage(t, "")
	dir, market := s.dir, s.market
	validators := s.validators(7)
	seller := s.role("seller", "s1", nil, "--sensor", "host", "--property", "host-timer-latency", "--at", "52.52,13.40")
	seller.wait("offering")
	buy := func() *process {
		return s.role("buyer", "b1", nil, "--quantity", "host-timer-latency", "--at", "52.52,13.40", "--period", "100ms", "--accuracy", "1",
			"--cap", "40000", "--windows", "30", "--out", "data")
	}
	buyer := buy()
	buyer.wait("bought=true")
	data := filepath.Join(dir, "data")
	waitData(t, data, 20)

	buyer.signal(syscall.SIGKILL)
	buyer.ended()
	before := countLines(data)
	buyer = buy()
	waitData(t, data, before+60)

	for _, p := range append([]*process{buyer, seller}, validators...) {
		p.signal(os.Interrupt)
		if err := p.ended(); err != nil {
			t.Errorf("%s: %v\n%s", p.name, err, p.tail())
		}
	}
	compareBooks(t, dir, market)
}

// compareBooks reads every node's own books and asks a light client with an empty store for the rest.
func compareBooks(t *testing.T, dir, market string) {
	t.Helper()
	m, err := readMarket(market)
	if err != nil {
		t.Fatal(err)
	}
	client, err := hub.Dial(t.Context(), hub.Config{URLs: m.Hubs, Network: byteball.Dev, OPs: m.OPs})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	roles := map[string]string{"s1": "seller", "b1": "buyer"}
	for i := range 7 {
		roles[fmt.Sprintf("v%d", i+1)] = "validator"
	}
	for name, role := range roles {
		own, ledger, list := bookOf(t, client, filepath.Join(dir, name), role)
		for _, l := range list {
			if role == "seller" && l.Kind == books.Voucher {
				checkGoods(t, filepath.Join(dir, "data"), l.Amount)
			}
		}
		if own != ledger {
			t.Errorf("%s: %d bytes by its own books, %d on the ledger", name, own, ledger)
		}
		if role != "buyer" && len(list) < 4 {
			t.Errorf("%s has %d lines in its books, want income besides opening, bond and fee", name, len(list))
		}
	}
}

// bookOf is what a node that has ended owns by its own books, and what the ledger proves that it owns.
func bookOf(t *testing.T, client *hub.Client, dir, role string) (own, ledger books.Amount, list []books.Line) {
	t.Helper()
	keys, err := openKeys(dir, nil, nil, byteball.Dev.Name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Wallet().Key(1<<31|44, 1<<31, 1<<31, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	address, err := addressOf(key)
	if err != nil {
		t.Fatal(err)
	}
	store, err := node.OpenStore(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	list, err = lines(store, role+"/")
	store.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		own += l.Amount
	}
	units, _, err := client.History(t.Context(), []byteball.Address{address}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, ledger, err = balances(units, append(bondsIn(units, address), address), "")
	if err != nil {
		t.Fatal(err)
	}
	return own, ledger, list
}

// checkGoods wants the batches on the buyer's disk to be what the seller was paid for, but for one at most: a crash costs
// nobody more.
func checkGoods(t *testing.T, dir string, income books.Amount) {
	t.Helper()
	type batch struct {
		Window uint64
		Batch  int
		Price  int64
	}
	bought := make(map[batch]int)
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
			bought[b]++
		}
	}
	var worth, dearest books.Amount
	for b, readings := range bought {
		worth += books.Amount(b.Price)
		dearest = max(dearest, books.Amount(b.Price))
		if readings > 10 {
			t.Errorf("batch %d of window %d has %d readings, 10 were measured: stored twice?", b.Batch, b.Window, readings)
		}
	}
	if lost := income - worth; lost < -dearest || lost > dearest || worth == 0 {
		t.Errorf("the seller was paid %d bytes for batches worth %d: more than one batch (%d) is lost", income, worth, dearest)
	}
}

// bondsIn are the addresses to which a wallet's own units pay several equal outputs: its bonds.
func bondsIn(units []unit.Proven, wallet byteball.Address) []byteball.Address {
	var found []byteball.Address
	for _, p := range units {
		if p.Unit.Authors[0].Address != wallet {
			continue
		}
		seen := make(map[byteball.Address]int)
		for _, o := range outputsOf(p.Unit) {
			if seen[o.Address]++; seen[o.Address] == 2 {
				found = append(found, o.Address)
			}
		}
	}
	return found
}

func waitData(t *testing.T, dir string, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d bought readings in %s", n, dir), 2*time.Minute, func() bool { return countLines(dir) >= n })
}

func countLines(dir string) (n int) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	for _, f := range files {
		data, _ := os.ReadFile(f)
		n += bytes.Count(data, []byte("\n"))
	}
	return n
}
