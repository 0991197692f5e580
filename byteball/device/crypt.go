package device

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Message is what one device tells another, before it is encrypted.
type Message struct {
	From    string `json:"from"`       // address of the sender: nobody can put his own signature under another's message
	Hub     string `json:"device_hub"` // where the sender's box is, e.g. "obyte.org/bb"
	Subject string `json:"subject"`
	Body    any    `json:"body"`             // JSON tree
	Number  uint64 `json:"number,omitempty"` // counts what the sender sent to this receiver, if it counts; not in the reference
}

// Package is an encrypted text. All fields are base64.
type Package struct {
	Text string `json:"encrypted_message"`
	IV   string `json:"iv"`      // 12 bytes
	Tag  string `json:"authtag"` // 16 bytes
	DH   struct {
		Sender   string `json:"sender_ephemeral_pubkey"`
		Receiver string `json:"recipient_ephemeral_pubkey"`
	} `json:"dh"`
}

const (
	ivSize  = 12
	tagSize = 16
)

// plain is JSON as the reference would write it.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, refuse("device message cannot be written: %v", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Encrypt encrypts m to the key pub (base64), permanent or temporary. random gives the one-time key and the iv, at least 44
// bytes. Error: Invalid if pub is no key or m is too long or no JSON; what random says.
func (m Message) Encrypt(pub string, random io.Reader) (Package, error) {
	text, err := plain(m)
	if err != nil {
		return Package{}, err
	}
	return encrypt(text, pub, random)
}

// Encrypt puts another layer around p. Errors are those of Message.Encrypt.
func (p Package) Encrypt(pub string, random io.Reader) (Package, error) {
	text, err := plain(map[string]any{"encrypted_package": p})
	if err != nil {
		return Package{}, err
	}
	return encrypt(text, pub, random)
}

func encrypt(text []byte, pub string, random io.Reader) (p Package, err error) {
	if len(text) > MaxLength {
		return p, refuse("device message of %d bytes, at most %d", len(text), MaxLength)
	}
	ephemeral, err := draw(random)
	if err != nil {
		return p, err
	}
	iv := make([]byte, ivSize)
	if _, err := io.ReadFull(random, iv); err != nil {
		return p, fmt.Errorf("device: no randomness: %w", err)
	}
	box, err := gcm(ephemeral, pub)
	if err != nil {
		return p, err
	}
	out := box.Seal(nil, iv, text, nil)
	end := len(out) - tagSize
	p.Text, p.IV, p.Tag = encode(out[:end]), encode(iv), encode(out[end:])
	p.DH.Sender, p.DH.Receiver = ephemeral.PublicKey(), pub
	return p, nil
}

// draw makes a key of random.
func draw(random io.Reader) (*unit.Key, error) {
	for {
		var secret [32]byte
		if _, err := io.ReadFull(random, secret[:]); err != nil {
			return nil, fmt.Errorf("device: no randomness: %w", err)
		}
		if k, err := unit.NewKey(secret); err == nil {
			return k, nil
		}
	}
}

// gcm is the cipher of two keys: AES-128 with the first half of their shared secret.
func gcm(mine Key, theirs string) (cipher.AEAD, error) {
	secret, err := mine.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret[:16])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// decrypt takes one layer off p.
func (p Package) decrypt(key Key) ([]byte, error) {
	iv, err1 := decode(p.IV)
	tag, err2 := decode(p.Tag)
	text, err3 := decode(p.Text)
	if err1 != nil || err2 != nil || err3 != nil || len(iv) != ivSize || len(tag) != tagSize {
		return nil, refuse("failed to decrypt: text, iv or authtag is no base64 of the right length")
	}
	box, err := gcm(key, p.DH.Sender)
	if err != nil {
		return nil, err
	}
	out, err := box.Open(text[:0], iv, append(text, tag...), nil)
	if err != nil {
		return nil, refuse("failed to decrypt")
	}
	return out, nil
}

// ID names p for ever, whatever layers are put around it.
func (p Package) ID() (byteball.Hash, error) { return objecthash.Hash(p.tree()) }

func (p Package) tree() map[string]any {
	return map[string]any{
		"encrypted_message": p.Text, "iv": p.IV, "authtag": p.Tag,
		"dh": map[string]any{"sender_ephemeral_pubkey": p.DH.Sender, "recipient_ephemeral_pubkey": p.DH.Receiver},
	}
}

// packageIn reads what a message calls its encrypted_package.
func packageIn(v any) (p Package, ok bool) {
	f, _ := v.(map[string]any)
	dh, _ := f["dh"].(map[string]any)
	p.Text, p.IV, p.Tag = text(f, "encrypted_message"), text(f, "iv"), text(f, "authtag")
	p.DH.Sender, p.DH.Receiver = text(dh, "sender_ephemeral_pubkey"), text(dh, "recipient_ephemeral_pubkey")
	return p, p.Text != "" && p.IV != "" && p.Tag != "" && p.DH.Sender != "" && p.DH.Receiver != ""
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }
