package utim_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/utim"
)

var phrase = []byte("correct horse")

func seeded(n byte) utim.Options {
	return utim.Options{Unencrypted: true, Rand: rand.NewChaCha8([32]byte{n})}
}

func create(t testing.TB, opts utim.Options) (*utim.Module, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	m, err := utim.Create(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m, path
}

func TestCreateThenOpen(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts utim.Options
		open []byte
		size int
	}{
		{"encrypted", utim.Options{Passphrase: phrase}, phrase, 32},
		{"encrypted P-256", utim.Options{Passphrase: phrase, P256: true}, phrase, 33},
		{"plain", utim.Options{Unencrypted: true}, nil, 32},
		{"plain P-256", utim.Options{Unencrypted: true, P256: true}, nil, 33},
		{"plain, needless passphrase", utim.Options{Unencrypted: true}, phrase, 32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made, path := create(t, tt.opts)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("mode %o, want 600", got)
			}
			opened, err := utim.Open(path, tt.open)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := opened.Identity(), made.Identity(); got != want || len(got) != tt.size {
				t.Errorf("identity %x of %d bytes, want %x of %d", string(got), len(got), string(want), tt.size)
			}
			if got, want := opened.Backup(), made.Backup(); got != want || len(strings.Fields(got)) != 12 {
				t.Errorf("words differ after opening, or are not twelve")
			}
			again, err := wallet.Open(opened.Backup(), "")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := firstKey(t, opened.Wallet()), firstKey(t, again); got != want {
				t.Errorf("wallet key %s, from the words %s", got, want)
			}
			left, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(left) != 1 {
				t.Errorf("%d files left in the folder (%v), want 1", len(left), err)
			}
		})
	}
}

func firstKey(t *testing.T, s *wallet.Seed) string {
	t.Helper()
	k, err := s.Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		t.Fatal(err)
	}
	return k.PublicKey()
}

func TestSign(t *testing.T) {
	msg := []byte("iotverse/1/")
	ed, _ := create(t, utim.Options{Unencrypted: true})
	sig, err := ed.Sign(msg)
	if err != nil || !ed25519.Verify([]byte(ed.Identity()), msg, sig) {
		t.Errorf("Ed25519 signature does not verify (%v)", err)
	}

	ec, _ := create(t, utim.Options{Unencrypted: true, P256: true})
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), []byte(ec.Identity()))
	if x == nil {
		t.Fatalf("identity %x is no point", string(ec.Identity()))
	}
	public := &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}
	half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	for i := range byte(50) {
		sig, err := ec.Sign([]byte{i})
		if err != nil || len(sig) != 64 {
			t.Fatalf("signature of %d bytes (%v), want 64", len(sig), err)
		}
		again, _ := ec.Sign([]byte{i})
		if !bytes.Equal(sig, again) {
			t.Errorf("two signatures of one message differ")
		}
		digest := sha256.Sum256([]byte{i})
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		if !ecdsa.Verify(public, digest[:], r, s) || s.Cmp(half) > 0 {
			t.Errorf("P-256 signature %d does not verify or has a high S", i)
		}
	}
}

// The law behind `demo --seed`: the same source of randomness gives the same keys, and the same file.
func TestSeededKeys(t *testing.T) {
	for _, p256 := range []bool{false, true} {
		var ids, words, files []string
		for _, n := range []byte{1, 1, 2} {
			opts := utim.Options{P256: p256, Passphrase: phrase, Rand: rand.NewChaCha8([32]byte{n})}
			m, path := create(t, opts)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ids, words, files = append(ids, string(m.Identity())), append(words, m.Backup()), append(files, string(data))
		}
		for _, v := range [][]string{ids, words, files} {
			if v[0] != v[1] || v[0] == v[2] {
				t.Errorf("P-256 %v: same seed same %v, other seed same %v; want true, false", p256, v[0] == v[1], v[0] == v[2])
			}
		}
	}
}

// A golden file: what was written once must open for ever.
func TestGoldenFiles(t *testing.T) {
	for _, tt := range []struct {
		file     string
		identity string
		words    string
	}{
		{"plain.json", "9ec8c611dbb00d43949b7acdfa18eb5ecf6a26fb82d917443d93cfdb96622688", "trick mixture peanut artwork jar dignity human deal daughter outside ribbon pink"},
		{"sealed.json", "7ade98443594948ca31093080fcbd3fdaf9e97472b828d065908f95e99c5750e", "walk copy junior angry neck liberty number melody meat okay sniff squeeze"},
		{"sealed_p256.json", "026d22b5fe970316263757d5b79d684044d0935ca2b283986917a950e0963f7e6c", "ball zone close mystery market six doll disorder elder group claw present"},
	} {
		data, err := os.ReadFile(filepath.Join("testdata", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		m, err := utim.Decode(data, phrase)
		if err != nil {
			t.Fatalf("%s: %v", tt.file, err)
		}
		if got := hex.EncodeToString([]byte(m.Identity())); got != tt.identity {
			t.Errorf("%s: identity %s, want %s", tt.file, got, tt.identity)
		}
		if got := m.Backup(); got != tt.words {
			t.Errorf("%s: words %q, want %q", tt.file, got, tt.words)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	_, sealed := create(t, utim.Options{Passphrase: phrase})
	_, plain := create(t, seeded(1))
	edit := func(from string, change func(map[string]any)) string {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		change(v)
		if data, err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	set := func(from, field string, value any) string {
		return edit(from, func(v map[string]any) { v[field] = value })
	}
	whole, err := os.ReadFile(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, content string
		pass          []byte
		want          error
		text          string
	}{
		{"wrong passphrase", string(whole), []byte("wrong"), utim.ErrPassphrase, "wrong passphrase"},
		{"no passphrase", string(whole), nil, utim.ErrPassphrase, "no passphrase was given"},
		{"changed identity in a sealed file", set(sealed, "identity", make([]byte, 32)), phrase, utim.ErrPassphrase, ""},
		{"changed work in a sealed file", set(sealed, "time", 1), phrase, utim.ErrPassphrase, ""},
		{"other identity in a plain file", set(plain, "identity", make([]byte, 32)), nil, protocol.Invalid, "identity"},
		{"damaged plain file", set(plain, "box", make([]byte, 57)), nil, protocol.Invalid, "damaged"},
		{"newer version", set(sealed, "iotverse_keys", 2), phrase, protocol.Invalid, "newer iotverse"},
		{"newer version, other shape", `{"iotverse_keys":9,"shape":"other"}`, nil, protocol.Invalid, "newer iotverse"},
		{"64 GB of memory", set(sealed, "memory_kib", 64<<20), phrase, protocol.Invalid, "more than this program allows"},
		{"too much work", edit(sealed, func(v map[string]any) { v["memory_kib"], v["time"] = 256<<10, 16 }), phrase, protocol.Invalid, "more than this program allows"},
		{"no memory", set(sealed, "memory_kib", 0), phrase, protocol.Invalid, ""},
		{"no threads", set(sealed, "threads", 0), phrase, protocol.Invalid, ""},
		{"unknown kdf", set(sealed, "kdf", "rot13"), phrase, protocol.Invalid, "rot13"},
		{"unknown field", set(sealed, "backdoor", 1), phrase, protocol.Invalid, ""},
		{"two files in one", string(whole) + string(whole), phrase, protocol.Invalid, ""},
		{"too long", string(whole) + strings.Repeat(" ", 5000), phrase, protocol.Invalid, "4096"},
		{"empty", "", nil, protocol.Invalid, "not a key file"},
		{"another JSON", `{"a":1}`, nil, protocol.Invalid, "not a key file"},
		{"cut short", string(whole[:100]), phrase, protocol.Invalid, ""},
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := utim.Open(path, tt.pass)
		if !errors.Is(err, tt.want) || !errors.Is(err, protocol.Invalid) || !strings.Contains(fmt.Sprint(err), tt.text) {
			t.Errorf("%s: got %v, want %v with %q", tt.name, err, tt.want, tt.text)
		}
		if !errors.Is(tt.want, utim.ErrPassphrase) && errors.Is(err, utim.ErrPassphrase) {
			t.Errorf("%s: got ErrPassphrase", tt.name)
		}
	}
}

func TestOpenRefusesFile(t *testing.T) {
	_, path := create(t, seeded(1))
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := utim.Open(path, nil)
		if !errors.Is(err, protocol.Invalid) || !strings.Contains(fmt.Sprint(err), "chmod 600") {
			t.Errorf("mode %o: got %v, want Invalid with the remedy", mode, err)
		}
	}
	if _, err := utim.Open(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, protocol.NotFound) {
		t.Errorf("no file: got %v, want NotFound", err)
	}
	if _, err := utim.Open(t.TempDir(), nil); !errors.Is(err, protocol.Invalid) {
		t.Errorf("folder: got %v, want Invalid", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	m, path := create(t, seeded(1))
	for _, tt := range []struct {
		name, path string
		opts       utim.Options
		want       error
	}{
		{"existing file", path, utim.Options{Unencrypted: true}, protocol.Invalid},
		{"no passphrase", filepath.Join(t.TempDir(), "a"), utim.Options{}, protocol.Invalid},
		{"both", filepath.Join(t.TempDir(), "b"), utim.Options{Unencrypted: true, Passphrase: phrase}, protocol.Invalid},
		{"no folder", filepath.Join(t.TempDir(), "no", "c"), utim.Options{Unencrypted: true}, os.ErrNotExist},
		{"no randomness", filepath.Join(t.TempDir(), "d"), utim.Options{Unencrypted: true, Rand: strings.NewReader("short")}, nil},
	} {
		_, err := utim.Create(tt.path, tt.opts)
		if err == nil || (tt.want != nil && !errors.Is(err, tt.want)) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if _, err := os.Lstat(tt.path); tt.path != path && err == nil {
			t.Errorf("%s: a file was left", tt.name)
		}
	}
	again, err := utim.Open(path, nil)
	if err != nil || again.Identity() != m.Identity() {
		t.Errorf("the first keys did not survive: %v", err)
	}
}

// No way to print a Module shows a secret.
func TestNothingPrints(t *testing.T) {
	for _, p256 := range []bool{false, true} {
		m, path := create(t, utim.Options{Unencrypted: true, P256: p256})
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f struct{ Box []byte }
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		secret := f.Box[1:33]
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			for _, v := range []any{m, *m, struct{ M *utim.Module }{m}, struct{ m utim.Module }{*m}, []*utim.Module{m}} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "m", m, "v", *m)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "m", m, "v", *m)
		got := out.String()
		for _, bad := range []string{
			hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), string(secret), m.Backup(),
			strings.Trim(fmt.Sprint(secret), "[]"), new(big.Int).SetBytes(secret).String(), strings.Fields(m.Backup())[0] + " ",
			strings.ReplaceAll(strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"), "0x0", "0x"),
		} {
			if strings.Contains(got, bad) {
				t.Errorf("P-256 %v: a secret shows as %q", p256, bad)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"plain.json", "sealed.json", "sealed_p256.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"iotverse_keys":2}`))
	// Without a passphrase no argon2 runs: the fuzzer reaches every check before it, and the plain form whole.
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := utim.Decode(data, nil)
		if err != nil {
			if !errors.Is(err, protocol.Invalid) {
				t.Errorf("got %v, want Invalid", err)
			}
			return
		}
		if _, err := m.Sign(data); err != nil || m.Identity().Check() != nil {
			t.Errorf("decoded to a module that cannot sign: %v", err)
		}
	})
}

// TestRestore: keys made of a person's words hold the wallet of these words, whatever their number, and come back from disk.
func TestRestore(t *testing.T) {
	for _, n := range []int{16, 20, 24, 28, 32} {
		words, err := wallet.NewMnemonic(bytes.Repeat([]byte{byte(n)}, n))
		if err != nil {
			t.Fatal(err)
		}
		seed, err := wallet.Open(words, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, opts := range []utim.Options{{Unencrypted: true}, {Passphrase: phrase}} {
			opts.Words = "  " + strings.ToUpper(words) + "\n"
			made, path := create(t, opts)
			opened, err := utim.Open(path, opts.Passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if opened.Backup() != words || firstKey(t, opened.Wallet()) != firstKey(t, seed) || opened.Identity() != made.Identity() {
				t.Errorf("%d bytes of entropy: another wallet came back", n)
			}
		}
	}
	_, err := utim.Create(filepath.Join(t.TempDir(), "keys"), utim.Options{Unencrypted: true, Words: "abandon ability"})
	if !errors.Is(err, protocol.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}
