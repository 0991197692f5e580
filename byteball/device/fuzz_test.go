package device_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// FuzzSealed wants no panic of any message, and that one which is taken is the same after it was written and read.
func FuzzSealed(f *testing.F) {
	v := load(f)
	ring := v.ring(f)
	for _, c := range v.Cases {
		f.Add([]byte(c.Sealed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := device.Parse(data)
		if err != nil {
			return
		}
		ring.Open(s)
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := device.Parse(again); err != nil || b.Hash != s.Hash {
			t.Errorf("%s was taken, but not as %s: %v", data, again, err)
		}
	})
}

// FuzzPlain encrypts any text as if it were a message: what is inside is as hostile as what is outside.
func FuzzPlain(f *testing.F) {
	v := load(f)
	ring, sender := v.ring(f), key(f, v.Keys.Sender)
	for _, c := range v.Cases {
		f.Add([]byte(c.PlainJSON))
	}
	f.Add([]byte(`{"encrypted_package":{"encrypted_message":"x","iv":"x","authtag":"x","dh":{"sender_ephemeral_pubkey":"x","recipient_ephemeral_pubkey":"x"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := device.EncryptRaw(data, ring.Permanent().PublicKey(), noise(1))
		if err != nil || len(data) == 0 { // an empty text cannot be sent
			return
		}
		s, err := device.Seal(p, ring.Permanent().PublicKey(), sender)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ring.Open(s)
		if err == nil && m.From != v.Keys.SenderAddress {
			t.Errorf("%s was opened as a message of %s", data, m.From)
		}
		if err == nil {
			m.Introduction()
		}
	})
}

// FuzzControl reads logins, temporary keys and pairing codes.
func FuzzControl(f *testing.F) {
	v := load(f)
	login, err := json.Marshal(v.Login)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(login)
	f.Add([]byte(v.TempKey))
	f.Add([]byte(key(f, v.Keys.Sender).PublicKey() + "@obyte.org/bb#0000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := device.ParsePairing(string(data)); err == nil {
			if again, err := device.ParsePairing(p.String()); err != nil || again != p {
				t.Errorf("%q became %q: %v", data, p, err)
			}
		}
		tree, err := objecthash.ParseTree(bytes.Clone(data))
		if err != nil {
			return
		}
		device.CheckLogin(tree, v.Login.Challenge)
		device.ParseTempKey(tree, v.Keys.SenderAddress)
	})
}
