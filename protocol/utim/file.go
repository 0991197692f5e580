package utim

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/iotverse/iotverse/protocol"
)

// The key file is JSON, so that a person sees what it is:
//
//	{"iotverse_keys":1,"identity":…,"kdf":"argon2id","time":3,"memory_kib":65536,"threads":4,"salt":…,"nonce":…,"box":…}
//
// box is XChaCha20-Poly1305 of the plain form; everything before it is its associated data. The plain form is one byte of
// key kind, 32 bytes of identity key, 16 to 32 bytes of wallet entropy (BIP39). With kdf "none" box holds the plain form and the first
// eight bytes of its SHA-256.

const (
	fileVersion = 1
	fileMax     = 4096 // bytes of a whole file; a real one has about 400
	plainHead   = 1 + 32

	// RFC 9106, second recommended choice. About 0.2 s on a PC, 4 s on a Pi Zero, and 64 MB for that moment.
	kdfTime    = 3
	kdfMemory  = 64 << 10 // KiB
	kdfThreads = 4

	// What a file may ask for at most: a hostile one costs 256 MB and some seconds, no more.
	kdfTimeMax    = 16
	kdfMemoryMax  = 256 << 10
	kdfThreadsMax = 16
	kdfWorkMax    = 1 << 20 // KiB × passes
)

// ErrPassphrase says that the passphrase does not open the file, or the file is damaged; nobody can tell the two apart.
// It is of kind Invalid.
var ErrPassphrase = fmt.Errorf("wrong passphrase, or the key file is damaged: %w", protocol.Invalid)

// keyFile is the file's content.
type keyFile struct {
	Version  int    `json:"iotverse_keys"`
	Identity []byte `json:"identity"` // public
	KDF      string `json:"kdf"`      // "argon2id" or "none"
	Time     uint32 `json:"time,omitempty"`
	Memory   uint32 `json:"memory_kib,omitempty"`
	Threads  uint8  `json:"threads,omitempty"`
	Salt     []byte `json:"salt,omitempty"`
	Nonce    []byte `json:"nonce,omitempty"`
	Box      []byte `json:"box"`
}

func (s secrets) plain() []byte {
	kind := byte(1)
	if s.p256 {
		kind = 2
	}
	out := append(make([]byte, 0, plainHead+len(s.entropy)), kind)
	out = append(out, s.identity[:]...)
	return append(out, s.entropy...)
}

func parsePlain(b []byte) (secrets, error) {
	if !plainSize(len(b)) || b[0] < 1 || b[0] > 2 {
		return secrets{}, fmt.Errorf("utim: key file holds no keys of a known kind: %w", protocol.Invalid)
	}
	s := secrets{p256: b[0] == 2}
	copy(s.identity[:], b[1:])
	s.entropy = bytes.Clone(b[plainHead:])
	return s, nil
}

// plainSize says whether a plain form of n bytes holds the entropy of 12, 15, 18, 21 or 24 words.
func plainSize(n int) bool {
	n -= plainHead
	return n >= 16 && n <= 32 && n%4 == 0
}

// encode writes the file that holds s.
func encode(s secrets, identity protocol.Identity, opts Options, random io.Reader) ([]byte, error) {
	f := keyFile{Version: fileVersion, Identity: []byte(identity)}
	if opts.Unencrypted {
		f.KDF = "none"
		f.Box = append(s.plain(), checksum(s.plain())...)
		return f.json()
	}
	f.KDF, f.Time, f.Memory, f.Threads = "argon2id", kdfTime, kdfMemory, kdfThreads
	f.Salt, f.Nonce = make([]byte, 16), make([]byte, chacha20poly1305.NonceSizeX)
	for _, b := range [][]byte{f.Salt, f.Nonce} {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, fmt.Errorf("utim: no randomness: %w", err)
		}
	}
	head, err := f.json()
	if err != nil {
		return nil, err
	}
	box, err := chacha20poly1305.NewX(f.key(opts.Passphrase))
	if err != nil {
		return nil, fmt.Errorf("utim: cipher: %w", err)
	}
	f.Box = box.Seal(nil, f.Nonce, s.plain(), head)
	return f.json()
}

// json writes the file in its only form; with an empty box, it is the associated data.
func (f keyFile) json() ([]byte, error) {
	out, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("utim: key file: %w", err)
	}
	return append(out, '\n'), nil
}

func checksum(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:8]
}

func (f keyFile) key(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, f.Salt, f.Time, f.Memory, f.Threads, chacha20poly1305.KeySize)
}

// decode opens a key file. Errors: ErrPassphrase; Invalid for what is no key file or asks for too much work.
func decode(data, passphrase []byte) (*Module, error) {
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	plain, err := f.unseal(passphrase)
	if err != nil {
		return nil, err
	}
	s, err := parsePlain(plain)
	if err != nil {
		return nil, err
	}
	m, err := s.open()
	if err != nil {
		return nil, err
	}
	if string(m.identity) != string(f.Identity) {
		return nil, fmt.Errorf("utim: key file says identity %x, its key gives %x: %w", f.Identity, string(m.identity), protocol.Invalid)
	}
	return m, nil
}

// parse reads the outer form and checks every bound, before any work is done.
func parse(data []byte) (keyFile, error) {
	if len(data) > fileMax {
		return keyFile{}, fmt.Errorf("utim: key file of more than %d bytes: %w", fileMax, protocol.Invalid)
	}
	var v struct {
		Version int `json:"iotverse_keys"`
	}
	if err := json.Unmarshal(data, &v); err != nil || v.Version < 1 {
		return keyFile{}, fmt.Errorf("utim: not a key file: %w", protocol.Invalid)
	}
	if v.Version > fileVersion {
		return keyFile{}, fmt.Errorf("utim: key file of version %d, this program reads %d; use a newer iotverse: %w", v.Version, fileVersion, protocol.Invalid)
	}
	var f keyFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return keyFile{}, fmt.Errorf("utim: key file: %v: %w", err, protocol.Invalid)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return keyFile{}, fmt.Errorf("utim: bytes after the end of the key file: %w", protocol.Invalid)
	}
	return f, f.check()
}

// check bounds what the file asks for.
func (f keyFile) check() error {
	switch f.KDF {
	case "none":
		if !plainSize(len(f.Box)-8) || f.Time != 0 || f.Memory != 0 || f.Threads != 0 || f.Salt != nil || f.Nonce != nil {
			return fmt.Errorf("utim: unencrypted key file of a wrong form: %w", protocol.Invalid)
		}
	case "argon2id":
		if f.Time < 1 || f.Time > kdfTimeMax || f.Threads < 1 || f.Threads > kdfThreadsMax ||
			f.Memory < 8*uint32(f.Threads) || f.Memory > kdfMemoryMax || uint64(f.Time)*uint64(f.Memory) > kdfWorkMax {
			return fmt.Errorf("utim: key file asks for argon2id with %d passes over %d KiB by %d threads, more than this program allows: %w",
				f.Time, f.Memory, f.Threads, protocol.Invalid)
		}
		if len(f.Salt) < 8 || len(f.Salt) > 64 || len(f.Nonce) != chacha20poly1305.NonceSizeX || !plainSize(len(f.Box)-chacha20poly1305.Overhead) {
			return fmt.Errorf("utim: encrypted key file of a wrong form: %w", protocol.Invalid)
		}
	default:
		return fmt.Errorf("utim: key file with unknown kdf %q: %w", f.KDF, protocol.Invalid)
	}
	return nil
}

// unseal returns the plain form.
func (f keyFile) unseal(passphrase []byte) ([]byte, error) {
	if f.KDF == "none" {
		plain, sum := f.Box[:len(f.Box)-8], f.Box[len(f.Box)-8:]
		if subtle.ConstantTimeCompare(sum, checksum(plain)) != 1 {
			return nil, fmt.Errorf("utim: key file is damaged: %w", protocol.Invalid)
		}
		return plain, nil
	}
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("utim: the key file is encrypted and no passphrase was given: %w", ErrPassphrase)
	}
	sealed := f.Box
	f.Box = nil
	head, err := f.json()
	if err != nil {
		return nil, err
	}
	box, err := chacha20poly1305.NewX(f.key(passphrase))
	if err != nil {
		return nil, fmt.Errorf("utim: cipher: %w", err)
	}
	plain, err := box.Open(nil, f.Nonce, sealed, head)
	if err != nil {
		return nil, fmt.Errorf("utim: %w", ErrPassphrase)
	}
	return plain, nil
}
