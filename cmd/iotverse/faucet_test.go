package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

const somebody byteball.Address = "M72OFI6FVOTGACNW6C7XCT57OO2TUVJF"

func TestFaucetPaysWithinItsBounds(t *testing.T) {
	var paid []unit.Output
	refs := make(map[string]bool)
	server := httptest.NewServer(newFaucet(func(_ context.Context, ref string, to unit.Output) (byteball.Hash, error) {
		paid = append(paid, to)
		refs[ref] = true
		return "unit", nil
	}))
	defer server.Close()
	if err := askFaucet(t.Context(), server.URL, somebody, 2_500_000_000); err != nil {
		t.Fatal(err)
	}
	var sum byteball.Bytes
	for _, o := range paid {
		sum += o.Amount
	}
	if len(paid) != 3 || len(refs) != 3 || sum != 2_500_000_000 || paid[0].Address != somebody {
		t.Errorf("payments %v under %d names, want 2.5 GB in three", paid, len(refs))
	}
	if err := askFaucet(t.Context(), server.URL, somebody, 8_000_000_000); err == nil || !strings.Contains(err.Error(), "has had its 10 GB of this hour") {
		t.Errorf("error %v for more than 10 GB, want a refusal", err)
	}
	for _, c := range []struct{ method, query, want string }{
		{http.MethodGet, "/pay?address=M72OFI6FVOTGACNW6C7XCT57OO2TUVJF&amount=1", "405"},
		{http.MethodPost, "/give?address=M72OFI6FVOTGACNW6C7XCT57OO2TUVJF&amount=1", "404"},
		{http.MethodPost, "/pay?address=M72OFI6FVOTGACNW6C7XCT57OO2TUVJG&amount=1", "400"},
		{http.MethodPost, "/pay?address=M72OFI6FVOTGACNW6C7XCT57OO2TUVJF&amount=0", "400"},
		{http.MethodPost, "/pay?address=M72OFI6FVOTGACNW6C7XCT57OO2TUVJF&amount=1000000001", "400"},
		{http.MethodPost, "/pay?address=M72OFI6FVOTGACNW6C7XCT57OO2TUVJF&amount=-1", "400"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if !strings.HasPrefix(resp.Status, c.want) {
			t.Errorf("%s %s: %s, want %s", c.method, c.query, resp.Status, c.want)
		}
	}
}

func TestFaucetLimitsEverybody(t *testing.T) {
	server := httptest.NewServer(newFaucet(func(context.Context, string, unit.Output) (byteball.Hash, error) { return "unit", nil }))
	defer server.Close()
	var err error
	for range 5 * faucetRate {
		if err = askOnce(t.Context(), server.URL, somebody, 1); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "too many requests") {
		t.Errorf("error %v in a flood, want a refusal", err)
	}
}

func TestFaucetForgetsWhatItCouldNotPay(t *testing.T) {
	fail := true
	server := httptest.NewServer(newFaucet(func(context.Context, string, unit.Output) (byteball.Hash, error) {
		if fail {
			return "", errors.New("no money")
		}
		return "unit", nil
	}))
	defer server.Close()
	for range 12 {
		if err := askOnce(t.Context(), server.URL, somebody, faucetMost); err == nil || !strings.Contains(err.Error(), "no money") {
			t.Fatalf("error %v, want the payment's", err)
		}
	}
	fail = false
	if err := askOnce(t.Context(), server.URL, somebody, faucetMost); err != nil {
		t.Errorf("error %v after payments that failed, want none", err)
	}
}

func TestFaucetURL(t *testing.T) {
	for hub, want := range map[string]string{
		"ws://127.0.0.1:6611":   "http://127.0.0.1:6612",
		"ws://[::1]:6611":       "http://[::1]:6612",
		"wss://example.org/bb":  "",
		"ws://127.0.0.1:65535":  "",
		"ws://127.0.0.1:999999": "",
		"\x00":                  "",
	} {
		if got := faucetURL(hub); got != want {
			t.Errorf("faucet of %q: %q, want %q", hub, got, want)
		}
	}
}
