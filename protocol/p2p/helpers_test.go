package p2p_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

// loopback is what every test listens on.
var loopback = []string{"/ip4/127.0.0.1/tcp/0"}

// edKey and ecKey sign as package utim does, without its files.
type edKey struct{ ed25519.PrivateKey }

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.Public().(ed25519.PublicKey))
}

func (k edKey) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, msg), nil }

type ecKey struct{ *ecdsa.PrivateKey }

func (k ecKey) Identity() protocol.Identity {
	return protocol.Identity(elliptic.MarshalCompressed(k.Curve, k.X, k.Y))
}

func (k ecKey) Sign(msg []byte) ([]byte, error) {
	digest := sha256.Sum256(msg)
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, digest[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func newKey(t testing.TB, p256 bool) protocol.Signer {
	t.Helper()
	if p256 {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return ecKey{k}
	}
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return edKey{k}
}

// start runs a node on loopback until the test ends; change may adapt its config.
func start(t testing.TB, change func(*p2p.Config)) *p2p.Node {
	t.Helper()
	cfg := p2p.Config{Market: protocol.Hash{1, 2, 3}, Listen: loopback, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg)
	}
	if cfg.Key == nil {
		cfg.Key = newKey(t, false)
	}
	n, err := p2p.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

// join connects from to to.
func join(t testing.TB, from, to *p2p.Node) {
	t.Helper()
	if err := from.Connect(t.Context(), to.Addrs()[0]); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ok, at most 20 s.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("after 20 s still not: %s", what)
}

// within bounds one call.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
