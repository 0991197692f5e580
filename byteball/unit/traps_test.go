package unit_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/unit"
)

// The traps that others fell into, each by its name; what is in the vectors is here again so that a failure says what it is.

// composed is an unsigned payment of a version with the given messages before it.
func composed(t *testing.T, version string, msgs ...unit.Message) *unit.Unit {
	t.Helper()
	key, err := unit.NewKey([32]byte{31: 7})
	if err != nil {
		t.Fatal(err)
	}
	author := soleAuthor(t, key)
	author.Definition = nil
	u, err := unit.Compose(byteball.Live, anchor(), []unit.Author{author}, append(msgs, paymentMessage(author.Address, 5)))
	if err != nil {
		t.Fatal(err)
	}
	u.Version = version
	if err := u.Measure(); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestTrapKeysCountSinceVersion3(t *testing.T) {
	keys := len("version") + len("alt") + len("authors") + len("address") + len("authentifiers") + len("r") +
		len("last_ball") + len("last_ball_unit") + len("timestamp") + len("tps_fee") + len("parent_units")
	got := composed(t, "3.0").HeadersCommission - composed(t, "2.0").HeadersCommission
	if int(got) != keys {
		t.Errorf("keys cost %d bytes, want %d", got, keys)
	}
}

func TestTrapTimestampIsFreeInVersion1(t *testing.T) {
	if got := composed(t, "2.0").HeadersCommission - composed(t, "1.0").HeadersCommission; got != 8 {
		t.Errorf("the timestamp costs %d bytes, want 8", got)
	}
	a, b := composed(t, "1.0"), composed(t, "1.0")
	b.Timestamp++
	x, err := a.Hash()
	y, err2 := b.Hash()
	if x != y || err != nil || err2 != nil {
		t.Errorf("hashes %s and %s at two times, %v, %v, want the same", x, y, err, err2)
	}
}

func TestTrapAllParentsCountAsTwo(t *testing.T) {
	a := composed(t, "4.0")
	want := a.HeadersCommission
	for _, parents := range [][]byteball.Hash{{someHash(2)}, {someHash(2), someHash(3), someHash(4), someHash(5)}} {
		a.ParentUnits = parents
		if got, err := a.HeadersSize(); got != want || err != nil {
			t.Errorf("%d parents: %d, %v, want %d", len(parents), got, err, want)
		}
	}
}

func TestTrapTempDataCostsHalf(t *testing.T) {
	for _, letters := range []int{1, 2, 100, 20_001} {
		m, err := unit.TempData(strings.Repeat("x", letters))
		if err != nil {
			t.Fatal(err)
		}
		u := composed(t, "4.0", m)
		with := u.PayloadCommission
		delete(u.Messages[0].Payload.(map[string]any), "data") // it is not hashed and not counted, the fee stays
		without, err := u.PayloadSize()
		if with != without || err != nil {
			t.Errorf("%d letters: %d with them, %d without, %v", letters, with, without, err)
		}
		if u.OversizeFee != 0 {
			t.Errorf("%d letters make an oversize fee of %d", letters, u.OversizeFee)
		}
	}
	odd, _ := unit.TempData("x")
	even, _ := unit.TempData("xx")
	if got := composed(t, "4.0", even).PayloadCommission - composed(t, "4.0", odd).PayloadCommission; got != 0 {
		t.Errorf("half a byte is rounded up: got a difference of %d, want 0", got)
	}
}

func TestTrapStringsCountUTF16(t *testing.T) {
	one := composed(t, "4.0", unit.Message{App: "text", Payload: "x"}).PayloadCommission
	for text, want := range map[string]byteball.Bytes{"ä": 0, "€": 0, "😀": 1} {
		if got := composed(t, "4.0", unit.Message{App: "text", Payload: text}).PayloadCommission - one; got != want {
			t.Errorf("%s costs %d more than a letter, want %d", text, got, want)
		}
	}
}

func TestTrapFeesThatAreNotHashed(t *testing.T) {
	u := composed(t, "4.0")
	want, err := u.Hash()
	if err != nil {
		t.Fatal(err)
	}
	signed, _ := u.HashToSign()
	mci, fee := uint64(7), byteball.Bytes(3)
	u.HeadersCommission, u.PayloadCommission, u.OversizeFee, u.MainChainIndex, u.ActualTPSFee = 1, 2, 3, &mci, &fee
	if got, _ := u.Hash(); got != want {
		t.Errorf("commissions changed the hash: %s, want %s", got, want)
	}
	*u.TPSFee++
	if got, _ := u.Hash(); got == want {
		t.Error("the tps fee is not in the hash")
	}
	if got, _ := u.HashToSign(); got == signed {
		t.Error("the tps fee is not signed")
	}
}

func TestTrapAuthentifiersAreHashedNotSigned(t *testing.T) {
	u := composed(t, "4.0")
	name, _ := u.Hash()
	signed, _ := u.HashToSign()
	u.Authors[0].Authentifiers["r"] = "x"
	if got, _ := u.Hash(); got == name {
		t.Error("the signature is not in the hash")
	}
	if got, _ := u.HashToSign(); got != signed {
		t.Error("the signature signs itself")
	}
}

func TestTrapSignatures(t *testing.T) {
	key, err := unit.NewKey([32]byte{31: 7})
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{1, 2, 3}
	for hash[0] = 0; hash[0] < 200; hash[0]++ { // some have + and / in them
		sig, err := key.Sign(hash)
		if err != nil {
			t.Fatal(err)
		}
		high := sig
		order, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
		new(big.Int).Sub(order, new(big.Int).SetBytes(sig[32:])).FillBytes(high[32:])
		for _, c := range []struct {
			name, text string
			want       bool
		}{
			{"as written", base64.StdEncoding.EncodeToString(sig[:]), true},
			{"with - and _", base64.URLEncoding.EncodeToString(sig[:]), true},
			{"without padding", base64.RawStdEncoding.EncodeToString(sig[:]), true},
			{"high S", base64.StdEncoding.EncodeToString(high[:]), false},
			{"a byte less", base64.StdEncoding.EncodeToString(sig[:63]), false},
			{"a byte more", base64.StdEncoding.EncodeToString(append(sig[:], 0)), false},
			{"nothing", "", false},
		} {
			if got := unit.VerifySig(hash, c.text, key.PublicKey()); got != c.want {
				t.Errorf("%s: %t, want %t", c.name, got, c.want)
			}
		}
	}
}

func TestTrapNumbersPrintLikeJavaScript(t *testing.T) {
	for text, want := range map[string]string{"1e3": "1000", "-0": "0", "1.50": "1.5", "0.1": "0.1", "1e21": "1e+21", "1e-7": "1e-7", "9007199254740993": "9007199254740992"} {
		u := composed(t, "4.0", unit.Message{App: "data", Payload: map[string]any{"a": 7.0}})
		if err := u.Balance(1_000_000, u.Authors[0].Address); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		read, err := unit.Parse([]byte(strings.Replace(string(data), `"a":7`, `"a":`+text, 1)))
		if err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(read)
		if err != nil || !strings.Contains(string(written), `{"a":`+want+`}`) {
			t.Errorf("%s is written in %s, %v, want %s", text, written, err, want)
		}
	}
}
