package unit_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

func bytes32(t testing.TB, s string) (out [32]byte) {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(out) {
		t.Fatalf("not 32 bytes of hex: %q", s)
	}
	copy(out[:], b)
	return out
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// someHash is a text of the form of a hash.
func someHash(n byte) byteball.Hash {
	var h [32]byte
	h[0] = n
	return byteball.Hash(base64Of(h[:]))
}

func anchor() unit.Anchor {
	return unit.Anchor{Parents: []byteball.Hash{someHash(3), someHash(2)}, LastBall: someHash(1), LastBallUnit: someHash(4),
		Timestamp: 1_700_000_000, TPSFee: 21}
}

// failer is what testing.TB and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(...any)
}

func soleAuthor(t failer, key *unit.Key) unit.Author {
	t.Helper()
	definition := []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
	address, err := chash.Of(definition)
	if err != nil {
		t.Fatal(err)
	}
	return unit.Author{Address: address, Definition: definition, Authentifiers: map[string]string{"r": unit.PlaceholderSig}}
}

func paymentMessage(from byteball.Address, amounts ...byteball.Bytes) unit.Message {
	p := &unit.Payment{Inputs: []unit.Input{{Unit: someHash(9), OutputIndex: 1}}, Outputs: []unit.Output{{Address: from}}}
	for _, a := range amounts {
		p.Outputs = append(p.Outputs, unit.Output{Address: "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ", Amount: a})
	}
	return unit.Message{App: "payment", Payload: p}
}

// payment composes a payment of key's address that spends total and pays amounts and the change.
func payment(t failer, key *unit.Key, total byteball.Bytes, amounts ...byteball.Bytes) *unit.Unit {
	t.Helper()
	author := soleAuthor(t, key)
	u, err := unit.Compose(byteball.Dev, anchor(), []unit.Author{author}, []unit.Message{paymentMessage(author.Address, amounts...)})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Balance(total, author.Address); err != nil {
		t.Fatal(err)
	}
	return u
}

// Law: a composed, balanced and signed unit passes every check of form, spends exactly its inputs, survives being written
// and read, and its signature is good.
func TestComposedUnitsAreGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seed [32]byte
		seed[31] = rapid.Byte().Draw(t, "seed") | 1
		key, err := unit.NewKey(seed)
		if err != nil {
			t.Fatal(err)
		}
		amounts := rapid.SliceOfN(rapid.Uint64Range(1, 1e12), 0, 20).Draw(t, "amounts")
		var paid byteball.Bytes
		outputs := make([]byteball.Bytes, len(amounts))
		for i, a := range amounts {
			outputs[i] = byteball.Bytes(a)
			paid += outputs[i]
		}
		total := paid + byteball.Bytes(rapid.Uint64Range(3000, 1e9).Draw(t, "rest"))
		u := payment(t, key, total, outputs...)
		if err := u.SignWith(u.Authors[0].Address, "r", key); err != nil {
			t.Fatal(err)
		}
		if err := u.Seal(); err != nil {
			t.Fatal(err)
		}
		checkGood(t, u, key.PublicKey(), total)
	})
}

func checkGood(t *rapid.T, u *unit.Unit, pub string, total byteball.Bytes) {
	if err := unit.CheckForm(u); err != nil {
		t.Fatal(err)
	}
	if err := unit.CheckFees(u, unit.DefaultVars(byteball.Dev)); err != nil {
		t.Fatal(err)
	}
	spent, err := unit.Fees(u)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range u.Messages[0].Payload.(*unit.Payment).Outputs {
		spent += o.Amount
	}
	if spent != total {
		t.Fatalf("spends %d of %d", spent, total)
	}
	hash, err := u.HashToSign()
	if err != nil || !unit.VerifySig(hash, u.Authors[0].Authentifiers["r"], pub) {
		t.Fatal("signature is not good", err)
	}
	data, err := json.Marshal(unit.Joint{Unit: u})
	if err != nil {
		t.Fatal(err)
	}
	var j unit.Joint
	if err := json.Unmarshal(data, &j); err != nil || !reflect.DeepEqual(j.Unit, u) {
		t.Fatalf("%v, read as %+v, want %+v", err, j.Unit, u)
	}
}

func TestComposeLeavesItsArgumentsAlone(t *testing.T) {
	key, _ := unit.NewKey([32]byte{31: 7})
	author := soleAuthor(t, key)
	authors, msgs := []unit.Author{author}, []unit.Message{paymentMessage(author.Address, 5)}
	u, err := unit.Compose(byteball.Dev, anchor(), authors, msgs)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Balance(10_000, author.Address); err != nil {
		t.Fatal(err)
	}
	if err := u.SignWith(author.Address, "r", key); err != nil {
		t.Fatal(err)
	}
	if author.Authentifiers["r"] != unit.PlaceholderSig || !reflect.DeepEqual(msgs[0], paymentMessage(author.Address, 5)) {
		t.Errorf("arguments became %+v, %+v", author, msgs[0])
	}
}

func TestSeveralAuthors(t *testing.T) {
	var authors []unit.Author
	keys := map[byteball.Address]*unit.Key{}
	for i := byte(1); i < 4; i++ {
		key, err := unit.NewKey([32]byte{31: i})
		if err != nil {
			t.Fatal(err)
		}
		a := soleAuthor(t, key)
		authors, keys[a.Address] = append(authors, a), key
	}
	u, err := unit.Compose(byteball.Dev, anchor(), authors, []unit.Message{paymentMessage(authors[0].Address, 5)})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Balance(10_000, authors[0].Address); err != nil {
		t.Fatal(err)
	}
	if err := u.Seal(); !errors.Is(err, byteball.Invalid) {
		t.Errorf("Seal without signatures: %v, want an error of kind Invalid", err)
	}
	for address, key := range keys {
		if err := u.SignWith(address, "r", key); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := unit.CheckForm(u); err != nil {
		t.Error(err)
	}
	if err := u.SignWith(authors[0].Address, "r.0", keys[authors[0].Address]); !errors.Is(err, byteball.Invalid) {
		t.Errorf("SignWith at an unknown path: %v, want an error of kind Invalid", err)
	}
}

func TestBalanceSaysWhatIsMissing(t *testing.T) {
	key, _ := unit.NewKey([32]byte{31: 7})
	author := soleAuthor(t, key)
	u, err := unit.Compose(byteball.Dev, anchor(), []unit.Author{author}, []unit.Message{paymentMessage(author.Address, 5000)})
	if err != nil {
		t.Fatal(err)
	}
	fees, _ := unit.Fees(u)
	err = u.Balance(5000+fees, author.Address)
	if !errors.Is(err, byteball.Funds) || !strings.Contains(err.Error(), "1 bytes missing") {
		t.Errorf("Balance without change: %v, want Funds and 1 byte missing", err)
	}
	if err := u.Balance(1e6, "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"); !errors.Is(err, byteball.Invalid) {
		t.Errorf("Balance without an output for the change: %v, want Invalid", err)
	}
	if err := u.Balance(5001+fees, author.Address); err != nil {
		t.Error(err)
	}
}

func TestOversizeUnit(t *testing.T) {
	key, _ := unit.NewKey([32]byte{31: 7})
	author := soleAuthor(t, key)
	u, err := unit.Compose(byteball.Live, anchor(), []unit.Author{author}, []unit.Message{
		{App: "data", Payload: map[string]any{"a": strings.Repeat("x", 12_000)}}, paymentMessage(author.Address)})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Balance(1e6, author.Address); err != nil {
		t.Fatal(err)
	}
	size := u.HeadersCommission + u.PayloadCommission
	if got, want := u.OversizeFee, unit.OversizeFee(size); got != want || got == 0 {
		t.Errorf("oversize fee of %d bytes is %d, want %d", size, got, want)
	}
	if err := unit.CheckFees(u, unit.DefaultVars(byteball.Live)); err != nil {
		t.Error(err)
	}
	u.OversizeFee--
	if err := unit.CheckFees(u, unit.DefaultVars(byteball.Live)); !errors.Is(err, byteball.Invalid) {
		t.Errorf("one byte too little: %v, want an error of kind Invalid", err)
	}
}

func TestInputJSON(t *testing.T) {
	for _, c := range []struct {
		in   unit.Input
		want string
	}{
		{unit.Input{Unit: "u"}, `{"message_index":0,"output_index":0,"unit":"u"}`},
		{unit.Input{Type: "issue", Amount: 5, SerialNumber: 1}, `{"amount":5,"serial_number":1,"type":"issue"}`},
		{unit.Input{Type: "witnessing", Address: "A", ToMainChainIndex: 2},
			`{"address":"A","from_main_chain_index":0,"to_main_chain_index":2,"type":"witnessing"}`},
	} {
		got, err := json.Marshal(c.in)
		if string(got) != c.want || err != nil {
			t.Errorf("Marshal(%+v) = %s, %v, want %s", c.in, got, err, c.want)
		}
		var again unit.Input
		if err := json.Unmarshal(got, &again); err != nil || again != c.in {
			t.Errorf("Unmarshal(%s) = %+v, %v, want %+v", got, again, err, c.in)
		}
	}
}

func TestKeyHidesItsPrivateHalf(t *testing.T) {
	key, _ := unit.NewKey([32]byte{31: 7})
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got, want := fmt.Sprintf(verb, key), "key "+key.PublicKey(); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
	}
}

// FuzzParse: what is read is written so that it reads the same, and no check panics.
func FuzzParse(f *testing.F) {
	for _, v := range unitVectors(f) {
		f.Add([]byte(v.Unit))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := unit.Parse(data)
		if err != nil {
			if !errors.Is(err, byteball.Invalid) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		_ = unit.CheckForm(u)
		if h, err := u.Hash(); err == nil {
			u.Unit = h
			if err := unit.CheckForm(u); err != nil && !errors.Is(err, byteball.Invalid) && !errors.Is(err, byteball.Transient) {
				t.Fatalf("error of another kind: %v", err)
			}
		}
		_ = unit.CheckFees(u, unit.DefaultVars(byteball.Live))
		written, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		again, err := unit.Parse(written)
		if err != nil || !reflect.DeepEqual(again, u) {
			t.Fatalf("%s became %+v, %v, want %+v", written, again, err, u)
		}
	})
}
