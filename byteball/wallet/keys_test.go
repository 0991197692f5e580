package wallet_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/wallet"
)

// keyAt is what wallet.json says of one key.
type keyAt struct {
	Mnemonic, Passphrase string
	Path                 string
	Priv                 string `json:"priv_key_hex"`
	Pubkey               string
	Address              byteball.Address
	Key44                string `json:"key_44h_hex"` // of m/44', where the vector gives it
}

// steps parses a path like m/44'/0'/0'/0/7.
func steps(t *testing.T, path string) (out []uint32) {
	for _, s := range strings.Split(path, "/")[1:] {
		n, err := strconv.ParseUint(strings.TrimSuffix(s, "'"), 10, 31)
		if err != nil {
			t.Fatal(err)
		}
		step := uint32(n)
		if strings.HasSuffix(s, "'") {
			step |= wallet.Hardened
		}
		out = append(out, step)
	}
	return out
}

func open(t *testing.T, mnemonic, passphrase string) *wallet.Seed {
	t.Helper()
	s, err := wallet.Open(mnemonic, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkKey compares the key at want.Path with all that the vector knows of it.
func checkKey(t *testing.T, s *wallet.Seed, want keyAt) {
	t.Helper()
	path := steps(t, want.Path)
	priv, _, err := s.Node(path...)
	if got := hex.EncodeToString(priv[:]); err != nil || got != want.Priv {
		t.Fatalf("%s: got key %s, %v, want %s", want.Path, got, err, want.Priv)
	}
	key, err := s.Key(path...)
	if err != nil || key.PublicKey() != want.Pubkey {
		t.Fatalf("%s: got public key %v, %v, want %s", want.Path, key, err, want.Pubkey)
	}
	if want.Address == "" {
		return
	}
	got, err := chash.Of([]any{"sig", map[string]any{"pubkey": key.PublicKey()}})
	if err != nil || got != want.Address {
		t.Fatalf("%s: got address %s, %v, want %s", want.Path, got, err, want.Address)
	}
}

func TestKeysVectors(t *testing.T) {
	var v struct {
		Cases []struct {
			Role, Mnemonic, Passphrase string
			Root                       string `json:"xprivkey_root"`
			Account                    string `json:"account_xpub"`
			WalletID                   string `json:"wallet_id"`
			Device                     keyAt
			Addresses                  []keyAt
		}
		Leaf         keyAt `json:"leading_zero_leaf"`
		Intermediate keyAt `json:"leading_zero_intermediate"`
	}
	data, err := os.ReadFile("testdata/wallet.json")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	leaf := false
	for _, c := range v.Cases {
		t.Run(c.Role+c.Passphrase, func(t *testing.T) {
			s := open(t, c.Mnemonic, c.Passphrase)
			checkRoot(t, s, c.Root)
			checkAccount(t, s, c.Account, c.WalletID)
			checkKey(t, s, c.Device)
			for _, a := range c.Addresses {
				checkKey(t, s, a)
			}
			if key, err := s.Key(steps(t, v.Leaf.Path)...); err == nil && key.PublicKey() == v.Leaf.Pubkey {
				checkKey(t, s, v.Leaf)
				leaf = true
			}
		})
	}
	if !leaf {
		t.Error("no seed has the key with a leading zero byte")
	}
	z := v.Intermediate
	s := open(t, z.Mnemonic, z.Passphrase)
	checkKey(t, s, z)
	checkKey(t, s, keyAt{Path: "m/44'", Priv: z.Key44, Pubkey: public(t, z.Key44)})
}

func public(t *testing.T, priv string) string {
	raw, err := hex.DecodeString(priv)
	if err != nil {
		t.Fatal(err)
	}
	_, pub := btcec.PrivKeyFromBytes(raw)
	return base64.StdEncoding.EncodeToString(pub.SerializeCompressed())
}

// checkRoot compares key and chain code of the root with those in an extended private key.
func checkRoot(t *testing.T, s *wallet.Seed, xpriv string) {
	t.Helper()
	raw := base58(t, xpriv)
	key, chain, err := s.Node()
	if err != nil || !bytes.Equal(raw[13:45], chain[:]) || !bytes.Equal(raw[46:78], key[:]) {
		t.Fatalf("root is not that of %s", xpriv)
	}
}

// checkAccount does the same for the account's extended public key, by whose hash a wallet is known.
func checkAccount(t *testing.T, s *wallet.Seed, xpub, id string) {
	t.Helper()
	raw := base58(t, xpub)
	account := wallet.AddressPath(0, 0)[:3]
	_, chain, err := s.Node(account...)
	if err != nil || !bytes.Equal(raw[13:45], chain[:]) {
		t.Fatalf("chain code of the account is not that of %s", xpub)
	}
	key, err := s.Key(account...)
	if got, want := key.PublicKey(), base64.StdEncoding.EncodeToString(raw[45:78]); err != nil || got != want {
		t.Fatalf("got account key %s, %v, want %s", got, err, want)
	}
	sum := sha256.Sum256([]byte(xpub))
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != id {
		t.Fatalf("got wallet id %s, want %s", got, id)
	}
}

// base58 decodes an extended key: 78 bytes and a check sum.
func base58(t *testing.T, s string) []byte {
	t.Helper()
	n := new(big.Int)
	for _, c := range s {
		i := strings.IndexRune("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", c)
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(i)))
	}
	return n.FillBytes(make([]byte, 82))
}

func TestPaths(t *testing.T) {
	for _, c := range []struct {
		got  []uint32
		want string
	}{
		{wallet.AddressPath(1, 7), "m/44'/0'/0'/1/7"},
		{wallet.BondPath(3), "m/44'/0'/7'/0/3"},
	} {
		if got, want := fmt.Sprint(c.got), fmt.Sprint(steps(t, c.want)); got != want {
			t.Errorf("%s: got %s, want %s", c.want, got, want)
		}
	}
}

const about = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"

func TestOpenNormalises(t *testing.T) {
	want, _, _ := open(t, about, "pâss").Node()
	for _, c := range []struct{ mnemonic, passphrase string }{
		{"  " + strings.ReplaceAll(about, " ", "\n\t ") + "\n", "pâss"},
		{strings.ToUpper(about), "pâss"},
		{strings.ReplaceAll(about, " ", "\u3000"), "pa\u0302ss"},
	} {
		if got, _, _ := open(t, c.mnemonic, c.passphrase).Node(); got != want {
			t.Errorf("%q with %q is another wallet", c.mnemonic, c.passphrase)
		}
	}
	if got, _, _ := open(t, about, "pâss ").Node(); got == want {
		t.Error("a space in the passphrase does not matter")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ mnemonic, want string }{
		{"", "mnemonic of 0 words"},
		{about + " about", "mnemonic of 13 words"},
		{strings.Replace(about, "abandon abandon", "abandon abundon", 1), `word 2 of the mnemonic, "abundon"`},
		{strings.Replace(about, "abandon abandon abandon", "abandn q aabndon", 1),
			`word 1 of the mnemonic, "abandn", is not in the English BIP39 list (perhaps abandon); word 2 of the mnemonic, "q", is`},
		{strings.Replace(about, "about", "abuot", 1), "(perhaps about)"},
		{strings.Replace(about, "about", strings.Repeat("x", 10_000), 1), `word 12 of the mnemonic, "xxxxxxxxxxxxxxxxxxxx"`},
		{strings.Replace(about, "about", "abandon", 1), "the last word does not fit"},
	} {
		_, err := wallet.Open(c.mnemonic, "")
		if got := fmt.Sprint(err); !strings.Contains(got, c.want) || len(got) > 400 || !errors.Is(err, byteball.Invalid) {
			t.Errorf("got %.200q, want %q of kind Invalid", got, c.want)
		}
	}
}

// TestMnemonicRoundTrip: words made from any entropy open a wallet, and the same one each time.
func TestMnemonicRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{16, 20, 24, 28, 32}).Draw(rt, "bytes")
		entropy := rapid.SliceOfN(rapid.Byte(), n, n).Draw(rt, "entropy")
		words, err := wallet.NewMnemonic(entropy)
		if back, err := wallet.Entropy(strings.ToUpper(words)); err != nil || !bytes.Equal(back, entropy) {
			rt.Fatalf("got %x, %v back from %x", back, err, entropy)
		}
		if err != nil || len(strings.Fields(words)) != n*3/4 {
			rt.Fatalf("got %q, %v from %d bytes", words, err, n)
		}
		a, _, _ := open(t, words, "").Node()
		b, _, _ := open(t, words, "").Node()
		if a != b {
			rt.Fatal("two different roots")
		}
	})
	for _, n := range []int{0, 15, 17, 33, 64} {
		if _, err := wallet.NewMnemonic(make([]byte, n)); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%d bytes: got %v, want Invalid", n, err)
		}
	}
}

// TestSeedPrintsNothing: no verb, no encoder, no logger shows the seed.
func TestSeedPrintsNothing(t *testing.T) {
	s := open(t, about, "")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t", "%c"} {
		for _, v := range []any{s, *s, []*wallet.Seed{s}, struct{ S *wallet.Seed }{s}, struct{ s wallet.Seed }{*s}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "seed", s, "value", *s)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "seed", s, "value", *s)
	fmt.Fprintln(&out, s.String(), s.GoString())
	encoded, err := json.Marshal([]any{s, *s})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	key, chain, _ := s.Node()
	for _, secret := range [][]byte{key[:], chain[:]} {
		digits := fmt.Sprintf("%d %d %d", secret[0], secret[1], secret[2])
		for _, form := range []string{hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), digits} {
			if strings.Contains(strings.ToLower(out.String()), strings.ToLower(form)) {
				t.Fatalf("the seed is in\n%s", out.String())
			}
		}
	}
	if got, want := fmt.Sprintf("%d", s), "wallet.Seed(…)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func ExampleOpen() {
	seed, err := wallet.Open(about, "")
	if err != nil {
		panic(err)
	}
	key, err := seed.Key(wallet.AddressPath(0, 0)...)
	if err != nil {
		panic(err)
	}
	fmt.Println(seed, key.PublicKey())
	// Output: wallet.Seed(…) A6rrUt10lMNhBJ3mfMaA6D68u72+sTY32SzYRfcDCK9e
}

func BenchmarkKey(b *testing.B) {
	seed, err := wallet.Open(about, "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := seed.Key(wallet.AddressPath(0, 0)...); err != nil {
			b.Fatal(err)
		}
	}
}
