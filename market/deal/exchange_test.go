package deal_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
)

var secret = []byte("the seller's own secret")

// TestExchangeRoundTrip: what the seller encrypts and seals, the buyer and nobody else opens.
func TestExchangeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := protocol.H("deal", rapid.Uint64().Draw(t, "deal"))
		window, index := rapid.Uint64Range(0, 1<<50).Draw(t, "window"), rapid.Uint8Range(0, protocol.MaxBatches-1).Draw(t, "index")
		pack := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "pack")
		salt := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "salt"))
		box, err := deal.BoxKey([]byte("the buyer's secret"), rapid.Uint32().Draw(t, "channel"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := deal.BatchKey(secret, id, window, index)
		if err != nil {
			t.Fatal(err)
		}
		data, err := deal.Encrypt(key, salt, pack)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := deal.SealKey(secret, id, window, index, [32]byte(box.PublicKey().Bytes()), key)
		if err != nil || len(sealed) != 80 {
			t.Fatalf("sealed in %d bytes, %v", len(sealed), err)
		}
		got, err := deal.OpenKey(box, sealed)
		if err != nil || got != key {
			t.Fatalf("key %x, %v, want %x", got, err, key)
		}
		gotSalt, gotPack, err := deal.Decrypt(got, data)
		if err != nil || gotSalt != salt || !bytes.Equal(gotPack, pack) {
			t.Fatalf("pack %x with salt %x, %v", gotPack, gotSalt, err)
		}
	})
}

func TestEveryBatchHasItsOwnKey(t *testing.T) {
	a, b := protocol.H("a"), protocol.H("b")
	seen := map[[32]byte]string{}
	for _, at := range []struct {
		name   string
		secret []byte
		deal   protocol.Hash
		window uint64
		index  uint8
	}{
		{"first", secret, a, 1, 0}, {"next batch", secret, a, 1, 1}, {"next window", secret, a, 2, 0}, {"other deal", secret, b, 1, 0},
		{"other seller", []byte("another secret"), a, 1, 0}, {"last batch", secret, a, 1, 63},
	} {
		k, err := deal.BatchKey(at.secret, at.deal, at.window, at.index)
		if err != nil {
			t.Fatal(err)
		}
		if with, twice := seen[k]; twice {
			t.Errorf("%s has the key of %s", at.name, with)
		}
		seen[k] = at.name
		if again, _ := deal.BatchKey(at.secret, at.deal, at.window, at.index); again != k {
			t.Errorf("%s has another key the second time", at.name)
		}
	}
}

func TestWrongKeysOpenNothing(t *testing.T) {
	id := protocol.H("deal")
	key, _ := deal.BatchKey(secret, id, 1, 2)
	data, err := deal.Encrypt(key, [16]byte{1}, []byte("pack"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := key
	wrong[0] ^= 1
	spoiled := bytes.Clone(data)
	spoiled[3] ^= 1
	empty, err := deal.Encrypt(key, [16]byte{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]struct {
		key  [32]byte
		data []byte
	}{"another key": {wrong, data}, "a spoiled cipher": {key, spoiled}, "half a cipher": {key, data[:10]}, "nothing": {key, nil}, "an empty pack": {key, empty}} {
		if _, _, err := deal.Decrypt(try.key, try.data); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: error %v, want Invalid", what, err)
		}
	}

	mine, _ := deal.BoxKey([]byte("mine"), 1)
	next, _ := deal.BoxKey([]byte("mine"), 2)
	sealed, err := deal.SealKey(secret, id, 1, 2, [32]byte(mine.PublicKey().Bytes()), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deal.OpenKey(next, sealed); !errors.Is(err, protocol.Invalid) {
		t.Errorf("another channel's box: error %v, want Invalid", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := deal.OpenKey(mine, bad); i != 31 && !errors.Is(err, protocol.Invalid) { // X25519 ignores one bit of a key
			t.Errorf("byte %d spoiled: error %v, want Invalid", i, err)
		}
	}
	for _, n := range []int{0, 32, 79, 81} {
		if _, err := deal.OpenKey(mine, make([]byte, n)); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%d bytes: error %v, want Invalid", n, err)
		}
	}
	if _, err := deal.OpenKey(mine, make([]byte, 80)); !errors.Is(err, protocol.Invalid) {
		t.Errorf("the point of order one: error %v, want Invalid", err)
	}
	if _, err := deal.SealKey(secret, id, 1, 2, [32]byte{}, key); !errors.Is(err, protocol.Invalid) {
		t.Errorf("a box that is no key: error %v, want Invalid", err)
	}
}

func TestSaltsDiffer(t *testing.T) {
	base := deal.Salt(secret, prop, 7)
	if base == deal.Salt(secret, prop, 8) || base == deal.Salt(secret, "pm10", 7) || base == deal.Salt([]byte("other"), prop, 7) || base == deal.AuxSalt(secret, prop, 7) {
		t.Error("two salts are the same")
	}
	if base != deal.Salt(secret, prop, 7) {
		t.Error("a salt is not the same the second time")
	}
}

func FuzzOpenKey(f *testing.F) {
	box, err := deal.BoxKey([]byte("mine"), 1)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := deal.SealKey(secret, protocol.H("d"), 1, 2, [32]byte(box.PublicKey().Bytes()), [32]byte{9})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add(make([]byte, 80))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := deal.OpenKey(box, data)
		if err == nil {
			deal.Decrypt(key, data)
		}
	})
}
