package wallet

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/tyler-smith/go-bip39"
	"golang.org/x/text/unicode/norm"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// Hardened marks a step of a path that needs the private key: step i' is Hardened|i.
const Hardened uint32 = 1 << 31

// AddressPath is where the key of an address stands, m/44'/0'/0'/change/index: change is 0 for receiving addresses and
// channel keys, 1 for change.
func AddressPath(change, index uint32) []uint32 {
	return []uint32{Hardened | 44, Hardened, Hardened, change, index}
}

// BondPath is where the key of a bond stands, m/44'/0'/7'/0/i (MECHANISM 1).
func BondPath(i uint32) []uint32 {
	return []uint32{Hardened | 44, Hardened, Hardened | 7, 0, i}
}

// Seed is the root of all keys of a wallet. It makes keys and shows nothing of itself: every way to print it gives
// "wallet.Seed(…)". It is safe for concurrent use.
type Seed struct {
	root func() node // a function, since fmt looks into unexported fields and through pointers but not into closures
}

// NewMnemonic turns 16, 20, 24, 28 or 32 bytes of entropy into 12 to 24 English words (BIP39).
// Error: Invalid for another length.
func NewMnemonic(entropy []byte) (string, error) {
	words, err := bip39.NewMnemonic(entropy)
	if err != nil {
		return "", fmt.Errorf("mnemonic from %d bytes of entropy, need 16, 20, 24, 28 or 32: %w", len(entropy), byteball.Invalid)
	}
	return words, nil
}

// Entropy is the inverse of NewMnemonic: the 16 to 32 bytes that the words were made from. Error: Invalid as in Open.
func Entropy(mnemonic string) ([]byte, error) {
	words, err := readWords(mnemonic)
	if err != nil {
		return nil, err
	}
	return bip39.EntropyFromMnemonic(strings.Join(words, " "))
}

// Open makes the seed of a mnemonic and its passphrase (BIP39: PBKDF2, 2048 rounds). Case and spacing of the words do
// not matter, those of the passphrase do. Another passphrase is another wallet, there is no wrong one.
// Error: Invalid says which words are wrong, or that the words do not belong together.
func Open(mnemonic, passphrase string) (*Seed, error) {
	words, err := readWords(mnemonic)
	if err != nil {
		return nil, err
	}
	root, err := master(bip39.NewSeed(strings.Join(words, " "), norm.NFKD.String(passphrase)))
	if err != nil {
		return nil, err
	}
	return &Seed{func() node { return root }}, nil
}

// readWords splits a mnemonic and names every word that is wrong, with the words of the list that were perhaps meant.
func readWords(mnemonic string) ([]string, error) {
	words := strings.Fields(norm.NFKD.String(strings.ToLower(mnemonic)))
	if !slices.Contains([]int{12, 15, 18, 21, 24}, len(words)) {
		return nil, fmt.Errorf("mnemonic of %d words, need 12, 15, 18, 21 or 24: %w", len(words), byteball.Invalid)
	}
	var wrong []string
	for i, w := range words {
		if _, ok := bip39.GetWordIndex(w); !ok {
			wrong = append(wrong, fmt.Sprintf("word %d of the mnemonic, %.20q, is not in the English BIP39 list%s", i+1, w, perhaps(w)))
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%s: %w", strings.Join(wrong, "; "), byteball.Invalid)
	}
	if _, err := bip39.EntropyFromMnemonic(strings.Join(words, " ")); err != nil {
		return nil, fmt.Errorf("mnemonic: the last word does not fit the others, one of them is wrong or out of order: %w", byteball.Invalid)
	}
	return words, nil
}

// perhaps names up to three words of the list that one slip of the pen turns into word, or that begin like it: four
// letters tell all of them apart.
func perhaps(word string) string {
	var near []string
	for _, w := range bip39.GetWordList() {
		if len(near) < 3 && (slip(word, w) || len(word) >= 4 && strings.HasPrefix(w, word[:4])) {
			near = append(near, w)
		}
	}
	if len(near) == 0 {
		return ""
	}
	return " (perhaps " + strings.Join(near, ", ") + ")"
}

// slip says whether one letter more, less or other, or two that changed places, makes a of b.
func slip(a, b string) bool {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	return len(x) <= 1 && len(y) <= 1 || len(x) == 2 && len(y) == 2 && x[0] == y[1] && x[1] == y[0]
}

// Key derives the key at path, from the root down. The same path always gives the same key.
// Error: Invalid for a path that leads to no key, which happens once in 2^127 steps.
func (s *Seed) Key(path ...uint32) (*unit.Key, error) {
	n, err := s.node(path)
	if err != nil {
		return nil, err
	}
	return unit.NewKey(n.key.Bytes())
}

func (s *Seed) node(path []uint32) (node, error) {
	n := s.root()
	for _, step := range path {
		var err error
		if n, err = n.child(step); err != nil {
			return node{}, err
		}
	}
	return n, nil
}

const redacted = "wallet.Seed(…)"

// String hides the seed.
func (Seed) String() string { return redacted }

// GoString hides the seed.
func (Seed) GoString() string { return redacted }

// Format hides the seed from every verb.
func (Seed) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue hides the seed.
func (Seed) LogValue() slog.Value { return slog.StringValue(redacted) }

// Keys gives the key of an address, for Config.Keys: the one at AddressPath(change, index).
// Error: Invalid as in Key, and for an index of Hardened or more.
func (s *Seed) Keys(change, index uint32) (unit.Signer, error) {
	if change >= Hardened || index >= Hardened {
		return nil, fmt.Errorf("address %d/%d: an index is below %d: %w", change, index, Hardened, byteball.Invalid)
	}
	return s.Key(AddressPath(change, index)...)
}
