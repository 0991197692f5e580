package unit_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/unit"
)

// read reads a file of vectors.
func read[T any](t testing.TB, path string) (v T) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// readShared reads vectors that may not be copied into the repository, or skips the test.
func readShared[T any](t testing.TB, name string) (v T) {
	t.Helper()
	path := "../../../shared/vectors/" + name
	if _, err := os.Stat(path); err != nil {
		t.Skip("no shared vectors here")
	}
	return read[T](t, path)
}

type unitVector struct {
	Name        string
	Unit        json.RawMessage
	Content     byteball.Hash  `json:"content_hash"`
	Hash        byteball.Hash  `json:"unit_hash"`
	Served      byteball.Hash  `json:"unit_hash_with_mci_and_actual_tps_fee"`
	ToSign      string         `json:"hash_to_sign_hex"`
	Headers     byteball.Bytes `json:"headers_size"`
	Payload     byteball.Bytes `json:"payload_size"`
	TempDataFee byteball.Bytes `json:"paid_temp_data_fee"`
	Stripped    map[string]any
}

func unitVectors(t testing.TB) []unitVector {
	return read[struct{ Cases []unitVector }](t, "testdata/units.json").Cases
}

func (v *unitVector) check(t *testing.T) {
	t.Helper()
	u, err := unit.Parse(v.Unit)
	if err != nil {
		t.Errorf("%s: Parse: %v", v.Name, err)
		return
	}
	if got, err := u.Hash(); got != v.Hash || err != nil {
		t.Errorf("%s: Hash = %s, %v, want %s", v.Name, got, err, v.Hash)
	}
	if got, err := u.HashContent(); got != v.Content || err != nil {
		t.Errorf("%s: HashContent = %s, %v, want %s", v.Name, got, err, v.Content)
	}
	if got, err := u.HashToSign(); hex.EncodeToString(got[:]) != v.ToSign || err != nil {
		t.Errorf("%s: HashToSign = %x, %v, want %s", v.Name, got, err, v.ToSign)
	}
	if got, err := u.HeadersSize(); got != v.Headers || err != nil {
		t.Errorf("%s: HeadersSize = %d, %v, want %d", v.Name, got, err, v.Headers)
	}
	if got, err := u.PayloadSize(); got != v.Payload || err != nil {
		t.Errorf("%s: PayloadSize = %d, %v, want %d", v.Name, got, err, v.Payload)
	}
	if err := u.CheckHashes(); err != nil {
		t.Errorf("%s: CheckHashes: %v", v.Name, err)
	}
	checkRoundTrip(t, v.Name, v.Unit, u)
}

// checkRoundTrip wants the tree of data again when u, parsed from it, is written.
func checkRoundTrip(t *testing.T, name string, data []byte, u *unit.Unit) {
	t.Helper()
	written, err := json.Marshal(u)
	if err != nil {
		t.Errorf("%s: Marshal: %v", name, err)
		return
	}
	var got, want any
	if json.Unmarshal(written, &got) != nil || json.Unmarshal(data, &want) != nil {
		t.Errorf("%s: not JSON: %s", name, written)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: written again as\n%s, want\n%s", name, written, data)
	}
}

func TestUnitVectors(t *testing.T) {
	if got := len(unitVectors(t)); got != 138 {
		t.Errorf("%d units, want 138", got)
	}
	for _, v := range unitVectors(t) {
		v.check(t)
		u, err := unit.Parse(v.Unit)
		if err != nil {
			continue
		}
		if err := unit.CheckForm(u); err != nil {
			t.Errorf("%s: CheckForm: %v", v.Name, err)
		}
		mci, fee := uint64(7), byteball.Bytes(3)
		u.MainChainIndex, u.ActualTPSFee = &mci, &fee
		if got, err := u.Hash(); got != v.Served {
			t.Errorf("%s: Hash of the served unit = %s, %v, want %s", v.Name, got, err, v.Served)
		}
		if got := u.TempDataFee(); got != v.TempDataFee {
			t.Errorf("%s: TempDataFee = %d, want %d", v.Name, got, v.TempDataFee)
		}
		if got := unit.OversizeFee(v.Headers + v.Payload - v.TempDataFee); u.OversizeFee != 0 && got != u.OversizeFee {
			t.Errorf("%s: OversizeFee = %d, want %d", v.Name, got, u.OversizeFee)
		}
		checkStripped(t, v, voided(u, v.Content))
		void := voided(u, v.Content)
		if got, err := void.Hash(); got != v.Hash {
			t.Errorf("%s: Hash of the voided unit = %s, %v, want %s", v.Name, got, err, v.Hash)
		}
		void.Unit = v.Hash
		if err := unit.CheckForm(void); err != nil && len(u.ParentUnits) > 0 {
			t.Errorf("%s: CheckForm of the voided unit: %v", v.Name, err)
		}
	}
}

// checkStripped wants the fields that the reference keeps of a voided unit.
func checkStripped(t *testing.T, v unitVector, void *unit.Unit) {
	t.Helper()
	if void.Version == "1.0" || void.Version == "1.0dev" {
		void.Timestamp = 0 // not hashed
	}
	if len(void.ParentUnits) == 0 {
		void.ParentUnits = nil
	}
	data, err := json.Marshal(void)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, v.Stripped) {
		t.Errorf("%s: stripped to %v, want %v", v.Name, got, v.Stripped)
	}
}

// voided returns what a node keeps of a unit that lost a double spend.
func voided(u *unit.Unit, content byteball.Hash) *unit.Unit {
	void := &unit.Unit{Version: u.Version, Alt: u.Alt, Timestamp: u.Timestamp, ContentHash: content,
		ParentUnits: u.ParentUnits, LastBall: u.LastBall, LastBallUnit: u.LastBallUnit,
		WitnessListUnit: u.WitnessListUnit, Witnesses: u.Witnesses}
	for _, a := range u.Authors {
		void.Authors = append(void.Authors, unit.Author{Address: a.Address})
	}
	return void
}

func TestMainnetJoints(t *testing.T) {
	type joint struct {
		Hash          byteball.Hash `json:"unit_hash"`
		Joint         unit.Joint
		Content       byteball.Hash   `json:"content_hash"`
		ToSign        string          `json:"hash_to_sign_hex"`
		Headers       byteball.Bytes  `json:"headers_size"`
		Payload       byteball.Bytes  `json:"payload_size"`
		ParentBalls   []byteball.Hash `json:"parent_balls"`
		SkiplistBalls []byteball.Hash `json:"skiplist_balls"`
		Signatures    []struct {
			Address byteball.Address
			Valid   bool
		}
	}
	type rawJoint struct {
		Joint struct{ Unit json.RawMessage }
	}
	joints := readShared[struct{ Cases []joint }](t, "mainnet_joints.json").Cases
	raw := readShared[struct{ Cases []rawJoint }](t, "mainnet_joints.json").Cases
	for i, c := range joints {
		v := unitVector{Name: string(c.Hash), Unit: raw[i].Joint.Unit, Content: c.Content, Hash: c.Hash, ToSign: c.ToSign,
			Headers: c.Headers, Payload: c.Payload}
		v.check(t)
		for _, s := range c.Signatures {
			if got := verify(c.Joint.Unit, s.Address); got != s.Valid {
				t.Errorf("%s: signature of %s is %t, want %t", c.Hash, s.Address, got, s.Valid)
			}
		}
		if c.ParentBalls == nil {
			continue
		}
		if got, err := unit.BallHash(c.Hash, c.ParentBalls, c.SkiplistBalls, false); got != c.Joint.Ball {
			t.Errorf("%s: ball %s, %v, want %s", c.Hash, got, err, c.Joint.Ball)
		}
	}
}

// verify checks the signature of an author whose definition is a single key given in the unit.
func verify(u *unit.Unit, address byteball.Address) bool {
	hash, err := u.HashToSign()
	if err != nil {
		return false
	}
	for _, a := range u.Authors {
		list, _ := a.Definition.([]any)
		if of, err := chash.Of(a.Definition); a.Address != address || err != nil || of != address || len(list) != 2 {
			continue
		}
		args, _ := list[1].(map[string]any)
		key, _ := args["pubkey"].(string)
		return unit.VerifySig(hash, a.Authentifiers["r"], key)
	}
	return false
}

func TestBallVectors(t *testing.T) {
	type ball struct {
		Unit          byteball.Hash
		ParentBalls   []byteball.Hash `json:"parent_balls"`
		SkiplistBalls []byteball.Hash `json:"skiplist_balls"`
		Nonserial     bool            `json:"is_nonserial"`
		Ball          byteball.Hash
	}
	for _, c := range read[struct{ Cases []ball }](t, "testdata/balls.json").Cases {
		if got, err := unit.BallHash(c.Unit, c.ParentBalls, c.SkiplistBalls, c.Nonserial); got != c.Ball || err != nil {
			t.Errorf("BallHash(%+v) = %s, %v, want %s", c, got, err, c.Ball)
		}
	}
}

func TestFeeVectors(t *testing.T) {
	type fees struct {
		Oversize []struct {
			Size byteball.Bytes
			Fee  byteball.Bytes `json:"oversize_fee"`
		}
		TPS []struct {
			Base       float64        `json:"base_tps_fee"`
			Interval   float64        `json:"tps_interval"`
			Multiplier float64        `json:"tps_fee_multiplier"`
			Units      int            `json:"count_units_paying"`
			TPS        float64        `json:"tps"`
			Min        byteball.Bytes `json:"local_min_tps_fee"`
			Current    byteball.Bytes `json:"current_tps_fee"`
			Offered    byteball.Bytes `json:"tps_fee_to_pay"`
			Final      byteball.Bytes `json:"actual_final_fee_per_unit"`
		}
		TempData []struct {
			Length float64        `json:"data_length"`
			Fee    byteball.Bytes `json:"paid_temp_data_fee"`
		} `json:"temp_data"`
		Recipients []struct {
			Earners    map[byteball.Address]int `json:"earned_headers_commission_recipients"`
			Authors    []byteball.Address       `json:"author_addresses"`
			Recipients map[byteball.Address]int
		}
	}
	f := read[fees](t, "testdata/fees.json")
	for _, c := range f.Oversize {
		if got := unit.OversizeFee(c.Size); got != c.Fee {
			t.Errorf("OversizeFee(%d) = %d, want %d", c.Size, got, c.Fee)
		}
	}
	if len(f.Oversize) != 12 || len(f.TPS) != 36 || len(f.TempData) != 5 || len(f.Recipients) != 5 {
		t.Errorf("%d, %d, %d, %d cases, want 12, 36, 5, 5", len(f.Oversize), len(f.TPS), len(f.TempData), len(f.Recipients))
	}
	for _, c := range f.TempData {
		u := &unit.Unit{Messages: []unit.Message{{App: "temp_data", Payload: map[string]any{"data_length": c.Length}}}}
		if got := u.TempDataFee(); got != c.Fee {
			t.Errorf("TempDataFee of %g = %d, want %d", c.Length, got, c.Fee)
		}
	}
	for _, c := range f.TPS {
		v := unit.SystemVars{BaseTPSFee: c.Base, TPSInterval: c.Interval, TPSFeeMultiplier: c.Multiplier}
		for name, fee := range map[string][2]byteball.Bytes{
			"MinTPSFee":     {unit.MinTPSFee(v, c.TPS, c.Units), c.Min},
			"CurrentTPSFee": {unit.CurrentTPSFee(v, c.TPS), c.Current},
			"OfferedTPSFee": {unit.OfferedTPSFee(v, c.TPS), c.Offered},
			"FinalTPSFee":   {unit.FinalTPSFee(v, c.TPS), c.Final},
		} {
			if fee[0] != fee[1] {
				t.Errorf("%s at %g units/s, %+v = %d, want %d", name, c.TPS, v, fee[0], fee[1])
			}
		}
	}
	for _, c := range f.Recipients {
		u := &unit.Unit{}
		for _, a := range c.Authors {
			u.Authors = append(u.Authors, unit.Author{Address: a})
		}
		for a, share := range c.Earners {
			u.Recipients = append(u.Recipients, unit.Recipient{Address: a, Share: share})
		}
		if got := unit.TPSFeeRecipients(u); !reflect.DeepEqual(got, c.Recipients) {
			t.Errorf("TPSFeeRecipients(%v, %v) = %v, want %v", c.Authors, c.Earners, got, c.Recipients)
		}
	}
}

func TestSignatureVectors(t *testing.T) {
	type vectors struct {
		Cases []struct {
			Pubkey, Signature string
			PrivHex           string `json:"priv_key_hex"`
			HashHex           string `json:"hash_hex"`
		}
		Verify []struct {
			Note, Signature, Pubkey string
			HashHex                 string `json:"hash_hex"`
			Verify                  bool
		}
	}
	v := read[vectors](t, "testdata/signatures.json")
	for _, c := range v.Cases {
		key, err := unit.NewKey(bytes32(t, c.PrivHex))
		if err != nil || key.PublicKey() != c.Pubkey {
			t.Errorf("NewKey(%s): %v, %v, want %s", c.PrivHex, key, err, c.Pubkey)
			continue
		}
		sig, err := key.Sign(bytes32(t, c.HashHex))
		if got := base64Of(sig[:]); got != c.Signature || err != nil {
			t.Errorf("Sign(%s) = %s, %v, want %s", c.HashHex, got, err, c.Signature)
		}
		if !unit.VerifySig(bytes32(t, c.HashHex), c.Signature, c.Pubkey) {
			t.Errorf("VerifySig(%s) = false", c.Signature)
		}
	}
	for _, c := range v.Verify {
		if got := unit.VerifySig(bytes32(t, c.HashHex), c.Signature, c.Pubkey); got != c.Verify {
			t.Errorf("VerifySig of %q = %t, want %t", c.Note, got, c.Verify)
		}
	}
	for _, priv := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
	} {
		if _, err := unit.NewKey(bytes32(t, priv)); err == nil {
			t.Errorf("NewKey(%s) is no error", priv)
		}
	}
}
