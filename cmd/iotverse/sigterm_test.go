package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
)

// TestSIGTERM: a ledger and a role stop cleanly when they are told to; a payment that the ledger had accepted just before is
// there when it starts again, and becomes final.
func TestSIGTERM(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	s := newProgram(t, "")
	bin, dir, market := s.bin, s.dir, s.market
	serve := []string{"ledger", "serve", "--dir", "ledger", "--market", market, "--profile", "fast", "--listen", freePort(t)}
	ledger := s.start("ledger", serve...)
	ledger.waitFile(market)
	validator := s.start("validator", "validator", "run", "--dir", "v1", "--market", market, "--listen", "/ip4/127.0.0.1/tcp/0", "--mdns=false")
	validator.wait("bond")

	for _, words := range [][]string{{"wallet", "new"}, {"wallet", "fund", "3MB"},
		{"wallet", "pay", "--no-wait", addressIn(t, bin, dir, "v1", market), "1MB"}} {
		p := s.start(words[1], append(words, "--dir", "purse", "--market", market)...)
		if err := p.ended(); err != nil {
			t.Fatalf("%s: %v\n%s", p.name, err, p.tail())
		}
	}
	for _, p := range []*process{validator, ledger} {
		p.signal(syscall.SIGTERM)
		if err := p.ended(); err != nil {
			t.Errorf("%s: %v, want exit code 0\n%s", p.name, err, p.tail())
		}
	}
	s.start("ledger again", serve...)
	m, err := readMarket(market)
	if err != nil {
		t.Fatal(err)
	}
	var client *hub.Client
	eventually(t, "the ledger is back", time.Minute, func() bool {
		client, err = hub.Dial(t.Context(), hub.Config{URLs: m.Hubs, Network: byteball.Dev, OPs: m.OPs})
		return err == nil
	})
	defer client.Close()
	from := byteball.Address(addressIn(t, bin, dir, "purse", market))
	eventually(t, "the payment is stable", time.Minute, func() bool {
		units, _, err := client.History(t.Context(), []byteball.Address{from}, nil, 0)
		return err == nil && len(units) == 2 && units[1].Serial
	})
}

// addressIn is the address of a folder's wallet.
func addressIn(t *testing.T, bin, dir, folder, market string) string {
	t.Helper()
	cmd := exec.Command(bin, "wallet", "address", "--dir", folder, "--market", market)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))[0]
}
