package device

import (
	"io"
	"math"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Ring holds the keys of one device: the permanent one, the temporary one that others encrypt to now, and the one before,
// since a message may lie in a box for a while. It is not safe for concurrent use.
type Ring struct {
	permanent Key
	saved     [2][32]byte // secrets of now and before; zero is none
	temp      [2]*unit.Key
	used      bool
}

// NewRing makes a ring with a first temporary key drawn from random. Error: what random says.
func NewRing(permanent Key, random io.Reader) (*Ring, error) {
	r := &Ring{permanent: permanent}
	return r, r.Rotate(random)
}

// OpenRing makes a ring of what Secrets returned. Its temporary key counts as used. Error: Invalid for anything else.
func OpenRing(permanent Key, secrets []byte) (*Ring, error) {
	r := &Ring{permanent: permanent, used: true}
	if len(secrets) != 64 {
		return nil, refuse("temporary keys of %d bytes, want 64", len(secrets))
	}
	for i := range r.saved {
		copy(r.saved[i][:], secrets[32*i:])
		if i == 1 && r.saved[i] == [32]byte{} {
			break
		}
		var err error
		if r.temp[i], err = unit.NewKey(r.saved[i]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Secrets are the private halves of the temporary keys, 64 bytes for the device's own store and nothing else.
func (r *Ring) Secrets() []byte { return append(append([]byte{}, r.saved[0][:]...), r.saved[1][:]...) }

// Rotate makes a new temporary key and forgets the one before the last. Error: what random says; then nothing changed.
func (r *Ring) Rotate(random io.Reader) error {
	for {
		var secret [32]byte
		if _, err := io.ReadFull(random, secret[:]); err != nil {
			return err
		}
		if k, err := unit.NewKey(secret); err == nil {
			r.saved, r.temp, r.used = [2][32]byte{secret, r.saved[0]}, [2]*unit.Key{k, r.temp[0]}, false
			return nil
		}
	}
}

// Used says whether a message may have come that is encrypted to the present temporary key: only then is it worth a change.
func (r *Ring) Used() bool { return r.used }

// Permanent is the device's own key.
func (r *Ring) Permanent() Key { return r.permanent }

// TempKey vouches for the present temporary key. Error: what the permanent key says.
func (r *Ring) TempKey() (TempKey, error) { return NewTempKey(r.temp[0].PublicKey(), r.permanent) }

// String keeps the secrets out of logs.
func (r *Ring) String() string { return "keys of device " + Address(r.permanent.PublicKey()) }

// GoString keeps the secrets out of logs.
func (r *Ring) GoString() string { return r.String() }

// Opened is a message that came, proven to be from Pubkey and for this device.
type Opened struct {
	Message
	Pubkey string        // permanent key of the sender, base64
	ID     byteball.Hash // of the innermost package: the same for every copy, however often it is sent or wrapped
}

// Open decrypts s, up to three layers. Error: Invalid for what is not for this device or was forged or damaged; NotFound if
// it is encrypted to a key that is not on the ring (any more).
func (r *Ring) Open(s *Sealed) (Opened, error) {
	if s.To != Address(r.permanent.PublicKey()) {
		return Opened{}, refuse("not mine")
	}
	p := s.pack
	for range maxLayers {
		key := r.key(p.DH.Receiver)
		if key == nil {
			return Opened{}, byteball.Errorf(byteball.NotFound, "message encrypted to unknown key %.44s", p.DH.Receiver)
		}
		text, err := p.decrypt(key)
		if err != nil {
			return Opened{}, err
		}
		tree, err := objecthash.ParseTree(text)
		if err != nil {
			return Opened{}, err
		}
		fields, _ := tree.(map[string]any)
		if !given(fields, "encrypted_package") {
			return s.opened(fields, p)
		}
		var ok bool
		if p, ok = packageIn(fields["encrypted_package"]); !ok {
			return Opened{}, refuse("wrong params in encrypted package")
		}
	}
	return Opened{}, refuse("too many layers of encryption")
}

// key returns the key of the ring with this public half.
func (r *Ring) key(pub string) Key {
	for i, k := range r.temp {
		if k != nil && k.PublicKey() == pub {
			r.used = r.used || i == 0
			return k
		}
	}
	if r.permanent.PublicKey() == pub {
		return r.permanent
	}
	return nil
}

// opened reads the innermost text. A hub could put another key and signature on the message; it is found out here.
func (s *Sealed) opened(fields map[string]any, p Package) (Opened, error) {
	m := Message{From: text(fields, "from"), Hub: text(fields, "device_hub"), Subject: text(fields, "subject"), Body: fields["body"]}
	if n, ok := fields["number"].(float64); ok && n > 0 && n < 1<<53 && n == math.Trunc(n) {
		m.Number = uint64(n)
	}
	if m.From != Address(s.Pubkey) {
		return Opened{}, refuse("wrong message signature")
	}
	id, err := p.ID()
	return Opened{Message: m, Pubkey: s.Pubkey, ID: id}, err
}
