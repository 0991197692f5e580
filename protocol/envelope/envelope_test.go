package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// edKey is an Ed25519 identity made from a seed.
type edKey struct{ priv ed25519.PrivateKey }

func key(seed byte) edKey {
	return edKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (k edKey) Identity() protocol.Identity {
	return protocol.Identity(k.priv.Public().(ed25519.PublicKey))
}
func (k edKey) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.priv, m), nil }

var market = protocol.H("test market")

func sealed(t testing.TB) envelope.Envelope {
	t.Helper()
	env, err := envelope.Seal(key(1), market, &protocol.Receipt{Wid: protocol.H("w"), Arrived: 1_700_000_000_000, Tip: 42})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestOpenGivesBackWhatWasSealed(t *testing.T) {
	env := sealed(t)
	got, err := envelope.Open(envelope.Keys{}, market, env.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Signer != key(1).Identity() || *got.Body.(*protocol.Receipt) != *env.Body.(*protocol.Receipt) {
		t.Errorf("opened %+v, want %+v", got, env)
	}
	if got.Hash() != env.Hash() {
		t.Error("the hash differs after a round trip")
	}
}

func TestEverySpoiledBitIsRefused(t *testing.T) {
	env := sealed(t)
	for i := range env.Raw {
		bad := bytes.Clone(env.Raw)
		bad[i] ^= 1
		if _, err := envelope.Open(envelope.Keys{}, market, bad); !errors.Is(err, protocol.Invalid) {
			t.Fatalf("byte %d spoiled: %v, want Invalid", i, err)
		}
	}
}

func TestAnotherMarketIsRefused(t *testing.T) {
	if _, err := envelope.Open(envelope.Keys{}, protocol.H("other"), sealed(t).Raw); !errors.Is(err, protocol.Invalid) {
		t.Errorf("error %v, want Invalid", err)
	}
}

func TestTrailingBytesAreRefused(t *testing.T) {
	if _, err := envelope.Open(envelope.Keys{}, market, append(sealed(t).Raw, 0)); !errors.Is(err, protocol.Invalid) {
		t.Errorf("error %v, want Invalid", err)
	}
}

func TestDetachedSignatureIsTheEnvelopes(t *testing.T) {
	env := sealed(t)
	ok := envelope.VerifyDetached(envelope.Keys{}, market, env.Signer, env.Kind(), env.Payload, env.Signature)
	if !ok {
		t.Error("the signature does not verify apart from its envelope")
	}
	if envelope.VerifyDetached(envelope.Keys{}, market, env.Signer, protocol.KindCommit, env.Payload, env.Signature) {
		t.Error("the signature verifies for another kind")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(sealed(f).Raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		env, err := envelope.Open(envelope.Keys{}, market, raw)
		if err == nil && !bytes.Equal(env.Raw, raw) {
			t.Fatal("opened to other bytes")
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	raw := sealed(b).Raw
	b.ReportAllocs()
	for b.Loop() {
		if _, err := envelope.Open(envelope.Keys{}, market, raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareVerify is the floor of BenchmarkOpen.
func BenchmarkBareVerify(b *testing.B) {
	k := key(1)
	msg := sealed(b).Raw
	sig := ed25519.Sign(k.priv, msg)
	pub := k.priv.Public().(ed25519.PublicKey)
	for b.Loop() {
		if !ed25519.Verify(pub, msg, sig) {
			b.Fatal("bad")
		}
	}
}
