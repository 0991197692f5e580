package device_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/unit"
)

// vectors are made by the reference's own functions.
type vectors struct {
	Keys struct {
		Sender        string `json:"sender_permanent_priv_key_hex"`
		SenderAddress string `json:"sender_device_address"`
		Permanent     string `json:"recipient_permanent_priv_key_hex"`
		Temp          string `json:"recipient_temp_priv_key_hex"`
		Prev          string `json:"recipient_prev_temp_priv_key_hex"`
		Address       string `json:"recipient_device_address"`
	}
	Login   device.Login
	TempKey json.RawMessage `json:"temp_pubkey"`
	Cases   []struct {
		Plain     device.Message
		PlainJSON string          `json:"plain_json"`
		To        string          `json:"encrypted_to"`
		Key       string          `json:"recipient_priv_key_hex"`
		Ephemeral string          `json:"sender_ephemeral_priv_key_hex"`
		IV        string          `json:"iv_hex"`
		Secret    string          `json:"shared_secret_hex"`
		Sealed    json.RawMessage `json:"device_message"`
		Hash      byteball.Hash   `json:"message_hash"`
		JSONHash  byteball.Hash   `json:"message_hash_json"`
		Decrypted device.Message
	}
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/device_messages.json")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func key(t testing.TB, secret string) *unit.Key {
	t.Helper()
	k, err := unit.NewKey([32]byte(unhex(t, secret)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// ring is the receiver's.
func (v vectors) ring(t testing.TB) *device.Ring {
	t.Helper()
	r, err := device.OpenRing(key(t, v.Keys.Permanent), unhex(t, v.Keys.Temp+v.Keys.Prev))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tree(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAddresses(t *testing.T) {
	v := load(t)
	for secret, want := range map[string]string{v.Keys.Sender: v.Keys.SenderAddress, v.Keys.Permanent: v.Keys.Address} {
		got := device.Address(key(t, secret).PublicKey())
		if got != want || !device.ValidAddress(got) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, bad := range []string{"", "0", v.Keys.Address[1:], "1" + v.Keys.Address[1:], v.Keys.Address[:32] + "A", v.Keys.Address + "A"} {
		if device.ValidAddress(bad) {
			t.Errorf("%q counts as a device's address", bad)
		}
	}
}

func TestLoginVector(t *testing.T) {
	v := load(t)
	got, err := device.NewLogin(v.Login.Challenge, key(t, v.Keys.Sender))
	if err != nil || got != v.Login {
		t.Fatalf("got %+v (%v), want %+v", got, err, v.Login)
	}
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := device.CheckLogin(tree(t, data), v.Login.Challenge); err != nil || l != got {
		t.Errorf("check: %+v, %v", l, err)
	}
}

func TestTempKeyVector(t *testing.T) {
	v := load(t)
	want, err := device.ParseTempKey(tree(t, v.TempKey), v.Keys.SenderAddress)
	if err != nil {
		t.Fatal(err)
	}
	got, err := device.NewTempKey(want.TempPubkey, key(t, v.Keys.Sender))
	if err != nil || got != want {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

// Each message of the reference is opened with the key it was encrypted to, and made again byte for byte.
func TestMessageVectors(t *testing.T) {
	v := load(t)
	if len(v.Cases) != 10 {
		t.Fatalf("%d cases, want 10", len(v.Cases))
	}
	sender, permanent := key(t, v.Keys.Sender), key(t, v.Keys.Permanent)
	for _, c := range v.Cases {
		t.Run(c.Plain.Subject+" to "+c.To, func(t *testing.T) {
			s, err := device.Parse(c.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			if s.Hash != c.Hash || !s.Named(c.Hash) || !s.Named(c.JSONHash) || s.Named("x") {
				t.Errorf("hash %s, want %s", s.Hash, c.Hash)
			}
			got, err := v.ring(t).Open(s)
			if err != nil || !reflect.DeepEqual(got.Message, c.Decrypted) || got.Pubkey != sender.PublicKey() {
				t.Errorf("opened %+v (%v), want %+v", got, err, c.Decrypted)
			}
			pub := key(t, c.Key).PublicKey()
			if secret, err := key(t, c.Ephemeral).ECDH(pub); err != nil || hex.EncodeToString(secret[:16]) != c.Secret {
				t.Errorf("shared secret %x (%v), want %s", secret[:16], err, c.Secret)
			}
			p, err := device.EncryptRaw([]byte(c.PlainJSON), pub, bytes.NewReader(unhex(t, c.Ephemeral+c.IV)))
			if err != nil {
				t.Fatal(err)
			}
			again, err := device.Seal(p, permanent.PublicKey(), sender)
			if err != nil {
				t.Fatal(err)
			}
			if again.Hash != c.Hash {
				t.Errorf("sealed again it is %s, want %s", again.Hash, c.Hash)
			}
			if p, err = c.Plain.Encrypt(pub, noise(1)); err != nil {
				t.Fatal(err)
			}
			if s, err = device.Seal(p, permanent.PublicKey(), sender); err != nil {
				t.Fatal(err)
			}
			if got, err := v.ring(t).Open(s); err != nil || !reflect.DeepEqual(got.Message, c.Plain) {
				t.Errorf("written by this package and opened: %+v (%v), want %+v", got, err, c.Plain)
			}
		})
	}
}
