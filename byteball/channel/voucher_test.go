package channel_test

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/unit"
)

// voucher returns the first voucher of a fresh pair, and the seller's side.
func voucher(tb testing.TB) (channel.Voucher, channel.Payee) {
	tb.Helper()
	buyer, seller := pair(tb)
	add := channel.Payouts{terms().SellerAddress: 9000, address(20): 300, address(21): 400, address(22): 150}
	_, effects := must(tb)(buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32)))
	return sent(tb, effects), seller
}

// copied returns a voucher that shares nothing with v.
func copied(tb testing.TB, v channel.Voucher) channel.Voucher {
	tb.Helper()
	data, err := v.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	c, err := channel.ParseVoucher(data)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestRead(t *testing.T) {
	v, _ := voucher(t)
	got, err := channel.Read(terms(), funding(), copied(t, v))
	want := channel.Payouts{terms().SellerAddress: 9000, address(20): 300, address(21): 400}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if err := conserved(v.Unit); err != nil {
		t.Error(err)
	}
	fees, err := v.Fees()
	if change := channel.Paid(v.Unit)[terms().ChangeAddress]; err != nil || change+fees != terms().Deposit-9700 {
		t.Errorf("change %d and fees %d, %v, want %d in all", change, fees, err, terms().Deposit-9700)
	}
}

func payment(v channel.Voucher) *unit.Payment { return v.Unit.Messages[0].Payload.(*unit.Payment) }

// rehash makes the payload hash right again, as a forger would, and signs with a key.
func rehash(tb testing.TB, v *channel.Voucher, k *unit.Key) {
	tb.Helper()
	m := &v.Unit.Messages[0]
	h, err := m.HashPayload(v.Unit.Version)
	if err != nil {
		tb.Fatal(err)
	}
	m.PayloadHash = h
	if err := v.Unit.SignWith(v.Unit.Authors[0].Address, "r.0.0", k); err != nil {
		tb.Fatal(err)
	}
}

func TestWrongVouchersAreRefused(t *testing.T) {
	good, seller := voucher(t)
	other := terms()
	other.Age++
	tt := terms()
	find := func(v *channel.Voucher, a byteball.Address) *unit.Output {
		for i := range payment(*v).Outputs {
			if o := &payment(*v).Outputs[i]; o.Address == a {
				return o
			}
		}
		t.Fatalf("no output to %s", a)
		return nil
	}
	move := func(from, to byteball.Address, n byteball.Bytes) func(*channel.Voucher) {
		return func(v *channel.Voucher) { find(v, from).Amount -= n; find(v, to).Amount += n }
	}
	for _, c := range []struct {
		name   string
		signer *unit.Key // nil: not signed again
		spoil  func(*channel.Voucher)
		text   string
	}{
		{"amount moved, not signed", nil, move(tt.SellerAddress, tt.ChangeAddress, 1), "payload hash"},
		{"payees exchanged, not signed", nil, move(address(20), address(21), 50), "payload hash"},
		{"amount out of nothing", buyerKey, func(v *channel.Voucher) { find(v, tt.ChangeAddress).Amount++ }, "balance the fees"},
		{"over the deposit", buyerKey, func(v *channel.Voucher) { find(v, tt.SellerAddress).Amount = tt.Deposit }, "missing"},
		{"amount overflows", buyerKey, func(v *channel.Voucher) { find(v, tt.SellerAddress).Amount = byteball.MaxBytes }, ""},
		{"no change", buyerKey, func(v *channel.Voucher) {
			p := payment(*v)
			for i, o := range p.Outputs {
				if o.Address == tt.ChangeAddress {
					p.Outputs = append(p.Outputs[:i:i], p.Outputs[i+1:]...)
					break
				}
			}
		}, "change"},
		{"dust", buyerKey, move(address(20), tt.ChangeAddress, 101), "dust"},
		{"order", buyerKey, func(v *channel.Voucher) { o := payment(*v).Outputs; o[0], o[1] = o[1], o[0] }, "order"},
		{"output twice", buyerKey, func(v *channel.Voucher) {
			p := payment(*v)
			p.Outputs = append(p.Outputs, p.Outputs[len(p.Outputs)-1])
		}, "order"},
		{"pays itself", buyerKey, func(v *channel.Voucher) { find(v, address(20)).Address = v.Unit.Authors[0].Address }, ""},
		{"headers fee", buyerKey, func(v *channel.Voucher) { v.Unit.HeadersCommission-- }, "fees of"},
		{"payload fee", buyerKey, func(v *channel.Voucher) { v.Unit.PayloadCommission++ }, "fees of"},
		{"oversize fee", buyerKey, func(v *channel.Voucher) { v.Unit.OversizeFee = 1 }, "fees of"},
		{"burn fee", buyerKey, func(v *channel.Voucher) { v.Unit.BurnFee = 1 }, "other fields"},
		{"tps fee under margin", buyerKey, func(v *channel.Voucher) { *v.Unit.TPSFee = 299 }, "margin"},
		{"tps fee over what is paid", buyerKey, func(v *channel.Voucher) { *v.Unit.TPSFee++ }, "balance the fees"},
		{"no tps fee", nil, func(v *channel.Voucher) { v.Unit.TPSFee = nil }, "margin"},
		{"two parents", buyerKey, func(v *channel.Voucher) { v.Unit.ParentUnits = append(v.Unit.ParentUnits, hash(31)) }, "parents"},
		{"no parent", nil, func(v *channel.Voucher) { v.Unit.ParentUnits = nil }, "parents"},
		{"other parent, not signed", nil, func(v *channel.Voucher) { v.Unit.ParentUnits[0] = hash(31) }, "signature"},
		{"other parent", buyerKey, func(v *channel.Voucher) { v.Unit.ParentUnits[0] = hash(31) }, "not the proven unit"},
		{"other last ball", buyerKey, func(v *channel.Voucher) { v.Unit.LastBall = hash(31) }, "last ball"},
		{"other last ball unit", buyerKey, func(v *channel.Voucher) { v.Unit.LastBallUnit = hash(31) }, "last ball"},
		{"no last ball", nil, func(v *channel.Voucher) { v.Unit.LastBall = "" }, "last ball"},
		{"timestamp, not signed", nil, func(v *channel.Voucher) { v.Unit.Timestamp++ }, "signature"},
		{"before its parent", buyerKey, func(v *channel.Voucher) { v.Unit.Timestamp = at(29).Unix() }, "before its parent"},
		{"in the future", buyerKey, func(v *channel.Voucher) { v.Unit.Timestamp = at(40).Unix() }, "ahead"},
		{"stranger's signature", sellerKey, func(*channel.Voucher) {}, "signature is wrong"},
		{"placeholder for a signature", nil, func(v *channel.Voucher) { v.Unit.Authors[0].Authentifiers["r.0.0"] = unit.PlaceholderSig }, "signature"},
		{"short signature", nil, func(v *channel.Voucher) {
			a := v.Unit.Authors[0].Authentifiers
			a["r.0.0"] = strings.TrimRight(a["r.0.0"], "=")
		}, "signature"},
		{"seller's place filled", nil, func(v *channel.Voucher) { v.Unit.Authors[0].Authentifiers["r.0.1"] = strings.Repeat("A", 88) }, "signatures"},
		{"no place for the seller", buyerKey, func(v *channel.Voucher) { delete(v.Unit.Authors[0].Authentifiers, "r.0.1") }, "signatures"},
		{"refund's place", buyerKey, func(v *channel.Voucher) { v.Unit.Authors[0].Authentifiers["r.1.0"] = unit.PlaceholderSig }, "signatures"},
		{"no definition", buyerKey, func(v *channel.Voucher) { v.Unit.Authors[0].Definition = nil }, "definition"},
		{"other definition", buyerKey, func(v *channel.Voucher) { v.Unit.Authors[0].Definition = other.Definition() }, "definition"},
		{"two authors", nil, func(v *channel.Voucher) { v.Unit.Authors = append(v.Unit.Authors, v.Unit.Authors[0]) }, "not signed for"},
		{"no author", nil, func(v *channel.Voucher) { v.Unit.Authors = nil }, "not signed for"},
		{"other output spent", buyerKey, func(v *channel.Voucher) { payment(*v).Inputs[0].OutputIndex = 0 }, "another output"},
		{"two inputs", buyerKey, func(v *channel.Voucher) {
			p := payment(*v)
			p.Inputs = append(p.Inputs, unit.Input{Unit: hash(1)})
		}, "one input"},
		{"issue", nil, func(v *channel.Voucher) { payment(*v).Inputs[0] = unit.Input{Type: "issue", Amount: 2e6} }, "another output"},
		{"asset", buyerKey, func(v *channel.Voucher) { payment(*v).Asset = hash(5) }, ""},
		{"second message", nil, func(v *channel.Voucher) { v.Unit.Messages = append(v.Unit.Messages, v.Unit.Messages[0]) }, "messages"},
		{"no message", nil, func(v *channel.Voucher) { v.Unit.Messages = nil }, "messages"},
		{"not a payment", nil, func(v *channel.Voucher) { v.Unit.Messages[0].Payload = "x" }, "payment"},
		{"data", nil, func(v *channel.Voucher) { v.Unit.Messages[0].App = "data" }, ""},
		{"payload hash", nil, func(v *channel.Voucher) { v.Unit.Messages[0].PayloadHash = hash(1) }, "payload hash"},
		{"version", buyerKey, func(v *channel.Voucher) { v.Unit.Version = "4.0" }, "network"},
		{"network", buyerKey, func(v *channel.Voucher) { v.Unit.Alt = "1" }, "network"},
		{"sealed", nil, func(v *channel.Voucher) { v.Unit.Unit = hash(1) }, "other fields"},
		{"claims debts of no channel", nil, func(v *channel.Voucher) { v.Claims = channel.Payouts{address(20): 10} }, "no debt"},
		{"number 0", nil, func(v *channel.Voucher) { v.N = 0 }, "empty"},
		{"no unit", nil, func(v *channel.Voucher) { v.Unit = nil }, "empty"},
	} {
		v := copied(t, good)
		c.spoil(&v)
		if c.signer != nil {
			rehash(t, &v, c.signer)
		}
		after, effects, err := seller.Apply(accept(v, base(30), 33), at(33))
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if kindOf(err) == err || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want a kind and %q", c.name, err, c.text)
		}
		if len(effects) > 0 || after.Newest != nil {
			t.Errorf("%s: refused, but the state changed", c.name)
		}
	}
	if _, _, err := seller.Apply(accept(good, base(30), 33), at(33)); err != nil {
		t.Errorf("the good voucher: %v", err)
	}
}

func TestVoucherOfAnotherChannel(t *testing.T) {
	v, _ := voucher(t)
	tt := terms()
	tt.Age++
	if _, err := channel.Read(tt, funding(), v); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "not signed for") {
		t.Errorf("other age: got %v", err)
	}
	tt = terms()
	tt.ChangeAddress = address(40)
	if _, err := channel.Read(tt, funding(), v); !errors.Is(err, byteball.Invalid) {
		t.Errorf("other change address: got %v", err)
	}
	f := funding()
	f.Out.Unit = hash(1)
	if _, err := channel.Read(terms(), f, v); !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), "another output") {
		t.Errorf("other deposit: got %v", err)
	}
}

func TestAcceptHangsRight(t *testing.T) {
	v, seller := voucher(t)
	for _, c := range []struct {
		name string
		base func(*channel.Base)
		tip  uint64
		want error
	}{
		{"as proven", func(*channel.Base) {}, 33, nil},
		{"old, on its way", func(*channel.Base) {}, 130, nil},
		{"too old", func(*channel.Base) {}, 131, byteball.Stale},
		{"unknown parent", func(b *channel.Base) { b.Unit = hash(29) }, 33, byteball.Transient},
		{"parent's last ball", func(b *channel.Base) { b.LastBall = hash(29) }, 33, byteball.Invalid},
		{"before the deposit", func(b *channel.Base) { b.MCI, b.LastBallMCI = fundedAt-1, 1 }, 33, byteball.Invalid},
		{"higher tps fee", func(b *channel.Base) { b.TPSFee = 401 }, 33, byteball.Invalid},
		{"tps fee with the margin", func(b *channel.Base) { b.TPSFee = 400 }, 33, nil},
		{"empty", func(b *channel.Base) { *b = channel.Base{} }, 33, byteball.Invalid},
		{"not yet near", func(b *channel.Base) { b.MCI = fundedAt + 355 }, fundedAt + 359, nil},
		{"near the refund", func(b *channel.Base) { b.MCI = fundedAt + 355 }, fundedAt + 360, byteball.Stale},
	} {
		b := base(30)
		c.base(&b)
		if _, _, err := seller.Apply(accept(v, b, c.tip), at(33)); kindOf(err) != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestWant(t *testing.T) {
	v, seller := voucher(t)
	want := channel.Payouts{terms().SellerAddress: 9000, address(20): 300, address(21): 400, address(22): 150}
	for _, c := range []struct {
		name string
		mod  func(channel.Payouts)
		ok   bool
	}{
		{"exactly", func(channel.Payouts) {}, true},
		{"other dust", func(p channel.Payouts) { p[address(22)] = 199 }, true},
		{"more to seller", func(p channel.Payouts) { p[terms().SellerAddress]++ }, false},
		{"less to seller", func(p channel.Payouts) { p[terms().SellerAddress]-- }, false},
		{"nothing to a payee", func(p channel.Payouts) { delete(p, address(20)) }, false},
		{"one more payee", func(p channel.Payouts) { p[address(30)] = 200 }, false},
	} {
		w := maps.Clone(want)
		c.mod(w)
		ev := accept(v, base(30), 33)
		ev.Want = w
		after, _, err := seller.Apply(ev, at(33))
		if (err == nil) != c.ok || err != nil && !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want accepted %v", c.name, err, c.ok)
		}
		if c.ok && !reflect.DeepEqual(after.Payouts, w) {
			t.Errorf("%s: payouts %v, want %v", c.name, after.Payouts, w)
		}
	}
}

func TestParseVoucher(t *testing.T) {
	v, _ := voucher(t)
	data, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := channel.ParseVoucher(data)
	if err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("round trip: got %+v, %v, want %+v", got, err, v)
	}
	swap := func(old, new string) []byte {
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("no %q in %q", old, data)
		}
		return bytes.Replace(data, []byte(old), []byte(new), 1)
	}
	for name, data := range map[string][]byte{
		"empty":          nil,
		"JSON":           []byte(`{"n":1,"unit":{}}`),
		"another form":   swap("\x83\x01", "\x83\x02"),
		"unknown net":    swap("cdev", "cdew"),
		"age 0":          swap("\x19\x02\x58", "\x00"),
		"long number":    swap("\x83\x01", "\x83\x18\x01"),
		"null list":      append(bytes.Clone(data[:len(data)-1]), 0xf6),
		"two":            append(bytes.Clone(data), data...),
		"half":           data[:len(data)/2],
		"endless":        append([]byte{0x9f}, data[1:]...),
		"long":           append(bytes.Clone(data), bytes.Repeat([]byte{' '}, channel.MaxVoucher)...),
		"claims nothing": append(bytes.Clone(data[:len(data)-1]), 0x41, 0x00),
	} {
		if _, err := channel.ParseVoucher(data); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

// What has not the parts of a closing cannot be written.
func TestEncodeRefuses(t *testing.T) {
	good, _ := voucher(t)
	for name, spoil := range map[string]func(*channel.Voucher){
		"number 0":    func(v *channel.Voucher) { v.N = 0 },
		"no unit":     func(v *channel.Voucher) { v.Unit = nil },
		"two authors": func(v *channel.Voucher) { v.Unit.Authors = append(v.Unit.Authors, v.Unit.Authors[0]) },
		"definition":  func(v *channel.Voucher) { v.Unit.Authors[0].Definition = []any{"sig"} },
		"parents":     func(v *channel.Voucher) { v.Unit.ParentUnits = nil },
		"parent":      func(v *channel.Voucher) { v.Unit.ParentUnits[0] = "x" },
		"not signed":  func(v *channel.Voucher) { v.Unit.Authors[0].Authentifiers["r.0.0"] = unit.PlaceholderSig },
		"no payment":  func(v *channel.Voucher) { v.Unit.Messages[0].Payload = map[string]any{"a": "b"} },
		"address":     func(v *channel.Voucher) { payment(*v).Outputs[0].Address = "a" },
		"claims":      func(v *channel.Voucher) { v.Claims = channel.Payouts{"a": 1} },
	} {
		v := copied(t, good)
		spoil(&v)
		if data, err := v.Encode(); !errors.Is(err, byteball.Invalid) {
			t.Errorf("%s: got %x, %v, want Invalid", name, data, err)
		}
	}
}

func TestLargestVoucherFits(t *testing.T) {
	buyer, _ := pair(t)
	add := channel.Payouts{}
	for i := range channel.MaxOutputs - 1 {
		add[address(byte(20+i))] = 10_000
	}
	_, effects := must(t)(buyer.Apply(channel.Pay{Add: add, Base: base(30)}, at(32)))
	data, err := sent(t, effects).Encode()
	if err != nil || len(data) > channel.MaxVoucher {
		t.Errorf("voucher of %d outputs: %d bytes, %v", channel.MaxOutputs, len(data), err)
	}
	t.Logf("%d outputs: voucher %d bytes, state %d bytes", channel.MaxOutputs, len(data), len(effects[0].(channel.Save).Value))
}

func FuzzParseVoucher(f *testing.F) {
	v, seller := voucher(f)
	data, err := v.Encode()
	if err != nil {
		f.Fatal(err)
	}
	want, err := channel.Read(terms(), funding(), v)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := channel.ParseVoucher(data)
		if err != nil {
			return
		}
		if _, _, err := seller.Apply(accept(v, base(30), 33), at(33)); err == nil {
			// Law: nobody but the buyer makes a voucher.
			got, err := channel.Read(terms(), funding(), v)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("forged: pays %v, %v, want %v", got, err, want)
			}
		}
	})
}
