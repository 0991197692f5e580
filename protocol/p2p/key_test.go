package p2p_test

import (
	"crypto/rand"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/iotverse/iotverse/protocol/p2p"
)

// Law: identity, libp2p key and peer id are three forms of one key, and libp2p accepts our signatures.
func TestHostKey(t *testing.T) {
	for _, p256 := range []bool{false, true} {
		for range 20 { // P-256 points have two kinds of sign
			signer := newKey(t, p256)
			key, err := p2p.NewHostKey(signer)
			if err != nil {
				t.Fatal(err)
			}
			if id, err := p2p.IdentityOf(key.GetPublic()); err != nil || id != signer.Identity() {
				t.Fatalf("P-256 %v: identity %x back as %x (%v)", p256, string(signer.Identity()), string(id), err)
			}
			sig, err := key.Sign([]byte("handshake"))
			if err != nil {
				t.Fatal(err)
			}
			wire, err := crypto.MarshalPublicKey(key.GetPublic())
			if err != nil {
				t.Fatal(err)
			}
			public, err := crypto.UnmarshalPublicKey(wire)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := public.Verify([]byte("handshake"), sig); !ok || err != nil {
				t.Fatalf("P-256 %v: libp2p refuses the signature: %v", p256, err)
			}
			want, err := peer.IDFromPublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p2p.PeerID(signer.Identity()); err != nil || got != want.String() {
				t.Fatalf("peer id %s (%v), want %s", got, err, want)
			}
			if raw, err := key.Raw(); raw != nil || err == nil {
				t.Fatal("the private key came out")
			}
			if _, err := crypto.MarshalPrivateKey(key); err == nil {
				t.Fatal("the private key was marshalled")
			}
			if !key.Equals(key) {
				t.Fatal("a key is not equal to itself")
			}
		}
	}
}

func TestForeignKeysHaveNoIdentity(t *testing.T) {
	for _, kind := range []int{crypto.Secp256k1, crypto.RSA} {
		_, public, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := p2p.IdentityOf(public); err == nil {
			t.Errorf("key of kind %d became identity %x", kind, string(id))
		}
	}
	if _, err := p2p.IdentityOf(nil); err == nil {
		t.Error("no key became an identity")
	}
}
