package main

import (
	"net"
	"strings"
	"testing"
)

// at is a listener that says it listens somewhere else.
type at struct {
	net.Listener
	address net.TCPAddr
}

func (a at) Addr() net.Addr { return &a.address }

func TestLedgerWarnsOfStrangers(t *testing.T) {
	for _, c := range []struct {
		listen string
		faucet net.IP
		want   []string
	}{
		{"127.0.0.1:6611", net.IPv4(127, 0, 0, 1), nil},
		{"localhost:6611", nil, nil},
		{"[::1]:6611", net.IPv6loopback, nil},
		{"0.0.0.0:6611", nil, []string{"can read the chain and post units"}},
		{"192.168.1.5:6611", net.IPv4(192, 168, 1, 5), []string{"can read the chain and post units", "gets money from the faucet"}},
		{"127.0.0.1:6611", net.IPv4zero, []string{"gets money from the faucet"}},
	} {
		f := ledgerFlags{listen: c.listen}
		var spring net.Listener
		if c.faucet != nil {
			spring = at{address: net.TCPAddr{IP: c.faucet, Port: 6612}}
		}
		got := f.warnings(spring)
		if len(got) != len(c.want) {
			t.Errorf("--listen %s, faucet on %v: %q, want %q", c.listen, c.faucet, got, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("--listen %s, faucet on %v: %q, want %q", c.listen, c.faucet, got[i], want)
			}
		}
	}
}
