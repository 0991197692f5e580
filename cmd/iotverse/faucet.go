package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/protocol"
)

// What a dev faucet gives.
const (
	faucetMost    byteball.Bytes = 1e9  // for one request
	faucetAddress byteball.Bytes = 10e9 // for one address in faucetMemory
	faucetMemory                 = time.Hour
	faucetRate                   = 10 // requests a second, from everybody
	faucetMax                    = 10_000
)

// faucet gives money of a dev ledger to whoever asks: POST /pay?address=…&amount=…
type faucet struct {
	pay   func(ctx context.Context, ref string, to unit.Output) (byteball.Hash, error)
	limit *rate.Limiter

	mu    sync.Mutex
	since time.Time // when given was empty
	given map[byteball.Address]byteball.Bytes
	seq   int
}

func newFaucet(pay func(ctx context.Context, ref string, to unit.Output) (byteball.Hash, error)) *faucet {
	return &faucet{pay: pay, limit: rate.NewLimiter(faucetRate, 2*faucetRate), since: time.Now(), given: make(map[byteball.Address]byteball.Bytes)}
}

// faucetAnswer is what a faucet says, as JSON.
type faucetAnswer struct {
	Address byteball.Address `json:"address,omitempty"`
	Amount  byteball.Bytes   `json:"amount,omitempty"`
	Unit    byteball.Hash    `json:"unit,omitempty"`
	Error   string           `json:"error,omitempty"`
}

func (f *faucet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, status := f.answer(r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(a)
}

func (f *faucet) answer(r *http.Request) (faucetAnswer, int) {
	refuse := func(status int, format string, args ...any) (faucetAnswer, int) {
		return faucetAnswer{Error: fmt.Sprintf(format, args...)}, status
	}
	if r.URL.Path != "/pay" {
		return refuse(http.StatusNotFound, "the faucet knows POST /pay?address=ADDRESS&amount=BYTES only")
	}
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "use POST")
	}
	q := r.URL.Query()
	to := unit.Output{Address: byteball.Address(q.Get("address"))}
	if !chash.Valid(to.Address) {
		return refuse(http.StatusBadRequest, "address %.40q is no address", q.Get("address"))
	}
	n, err := strconv.ParseUint(q.Get("amount"), 10, 64)
	if err != nil || n == 0 || n > uint64(faucetMost) {
		return refuse(http.StatusBadRequest, "amount %.20q: want 1 to %d bytes", q.Get("amount"), uint64(faucetMost))
	}
	to.Amount = byteball.Bytes(n)
	if !f.limit.Allow() {
		return refuse(http.StatusTooManyRequests, "too many requests; try again in a second")
	}
	ref, ok := f.grant(to, time.Now())
	if !ok {
		return refuse(http.StatusTooManyRequests, "%s has had its %s of this hour", to.Address, faucetAddress)
	}
	h, err := f.pay(r.Context(), ref, to)
	if err != nil {
		f.takeBack(to)
		return refuse(http.StatusServiceUnavailable, "%v", err)
	}
	return faucetAnswer{Address: to.Address, Amount: to.Amount, Unit: h}, http.StatusOK
}

// grant counts what an address gets, and names the payment.
func (f *faucet) grant(to unit.Output, now time.Time) (ref string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.since) > faucetMemory {
		f.since = now
		clear(f.given)
	}
	had, known := f.given[to.Address]
	if had+to.Amount > faucetAddress || (!known && len(f.given) >= faucetMax) {
		return "", false
	}
	f.given[to.Address] = had + to.Amount
	f.seq++
	return fmt.Sprintf("faucet/%d/%d", now.UnixNano(), f.seq), true
}

func (f *faucet) takeBack(to unit.Output) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.given[to.Address] -= min(to.Amount, f.given[to.Address])
}

// faucetURL is where the dev faucet of a hub listens: the hub's port + 1. It is empty for a hub without a port.
func faucetURL(hub string) string {
	u, err := url.Parse(hub)
	if err != nil {
		return ""
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 65535 {
		return ""
	}
	return "http://" + net.JoinHostPort(u.Hostname(), strconv.FormatUint(port+1, 10))
}

// askFaucet asks a dev faucet to pay an amount to an address, in as many payments as its bound needs.
func askFaucet(ctx context.Context, at string, address byteball.Address, amount byteball.Bytes) error {
	if at == "" {
		return fmt.Errorf("the market's hub has no faucet: %w", protocol.NotFound)
	}
	for amount > 0 {
		part := min(amount, faucetMost)
		if err := askOnce(ctx, at, address, part); err != nil {
			return err
		}
		amount -= part
	}
	return nil
}

func askOnce(ctx context.Context, at string, address byteball.Address, amount byteball.Bytes) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	q := url.Values{"address": {string(address)}, "amount": {strconv.FormatUint(uint64(amount), 10)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/pay?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("faucet %s: %w", at, err)
	}
	defer resp.Body.Close()
	var a faucetAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&a); err != nil {
		return fmt.Errorf("faucet %s answers no JSON (%s): %w", at, resp.Status, protocol.Invalid)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("faucet %s refuses: %.500s: %w", at, a.Error, protocol.Transient)
	}
	return nil
}
