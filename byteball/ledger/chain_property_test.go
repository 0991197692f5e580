package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// oddFeeds are values whose order is not obvious.
var oddFeeds = []any{0.0, -5.0, 5.0, 1000.0, 1e300, "1e3", "-0", "5.0", "+5", "abc", "abd", "ab", "abc\t", "abc ", "", "é", "😀", "\uffee",
	"123456789012345678901234567890", "1e-700", "0x10"}

// busyWorld is a chain on which three people post feeds, attestations, changes and payments at random.
func busyWorld(t testing.TB, random *rand.Rand) (w *world, people []person, units []*unit.Unit) {
	for n := range byte(3) {
		people = append(people, someone(t, n+1))
	}
	w = newWorld(t, "", people...)
	w.witness(4)
	keys := map[byteball.Address]person{}
	for range 40 {
		p := people[random.IntN(3)]
		messages := []unit.Message{
			message("data_feed", map[string]any{"a": oddFeeds[random.IntN(len(oddFeeds))], "b": oddFeeds[random.IntN(len(oddFeeds))]}),
			message("attestation", map[string]any{"address": string(people[random.IntN(3)].address), "profile": map[string]any{"a": "b"}}),
		}
		if random.IntN(6) == 0 && keys[p.address].Key == nil {
			next := someone(t, byte(100+random.IntN(2)))
			messages = append(messages, message("address_definition_change", map[string]any{"definition_chash": string(next.address)}))
			keys[p.address] = next
			people = append(people, next)
		} else if keys[p.address].Key != nil {
			continue // its new keys would have to be shown first
		}
		u := w.draft(p, to(people[random.IntN(3)], byteball.Bytes(1+random.IntN(4))), messages...)
		units = append(units, w.post(u))
		w.witness(random.IntN(3))
	}
	w.witness(6)
	return w, people, units
}

// fact is what a stable unit did.
type fact struct {
	*unit.Unit
	mci uint64
}

// TestFactsAreThoseOfTheUnits checks on random questions that the tables that definitions are answered from say what a walk
// through all units says.
func TestFactsAreThoseOfTheUnits(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	w, people, units := busyWorld(t, random)
	var facts []fact
	for _, u := range units {
		j, err := w.Joint(u.Unit)
		if err != nil || j.Ball == "" {
			t.Fatalf("unit %s is not stable (%v)", u.Unit, err)
		}
		facts = append(facts, fact{u, *j.Unit.MainChainIndex})
	}
	last := w.StableMCI()
	w.Ask(func(c definition.Chain) {
		rapid.Check(t, func(t *rapid.T) {
			mci := rapid.Uint64Range(0, last+1).Draw(t, "last ball")
			one := func(label string) byteball.Address { return rapid.SampledFrom(people).Draw(t, label).address }
			var q string
			var got, want bool
			var err error
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				f := definition.Feed{Oracle: one("oracle"), Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
					Relation: rapid.SampledFrom([]string{"=", ">", "<", ">=", "<="}).Draw(t, "relation"),
					Value:    rapid.SampledFrom(append(oddFeeds, "abc\n", "5", "zz", 4.0, 6.0, -6.0)).Draw(t, "value"),
					From:     rapid.Uint64Range(0, last).Draw(t, "from")}
				if n, ok := definition.FeedNumber(f.Value); ok {
					f.Value = n
				}
				q, want = fmt.Sprintf("%+v", f), holds(facts, mci, func(x fact) bool { return x.posts(f) })
				got, err = c.Feed(f, mci)
			case 1:
				coin := definition.Coin{Input: rapid.Bool().Draw(t, "input"), Address: one("owner"),
					Asset: rapid.SampledFrom([]byteball.Hash{"", "base", units[0].Unit}).Draw(t, "asset")}
				if coin.Input {
					coin.Type = rapid.SampledFrom([]string{"", "transfer", "issue"}).Draw(t, "type")
				} else {
					coin.Min = byteball.Bytes(rapid.IntRange(0, 5).Draw(t, "min"))
					coin.Max = byteball.Bytes(rapid.IntRange(0, 5).Draw(t, "max"))
				}
				genesis := !coin.Input && coin.Asset != units[0].Unit && coin.Max == 0 && slices.ContainsFunc(people[:3], func(p person) bool { return p.address == coin.Address })
				q, want = fmt.Sprintf("%+v", coin), genesis || holds(facts, mci, func(x fact) bool { return x.moves(coin) })
				got, err = c.SeenCoin(coin, mci)
			case 2:
				address, hash := one("changed"), byteball.Address("")
				if rapid.Bool().Draw(t, "to") {
					hash = one("new keys")
				}
				q, want = fmt.Sprint("change of ", address, " to ", hash), holds(facts, mci, func(x fact) bool { return x.changed(address, hash) })
				got, err = c.Changed(address, hash, mci)
			default:
				address, attestor := one("attested"), one("attestor")
				change := latest(facts, mci, func(x fact) bool { return x.changed(address, "") })
				attested := latest(facts, mci, func(x fact) bool {
					return x.Authors[0].Address == attestor && x.payload("attestation")["address"] == string(address)
				})
				q, want = fmt.Sprint(address, " attested by ", attestor), attested > change
				got, err = c.Attested(address, attestor, mci)
			}
			if got != want || err != nil {
				t.Fatalf("%s up to %d: got %v, %v, want %v", q, mci, got, err, want)
			}
		})
	})
}

func holds(facts []fact, mci uint64, f func(fact) bool) bool {
	return slices.ContainsFunc(facts, func(x fact) bool { return x.mci <= mci && f(x) })
}

// latest returns the highest index of a unit with f, 0 if there is none.
func latest(facts []fact, mci uint64, f func(fact) bool) (at uint64) {
	for _, x := range facts {
		if x.mci <= mci && f(x) {
			at = max(at, x.mci)
		}
	}
	return at
}

func (x fact) payload(app string) map[string]any {
	for _, m := range x.Messages {
		if m.App == app {
			return maps.Clone(m.Payload.(map[string]any))
		}
	}
	return nil
}

func (x fact) changed(a, to byteball.Address) bool {
	hash, ok := x.payload("address_definition_change")["definition_chash"].(string)
	return ok && x.Authors[0].Address == a && (to == "" || hash == string(to))
}

func (x fact) moves(c definition.Coin) bool {
	if c.Asset != "" && c.Asset != "base" {
		return false
	}
	if c.Input {
		return x.Authors[0].Address == c.Address && c.Type != "issue"
	}
	for _, m := range x.Messages {
		p, _ := m.Payload.(*unit.Payment)
		if p != nil && slices.ContainsFunc(p.Outputs, func(o unit.Output) bool {
			return o.Address == c.Address && o.Amount >= c.Min && (c.Max == 0 || o.Amount <= c.Max)
		}) {
			return true
		}
	}
	return false
}

// posts compares as the reference does, which sorts texts by "text, line feed, inverted index" (data_feeds.js:113).
func (x fact) posts(f definition.Feed) bool {
	v, ok := x.payload("data_feed")[f.Name]
	if !ok || x.Authors[0].Address != f.Oracle || x.mci < f.From {
		return false
	}
	if asked, isNumber := f.Value.(float64); isNumber {
		n, isNumber := definition.FeedNumber(v)
		return isNumber && map[string]bool{"=": n == asked, ">": n > asked, "<": n < asked, ">=": n >= asked, "<=": n <= asked}[f.Relation]
	}
	text, isText := v.(string)
	asked := f.Value.(string)
	key, end := fmt.Sprintf("%s\n%08x", text, 1<<32-1-x.mci), asked+"\nffffffff"
	return isText && map[string]bool{"=": text == asked, ">": key > end, "<": key < asked, ">=": key >= asked, "<=": key <= end}[f.Relation]
}

// BenchmarkAsk: what a definition's question costs does not grow with the chain.
func BenchmarkAsk(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		oracle := someone(b, 1)
		w := newWorld(b, "", oracle)
		w.witness(n / 2)
		w.post(w.draft(oracle, nil, message("data_feed", map[string]any{"price": 5.0})))
		w.witness(n / 2)
		last := w.StableMCI()
		w.Ask(func(c definition.Chain) {
			for name, ask := range map[string]func() (bool, error){
				"feed": func() (bool, error) {
					return c.Feed(definition.Feed{Oracle: oracle.address, Name: "price", Relation: ">", Value: 4.0}, last)
				},
				"seen": func() (bool, error) { return c.SeenCoin(definition.Coin{Address: w.OP(), Asset: "base"}, last) },
				"amount": func() (bool, error) {
					return c.SeenCoin(definition.Coin{Address: w.OP(), Asset: "base", Min: 1000}, last)
				},
			} {
				b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if ok, err := ask(); !ok || err != nil {
							b.Fatal(ok, err)
						}
					}
				})
			}
		})
	}
}
