package objecthash_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/objecthash"
)

// result is what the reference returned or the text it threw.
type result[T any] struct {
	Result T
	Error  string
}

type vector struct {
	Input      string         `json:"input_json"`
	Source     result[string] `json:"source_string"`
	JSONSource result[string] `json:"json_source_string"`
	Hash       result[string] `json:"hash"`
	HashJSON   result[string] `json:"hash_json"`
	Length     result[int]    `json:"length_without_keys"`
	LengthKeys result[int]    `json:"length_with_keys"`
	WellFormed result[bool]   `json:"well_formed"`
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/source_strings.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		tree, err := objecthash.ParseTree([]byte(v.Input))
		if !v.WellFormed.Result && !strings.Contains(v.Input, `\u0000`) {
			if !errors.Is(err, objecthash.ErrString) {
				t.Errorf("ParseTree(%s) = %v, want %v", v.Input, err, objecthash.ErrString)
			}
			checkLoose(t, v)
			continue
		}
		checkLoose(t, v)
		if err != nil {
			t.Errorf("ParseTree(%s): %v", v.Input, err)
			continue
		}
		check := func(name, got string, err error, want result[string]) {
			t.Helper()
			switch {
			case want.Error != "":
				if err == nil || err.Error() != want.Error || !errors.Is(err, byteball.Invalid) {
					t.Errorf("%s of %s: error %v, want %s", name, v.Input, err, want.Error)
				}
			case err != nil || got != want.Result:
				t.Errorf("%s of %s = %q, %v, want %q", name, v.Input, got, err, want.Result)
			}
		}
		s, err := objecthash.Source(tree)
		check("Source", s, err, v.Source)
		s, err = objecthash.JSONSource(tree)
		check("JSONSource", s, err, v.JSONSource)
		h, err := objecthash.Hash(tree)
		check("Hash", string(h), err, v.Hash)
		h, err = objecthash.JSONHash(tree)
		check("JSONHash", string(h), err, v.HashJSON)
		if got := objecthash.Length(tree, false); got != v.Length.Result {
			t.Errorf("Length of %s = %d, want %d", v.Input, got, v.Length.Result)
		}
		if got := objecthash.Length(tree, true); got != v.LengthKeys.Result {
			t.Errorf("Length with keys of %s = %d, want %d", v.Input, got, v.LengthKeys.Result)
		}
	}
}

// checkLoose wants the reference's hashes of everything that it can hash, also of what no unit may hold.
func checkLoose(t *testing.T, v vector) {
	t.Helper()
	tree, err := objecthash.ParseLoose([]byte(v.Input))
	if err != nil {
		t.Errorf("ParseLoose(%s): %v", v.Input, err)
		return
	}
	for legacy, want := range map[bool]result[string]{true: v.Hash, false: v.HashJSON} {
		if got, err := objecthash.HashLoose(tree, legacy); string(got) != want.Result || (err != nil) != (want.Error != "") {
			t.Errorf("HashLoose of %s, legacy %t = %s, %v, want %+v", v.Input, legacy, got, err, want)
		}
	}
	if got := objecthash.Length(tree, true); got != v.LengthKeys.Result {
		t.Errorf("Length of the loose %s = %d, want %d", v.Input, got, v.LengthKeys.Result)
	}
}

// The traps of the two forms, each by its name.
func TestTraps(t *testing.T) {
	for _, c := range []struct{ name, text, json, legacy string }{
		{"valid pairs are escaped, in lower case", `"\uD83D\uDE00"`, `"\ud83d\ude00"`, "s|😀"},
		{"other characters are not", `"\u00fc\u2028\uffff"`, "\"\u00fc\u2028\uffff\"", "s|\u00fc\u2028\uffff"},
		{"a slash stays", `"\/"`, `"/"`, "s|/"},
		{"short escapes and long ones", `"\u0008\u001f\u007f\""`, `"\b\u001f` + "\x7f" + `\""`, "s|\b\x1f\x7f\""},
		{"keys sort by UTF-16", `{"\uffff":1,"\ud83d\ude00":2,"z":3}`, `{"z":3,"\ud83d\ude00":2,"` + "\uffff" + `":1}`, "z|n|3|😀|n|2|\uffff|n|1"},
		{"keys do not sort as numbers", `{"10":1,"9":2}`, `{"10":1,"9":2}`, "10|n|1|9|n|2"},
		{"whole numbers", `[1e3,-0,1.0,100000000000000000000]`, `[1000,0,1,100000000000000000000]`, "[|n|1000|n|0|n|1|n|100000000000000000000|]"},
		{"long numbers", `[1e21,1e-7,0.000001]`, `[1e+21,1e-7,0.000001]`, "[|n|1e+21|n|1e-7|n|0.000001|]"},
		{"numbers beyond 2^53", `9007199254740993`, `9007199254740992`, "n|9007199254740992"},
		{"nested arrays", `[["a"],true]`, `[["a"],true]`, "[|[|s|a|]|b|true|]"},
		{"an empty array", `{"a":[]}`, "", ""},
		{"an empty object", `[{}]`, "", ""},
		{"a null", `[null]`, "", ""},
		{"a zero byte", `"\u0000"`, `"\u0000"`, ""},
	} {
		tree, err := objecthash.ParseTree([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, err := objecthash.JSONSource(tree); got != c.json || (err == nil) != (c.json != "") {
			t.Errorf("%s: JSON form %q, %v, want %q", c.name, got, err, c.json)
		}
		got, err := objecthash.Source(tree)
		if got = strings.ReplaceAll(got, "\x00", "|"); got != c.legacy || (err == nil) != (c.legacy != "") {
			t.Errorf("%s: legacy form %q, %v, want %q", c.name, got, err, c.legacy)
		}
	}
}

// Law: Plain counts what comes before the first byte that is not plain.
func TestPlain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOfN(rapid.OneOf(rapid.ByteRange('a', 'f'), rapid.Byte(), rapid.SampledFrom([]byte("\"\\ !#[]\x1f\x7f\x80"))), 0, 40).Draw(t, "s"))
		want := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r >= 0x80 || r == '"' || r == '\\' })
		if want < 0 {
			want = len(s)
		}
		if got := objecthash.Plain(s); got != want {
			t.Fatalf("Plain(%q) = %d, want %d", s, got, want)
		}
	})
}

func TestLooseIsBounded(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + "1" + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"deep", nested(999), nil},
		{"too deep", nested(1000), objecthash.ErrNested},
		{"wide", "[" + strings.Repeat("1,", 99_999) + "1]", nil},
		{"too wide", "[" + strings.Repeat("1,", 100_000) + "1]", objecthash.ErrNested},
	} {
		if _, err := objecthash.ParseLoose([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, text := range []string{"\"\xed\xa0\x80\"", "\"\xff\"", `"\ud800` + "\xff\"", "1e", `"\ud8"`} {
		if v, err := objecthash.ParseLoose([]byte(text)); !errors.Is(err, byteball.Invalid) {
			t.Errorf("ParseLoose(%q) = %q, %v, want an error of kind Invalid", text, v, err)
		}
	}
}

func TestParseTreeRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{1:1}`,
		"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "NaN", "Infinity", "-01", "1e999", "-1e999",
		`"`, `"\`, `"\u`, `"\u12`, `"\u12g4"`, `"\x"`, `"\ud800`, `"\ud800\u`, `"\ud800\u0041"`, `"\udc00"`, `"\ud800x"`,
		"\"\x01\"", "\"a\\n\x01\"", "\"\xff\"", "\"\\n\xff\"", "\"\xed\xa0\x80\"", "tru", "nul", "truex", "1 2", "{}[]", "'a'",
		"\ufeff1",
	} {
		if v, err := objecthash.ParseTree([]byte(text)); !errors.Is(err, byteball.Invalid) {
			t.Errorf("ParseTree(%q) = %v, %v, want an error of kind Invalid", text, v, err)
		}
	}
}

func TestParseTreeBounds(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	list := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"depth at the limit", nested(objecthash.MaxDepth), nil},
		{"depth over the limit", nested(objecthash.MaxDepth + 1), objecthash.ErrNested},
		{"value below the limit of depth", strings.Repeat("[", 100) + "1" + strings.Repeat("]", 100), objecthash.ErrNested},
		{"much too deep", strings.Repeat("[", 1<<20), objecthash.ErrNested},
		{"nodes at the limit", list(objecthash.MaxNodes), nil},
		{"nodes over the limit", list(objecthash.MaxNodes + 1), objecthash.ErrNested},
	} {
		if _, err := objecthash.ParseTree([]byte(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestParseTreeLastKeyWins(t *testing.T) {
	tree, err := objecthash.ParseTree([]byte(` { "a" : 1 , "a" : -0 } `))
	got, _ := objecthash.JSONSource(tree)
	if want := `{"a":0}`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// Law: keys sort by UTF-16 code units.
func TestCompareIsOrderOfUTF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune{'a', 'z', 'é', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\U00010000', '\U0010ffff'}))
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		want := slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		got := objecthash.Compare(a, b)
		if (got < 0) != (want < 0) || (got > 0) != (want > 0) {
			t.Fatalf("Compare(%q, %q) = %d, want the sign of %d", a, b, got, want)
		}
	})
}

// Law: the length of a string is that of its UTF-16 form.
func TestStringLengthIsUTF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if got, want := objecthash.StringLength(s), len(utf16.Encode([]rune(s))); got != want {
			t.Fatalf("StringLength(%q) = %d, want %d", s, got, want)
		}
	})
}

func TestSourceRefusesForeignTypes(t *testing.T) {
	for _, v := range []any{nil, 1, json.Number("1"), []string{"a"}, []any{nil}, map[string]any{"a": []any{}}, "\xff"} {
		if s, err := objecthash.JSONSource(v); !errors.Is(err, byteball.Invalid) {
			t.Errorf("JSONSource(%#v) = %q, %v, want an error of kind Invalid", v, s, err)
		}
	}
}

// FuzzSource: the source strings of a tree, and so its hashes, are those of the tree read again from its JSON, and the
// loose functions agree with the strict ones.
func FuzzSource(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add([]byte(v.Input))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := objecthash.ParseTree(data)
		if err != nil {
			if loose, err := objecthash.ParseLoose(data); err == nil {
				_, _ = objecthash.HashLoose(loose, true)
				_, _ = objecthash.HashLoose(loose, false)
			}
			return
		}
		w := objecthash.NewJSONWriter()
		defer w.Free()
		w.Tree(tree)
		again, err := objecthash.ParseTree(w.Bytes())
		if err != nil {
			t.Fatalf("%v in %s", err, w.Bytes())
		}
		for _, source := range []func(any) (string, error){objecthash.Source, objecthash.JSONSource} {
			want, wantErr := source(tree)
			if got, err := source(again); got != want || (err == nil) != (wantErr == nil) {
				t.Fatalf("%q became %q, %v and %v", want, got, wantErr, err)
			}
		}
		for legacy, hash := range map[bool]func(any) (byteball.Hash, error){true: objecthash.Hash, false: objecthash.JSONHash} {
			want, wantErr := hash(tree)
			if got, err := objecthash.HashLoose(tree, legacy); got != want || (err == nil) != (wantErr == nil) {
				t.Fatalf("HashLoose of %q is %s, %v, want %s, %v", data, got, err, want, wantErr)
			}
		}
		s, err := objecthash.JSONSource(tree)
		if err != nil {
			return
		}
		if back, err := objecthash.ParseTree([]byte(s)); err != nil {
			t.Fatalf("source string %q is no JSON: %v", s, err)
		} else if twice, _ := objecthash.JSONSource(back); twice != s {
			t.Fatalf("%q became %q", s, twice)
		}
	})
}

// FuzzParseTree: what parses is written in a form that parses to the same text, and what encoding/json refuses is refused.
func FuzzParseTree(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add([]byte(v.Input))
	}
	f.Add([]byte(`{"a":[1,"\ud83d\ude00",{"b":null}],"a":-0.0e5}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := objecthash.ParseTree(data)
		if err != nil {
			if !errors.Is(err, byteball.Invalid) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what is not JSON: %q", data)
		}
		w := objecthash.NewJSONWriter()
		defer w.Free()
		w.Tree(tree)
		if w.Err() != nil {
			t.Fatal(w.Err())
		}
		again, err := objecthash.ParseTree(w.Bytes())
		if err != nil {
			t.Fatalf("%v in %s", err, w.Bytes())
		}
		x := objecthash.NewJSONWriter()
		defer x.Free()
		x.Tree(again)
		if string(x.Bytes()) != string(w.Bytes()) {
			t.Fatalf("%s became %s", w.Bytes(), x.Bytes())
		}
	})
}

func BenchmarkParseTree(b *testing.B) {
	data := []byte(`{"outputs":[{"address":"G3PMUVYIHCSJ6GYOINKM3BRRREGDMEZ3","amount":10000}],"inputs":[{"unit":"6LukzgQbf2X6/QUjpvEwApxNO93aGU0s31KGRhtm+oo=","message_index":0,"output_index":15}]}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := objecthash.ParseTree(data); err != nil {
			b.Fatal(err)
		}
	}
}
