package books_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/protocol"
)

func line(at int64, kind books.Kind, ref string, amount books.Amount) books.Line {
	return books.Line{Time: at, Kind: kind, Ref: ref, Amount: amount}
}

func TestPut(t *testing.T) {
	var b books.Book
	for _, c := range []struct {
		name string
		line books.Line
		err  error
		sum  books.Amount
	}{
		{"opening", line(1, books.Opening, "opening", 1000), nil, 1000},
		{"voucher", line(2, books.Voucher, "channel 1", 50), nil, 1050},
		{"newer voucher", line(3, books.Voucher, "channel 1", 70), nil, 1070},
		{"older voucher", line(2, books.Voucher, "channel 1", 60), protocol.Stale, 1070},
		{"voucher of another channel", line(3, books.Voucher, "channel 2", -30), nil, 1040},
		{"fee", line(4, books.Fee, "unit 1", -600), nil, 440},
		{"the same fee again", line(9, books.Fee, "unit 1", -600), nil, 440},
		{"another fee of one unit", line(9, books.Fee, "unit 1", -601), protocol.Invalid, 440},
		{"another kind of one reference", line(9, books.Bond, "channel 1", 70), protocol.Invalid, 440},
		{"unknown kind", line(9, "gift", "x", 1), protocol.Invalid, 440},
		{"no reference", line(9, books.Bond, "", 1), protocol.Invalid, 440},
		{"long reference", line(9, books.Bond, strings.Repeat("x", 201), 1), protocol.Invalid, 440},
		{"too much", line(9, books.Bond, "x", books.Amount(byteball.MaxBytes)+1), protocol.Invalid, 440},
		{"too little", line(9, books.Bond, "x", -books.Amount(byteball.MaxBytes)-1), protocol.Invalid, 440},
	} {
		if err := b.Put(c.line); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if got, err := b.Sum(); err != nil || got != c.sum {
			t.Errorf("%s: sum %d, %v, want %d", c.name, got, err, c.sum)
		}
	}
}

func TestAmounts(t *testing.T) {
	if got := books.In(5) + books.Out(7); got != -2 {
		t.Errorf("5 in and 7 out make %d", got)
	}
	if got := books.In(1 << 63); got != books.Amount(byteball.MaxBytes) {
		t.Errorf("too much in makes %d", got)
	}
}

func TestSumBounds(t *testing.T) {
	var b books.Book
	for i := range 3 {
		if err := b.Put(line(1, books.Payment, fmt.Sprint("in", i), books.Amount(byteball.MaxBytes))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Sum(); !errors.Is(err, protocol.Invalid) {
		t.Errorf("three times all money: %v", err)
	}
	for i := range 3 {
		if err := b.Put(line(1, books.Payment, fmt.Sprint("out", i), -books.Amount(byteball.MaxBytes))); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Sum(); err != nil || got != 0 {
		t.Errorf("in and out: %d, %v", got, err)
	}
}

var kindOf = rapid.SampledFrom([]books.Kind{books.Opening, books.Fee, books.Voucher, books.Bond, books.Deposit, books.Payment})

// Law: a payment entered with the payer and the payee leaves the sum over all parties at what they began with, however
// often and in whatever order the lines are entered.
func TestMoneyIsConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parties := make([]books.Book, 4)
		type entry struct {
			party int
			line  books.Line
		}
		var entries []entry
		want := books.Amount(0)
		for i := range parties {
			start := books.Amount(rapid.Int64Range(0, 1e12).Draw(t, "opening"))
			want += start
			entries = append(entries, entry{i, line(0, books.Opening, "opening", start)})
		}
		for n := range rapid.IntRange(0, 20).Draw(t, "payments") {
			amount := byteball.Bytes(rapid.Uint64Range(0, 1e12).Draw(t, "amount"))
			from, to := rapid.IntRange(0, 3).Draw(t, "from"), rapid.IntRange(0, 3).Draw(t, "to")
			entries = append(entries,
				entry{from, line(int64(n), books.Payment, fmt.Sprintf("%d out", n), books.Out(amount))},
				entry{to, line(int64(n), books.Payment, fmt.Sprintf("%d in", n), books.In(amount))})
		}
		for range 2 {
			for _, e := range rapid.Permutation(entries).Draw(t, "order") {
				if err := parties[e.party].Put(e.line); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := books.Amount(0)
		for i := range parties {
			sum, err := parties[i].Sum()
			if err != nil {
				t.Fatal(err)
			}
			got += sum
		}
		if got != want {
			t.Fatalf("%d bytes in all, want %d", got, want)
		}
	})
}

// Law: of the vouchers of one channel only the newest counts, in whatever order they come.
func TestNewestVoucherCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "vouchers")
		var lines []books.Line
		for i := range n {
			lines = append(lines, line(int64(i), books.Voucher, "channel", books.Amount(100*i)))
		}
		var b books.Book
		for _, l := range rapid.Permutation(lines).Draw(t, "order") {
			if err := b.Put(l); err != nil && !errors.Is(err, protocol.Stale) {
				t.Fatal(err)
			}
		}
		if got, err := b.Sum(); err != nil || got != books.Amount(100*(n-1)) {
			t.Fatalf("sum %d, %v", got, err)
		}
	})
}

func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := line(rapid.Int64().Draw(t, "time"), kindOf.Draw(t, "kind"), rapid.StringN(1, 40, 200).Draw(t, "ref"),
			books.Amount(rapid.Int64Range(-9e15, 9e15).Draw(t, "amount")))
		b, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := books.Decode(b); err != nil || got != l {
			t.Fatalf("%+v, %v, want %+v", got, err, l)
		}
	})
	if got := string(line(1, books.Fee, "unit", 1).Key()); got != "line/unit" {
		t.Errorf("key %q", got)
	}
}

func TestJSON(t *testing.T) {
	var b books.Book
	for _, l := range []books.Line{line(2, books.Fee, "unit", -600), line(1, books.Opening, "opening", 1000)} {
		if err := b.Put(l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := json.Marshal(&b)
	want := `[{"time":1,"kind":"opening","ref":"opening","amount":1000},{"time":2,"kind":"fee","ref":"unit","amount":-600}]`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if got, err := json.Marshal(new(books.Book)); err != nil || string(got) != "[]" {
		t.Errorf("empty: %s, %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := line(1, books.Voucher, "channel", -5).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := books.Decode(data)
		if err != nil {
			if !errors.Is(err, protocol.Invalid) {
				t.Fatalf("error %v is not Invalid", err)
			}
			return
		}
		if again, err := l.Encode(); err != nil || string(again) != string(data) {
			t.Fatalf("%+v encodes to %x, came from %x", l, again, data)
		}
	})
}
