package unit_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/chash"
	"github.com/iotverse/iotverse/byteball/objecthash"
	"github.com/iotverse/iotverse/byteball/unit"
)

const somebody = "FLYJOMYTX4X2QFMISZPWACUARB3ZFYRJ"

// agent is a definition of an autonomous agent and its address.
func agent(t failer) map[string]any {
	def := []any{"autonomous agent", map[string]any{"messages": []any{}, "doc_url": "x"}}
	def[1].(map[string]any)["messages"] = []any{map[string]any{"app": "data", "payload": map[string]any{"a": 1.0}}}
	address, err := chash.Of(def)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"definition": def, "address": address}
}

var coin = map[string]any{"is_private": false, "is_transferrable": true, "auto_destroy": false, "fixed_denominations": false,
	"issued_by_definer_only": true, "cosigned_by_definer": false, "spender_attested": false, "cap": 1_000_000}

// with is m with one field set, or without it where v is nil.
func with(m map[string]any, key string, v any) map[string]any {
	out := map[string]any{}
	for k, e := range m {
		out[k] = e
	}
	if out[key] = v; v == nil {
		delete(out, key)
	}
	return out
}

// payloads are good payloads of all apps.
func payloads(t failer) map[string][]any {
	return map[string][]any{
		"text":                      {"hello", "", "Köln 😀 \u2028 \"\\"},
		"data":                      {map[string]any{"a": 1.5, "b": []int{1, 2}, "z": map[string]bool{"y": true}}, []string{"x"}},
		"data_feed":                 {map[string]any{"BTC_USD": "65000.5", "n": -3}},
		"profile":                   {map[string]any{"name": "Ann"}},
		"attestation":               {map[string]any{"address": somebody, "profile": map[string]any{"age": 18, "more": []any{map[string]any{"k": "v"}}}}},
		"definition":                {agent(t)},
		"definition_template":       {[]any{"and", []any{[]any{"address", "@a"}, []any{"age", []any{">", 5}}}}},
		"address_definition_change": {map[string]any{"definition_chash": somebody}},
		"asset": {coin, with(coin, "cap", nil),
			with(with(with(coin, "is_private", true), "fixed_denominations", true), "denominations", []any{
				map[string]any{"denomination": 1, "count_coins": 1000}, map[string]any{"denomination": 999, "count_coins": 1000}}),
			with(with(coin, "spender_attested", true), "attestors", []string{somebody})},
		"asset_attestors": {map[string]any{"asset": someHash(1), "attestors": []string{somebody}}},
		"poll": {map[string]any{"question": "Yes?", "choices": []string{"yes", "no"}},
			map[string]any{"question": "\u0085", "choices": []string{"\u0085"}}},
		"vote":              {map[string]any{"unit": someHash(1), "choice": "yes"}},
		"system_vote":       {map[string]any{"subject": "tps_interval", "value": 0.5}, map[string]any{"subject": "op_list", "value": []string{somebody}}},
		"system_vote_count": {"threshold_size"},
	}
}

// Law: a unit of any network with messages of any app is good in form and fees once it is sealed, is the same after it was
// written and read, in one pass or by its tree, and has the same hash either way.
func TestEveryAppRoundTrips(t *testing.T) {
	good := payloads(t)
	apps := slices.Sorted(func(yield func(string) bool) {
		for app := range good {
			if !yield(app) {
				return
			}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		key, err := unit.NewKey([32]byte{31: rapid.ByteRange(1, 200).Draw(t, "key")})
		if err != nil {
			t.Fatal(err)
		}
		author := soleAuthor(t, key)
		msgs := []unit.Message{paymentMessage(author.Address, 5)}
		for _, app := range rapid.SliceOfNDistinct(rapid.SampledFrom(apps), 1, len(apps), rapid.ID).Draw(t, "apps") {
			m, err := unit.NewMessage(app, rapid.SampledFrom(good[app]).Draw(t, app))
			if err != nil {
				t.Fatal(app, err)
			}
			msgs = append(msgs, m)
		}
		temp, err := unit.TempData(map[string]any{"s": rapid.String().Draw(t, "temporary"), "f": rapid.Float64().Draw(t, "number")})
		if err != nil && !strings.Contains(err.Error(), "invalid string") {
			t.Fatal(err)
		} else if err == nil {
			msgs = append(msgs, temp)
		}
		net := rapid.SampledFrom([]byteball.Network{byteball.Live, byteball.Testnet, byteball.Dev}).Draw(t, "net")
		u, err := unit.Compose(net, anchor(), []unit.Author{author}, msgs)
		if err != nil {
			t.Fatal(err)
		}
		finish(t, u, 1_000_000, map[string]*unit.Key{"r": key})
		checkGood(t, u, key.PublicKey(), 1_000_000)
		checkWritten(t, u)
	})
}

// finish balances, signs and seals a unit of one author.
func finish(t failer, u *unit.Unit, total byteball.Bytes, keys map[string]*unit.Key) {
	t.Helper()
	from := u.Authors[0].Address
	if err := u.Balance(total, from); err != nil {
		t.Fatal(err)
	}
	for path, key := range keys {
		if err := u.SignWith(from, path, key); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.Seal(); err != nil {
		t.Fatal(err)
	}
}

func checkWritten(t failer, u *unit.Unit) {
	t.Helper()
	data, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := objecthash.ParseTree(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := unit.Parse(data)
	if err != nil || !reflect.DeepEqual(again, u) {
		t.Fatal("read as another unit", err, string(data))
	}
	slow, err := unit.FromTree(tree)
	if err != nil || !reflect.DeepEqual(slow, u) {
		t.Fatal("read by its tree as another unit", err, string(data))
	}
	if h, err := unit.HashTree(tree); h != u.Unit || err != nil {
		t.Fatal("its tree has another hash", h, err)
	}
}

func TestNewMessageRefuses(t *testing.T) {
	flagless := with(coin, "auto_destroy", nil)
	for _, c := range []struct {
		app     string
		payload any
		want    string
	}{
		{"magic", 1, "unknown app: magic"},
		{"payment", map[string]any{"outputs": []int{1}}, "unknown app: payment"},
		{"data", func() {}, "payload is no JSON"},
		{"data", nil, "no inline payload"},
		{"data", map[string]any{}, "empty object"},
		{"data", "text", "data payload must be object"},
		{"text", "a\x00b", "unit contains invalid string (lone surrogate or null byte)"},
		{"text", 5, "payload must be string"},
		{"data_feed", map[string]any{"x": 1.5}, "fractional numbers not allowed in data feeds"},
		{"data_feed", map[string]any{strings.Repeat("x", 65): 1}, "too long"},
		{"attestation", map[string]any{"address": "x", "profile": map[string]any{"a": "b"}}, "attesting an invalid address"},
		{"vote", map[string]any{"unit": "x", "choice": "yes"}, "invalid unit in vote"},
		{"asset", flagless, "some required fields in asset definition are missing"},
		{"asset", with(coin, "x", 1), "unknown fields in asset definition"},
		{"asset", with(coin, "cap", 1.5), "invalid cap"},
		{"asset", with(coin, "cap", 9e15+2), "invalid cap"},
		{"asset", with(coin, "spender_attested", true), "attestors not defined"},
		{"asset", with(coin, "attestors", []string{somebody}), "attestors should not be defined when spender_attested is false"},
		{"asset", with(coin, "fixed_denominations", true), "denominations not defined"},
		{"asset", with(coin, "denominations", []int{1}), "denominations should not be defined when fixed"},
		{"asset", with(with(coin, "fixed_denominations", true), "denominations", []any{5}), "denomination must be a non-empty object: 5"},
		{"asset", with(with(coin, "fixed_denominations", true), "denominations", []any{map[string]any{"denomination": 0}}), "invalid denomination"},
		{"asset", with(with(coin, "fixed_denominations", true), "denominations", []any{map[string]any{"denomination": 2}, map[string]any{"denomination": 2}}), "denominations unsorted"},
		{"asset", with(with(coin, "fixed_denominations", true), "denominations", []any{map[string]any{"denomination": 2}}), "has cap but some denominations are uncapped"},
		{"asset", with(with(coin, "fixed_denominations", true), "denominations", []any{map[string]any{"denomination": 2, "count_coins": 5}}), "cap doesn't match sum of denominations"},
		{"asset", with(coin, "is_private", true), "if private and transferrable, must have fixed denominations"},
		{"asset", with(with(coin, "is_private", true), "is_transferrable", false), "if private and divisible, must also be auto-destroy and non-transferrable"},
		{"asset", with(coin, "issued_by_definer_only", false), "if capped, must be issued by definer only"},
		{"asset_attestors", map[string]any{"asset": "x"}, "invalid asset in attestor list update"},
		{"asset_attestors", map[string]any{"asset": someHash(1), "attestors": []string{somebody, somebody}}, "attestors not sorted"},
		{"asset_attestors", map[string]any{"asset": someHash(1), "attestors": []string{"x"}}, `invalid attestor address: "x"`},
		{"poll", map[string]any{"question": "Yes?\ufeff", "choices": []string{"yes"}}, "question must be trimmed"},
		{"poll", map[string]any{"question": "Yes?", "choices": []string{"\ufeff\u2028"}}, "all choices must be longer than 0 chars"},
		{"system_vote", map[string]any{"subject": "tps_interval", "value": 0.05}, "tps_interval must be at least 0.1"},
	} {
		_, err := unit.NewMessage(c.app, c.payload)
		if !errors.Is(err, byteball.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v: %v, want %s", c.app, c.payload, err, c.want)
		}
	}
}

// What the reference takes for base64: the data's hash in temp_data is the one place where any length will do.
func TestBase64Vectors(t *testing.T) {
	type vectors struct {
		Cases []struct {
			Base64 string
			Valid  bool
		} `json:"base64_validity"`
	}
	for _, c := range read[vectors](t, "../chash/testdata/addresses.json").Cases {
		_, err := unit.NewMessage("temp_data", map[string]any{"data_length": 5, "data_hash": c.Base64})
		if (err == nil) != c.Valid {
			t.Errorf("%q: %v, want valid %t", c.Base64, err, c.Valid)
		}
	}
}
