package catalogue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/iotverse/iotverse/buyer/catalogue"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/rank"
)

var start = time.UnixMilli(1_800_000_000_000)

func open(t testing.TB, path string) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func put(t testing.TB, c *catalogue.Catalogue, list ...catalogue.Listing) {
	t.Helper()
	if err := c.Put(context.Background(), list); err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, c *catalogue.Catalogue, text string, now time.Time) (ids []string) {
	t.Helper()
	got, err := c.Search(context.Background(), rank.Read(rank.Want{ID: "d", Text: text}), now, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		ids = append(ids, r.ID)
	}
	return ids
}

func listing(id, title, unit, building, room string, valid time.Duration) catalogue.Listing {
	return catalogue.Listing{Offer: rank.Offer{ID: id, Title: rank.Field(title), Unit: rank.Field(unit), Building: rank.Field(building), Room: rank.Field(room)},
		Until: start.Add(valid)}
}

// A name that stands in a title alone is found among many offers, as whatever its letters are known to the full text.
func TestFindsAnyName(t *testing.T) {
	names := []string{"Zurich", "Zürich", "Łódź", "Σίφνος", "北京"}
	c := open(t, "")
	var list []catalogue.Listing
	for i := range 2100 { // so that the other words find nothing
		list = append(list, listing(fmt.Sprintf("a%04d", i), fmt.Sprintf("outdoor air temperature mast %d", i), "Cel", "", "", time.Hour))
	}
	for _, name := range names {
		list = append(list, listing(name, "outdoor air temperature "+name, "Cel", "", "", time.Hour))
	}
	put(t, c, list...)
	for _, name := range names {
		if got := search(t, c, "outdoor air temperature in "+name, start); got[0] != name {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

func TestLife(t *testing.T) {
	ctx := context.Background()
	c := open(t, filepath.Join(t.TempDir(), "offers #1?.db"))
	put(t, c, listing("a", "AHU1 SA-T", "degF", "North Hall", "", time.Hour), listing("b", "Zone Temp", "degF", "North Hall", "12", time.Hour),
		listing("c", "AHU1 SA-T", "degF", "South Hall", "", time.Minute), listing("d", "CO2", "ppm", "North Hall", "12", time.Hour))
	const text = "supply air temperature in South Hall"
	if got := search(t, c, text, start); got[0] != "c" || got[1] != "a" {
		t.Errorf("found %v, want c before a", got)
	}
	if got := search(t, c, text, start.Add(time.Minute)); got[0] != "a" || slices.Contains(got, "c") {
		t.Errorf("after a minute found %v, want a first and c over", got)
	}
	if n, err := c.Expire(ctx, start.Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("%d expired, %v, want 1", n, err)
	}
	if err := c.Withdraw(ctx, "a"); err != nil {
		t.Error(err)
	}
	if err := c.Withdraw(ctx, "a"); !errors.Is(err, byteball.NotFound) {
		t.Errorf("withdrawn twice: %v", err)
	}
	if _, err := c.Get(ctx, "a"); !errors.Is(err, byteball.NotFound) {
		t.Errorf("got what is withdrawn: %v", err)
	}
	put(t, c, listing("b", "Zone Humidity", "%RH", "North Hall", "12", time.Hour)) // replaces
	if got := search(t, c, "room humidity", start); got[0] != "b" {
		t.Errorf("found %v, want b", got)
	}
	if got := search(t, c, "zone temperature", start); slices.Contains(got, "b") && len(got) > 1 {
		t.Errorf("found %v: the words of what was replaced are still there", got)
	}
	if n, err := c.Len(ctx); n != 2 || err != nil {
		t.Errorf("%d offers, %v, want 2", n, err)
	}
	if err := c.Put(ctx, []catalogue.Listing{listing("x", "t", "", "", "", 0), listing("", "t", "", "", "", 0)}); !errors.Is(err, byteball.Invalid) {
		t.Errorf("an offer without id: %v", err)
	}
	if n, _ := c.Len(ctx); n != 2 {
		t.Errorf("%d offers after a refused batch, want 2", n)
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offers.db")
	c, err := catalogue.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, listing("a", "AHU1 SA-T", "degF", "North Hall", "", time.Hour))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := search(t, open(t, path), "supply air temperature", start); !slices.Equal(got, []string{"a"}) {
		t.Errorf("found %v after opening again", got)
	}
}

// TestInjection: whatever a buyer or a seller writes is data, never a query.
func TestInjection(t *testing.T) {
	c := open(t, "")
	evil := []string{`'; DROP TABLE offers; --`, `" OR "1"="1`, `NEAR(a b)`, `text:*`, `a AND NOT b`, `"`, `""`, `*`, `^a`, "\x00", `temperature" OR text : "x`, "(((", "{a b}: c"}
	for i, s := range evil {
		put(t, c, listing(fmt.Sprint(i, s), s, s, s, s, time.Hour))
	}
	for _, s := range evil {
		search(t, c, s, start)
		search(t, c, "temperature in "+s, start)
		if err := c.Withdraw(context.Background(), s+"%"); !errors.Is(err, byteball.NotFound) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if n, err := c.Len(context.Background()); n != len(evil) || err != nil {
		t.Errorf("%d offers, %v, want %d", n, err, len(evil))
	}
}

// many makes n offers of made-up buildings.
func many(n int) []catalogue.Listing {
	rng := rand.New(rand.NewPCG(5, uint64(n)))
	titles := [][2]string{{"AHU-%d SA-T", "degF"}, {"AHU-%d RA-H", "%RH"}, {"VAV-%d ZN-T", "degF"}, {"VAV-%d ZN-SP", "degF"}, {"VAV-%d SUPFLO", "cfm"},
		{"VAV-%d SUPFLOSP", "cfm"}, {"VAV-%d DPR-C", "%"}, {"CHWS-T %d", "degC"}, {"Room CO2 %d", "ppm"}, {"Illuminance %d", "lx"}, {"Meter %d Power", "kW"}}
	list := make([]catalogue.Listing, n)
	for i := range list {
		title := titles[rng.IntN(len(titles))]
		list[i] = listing(fmt.Sprintf("o%06d", i), fmt.Sprintf(title[0], rng.IntN(40)), title[1], fmt.Sprintf("Tower %c%c", 'A'+rng.IntN(26), 'A'+rng.IntN(2)), fmt.Sprint(100+rng.IntN(60)), time.Hour)
		list[i].Offer.Floor, list[i].Offer.City = rank.Field(fmt.Sprint(rng.IntN(5))), rank.Field([]string{"Rome", "Oslo", "Lima"}[rng.IntN(3)])
	}
	return list
}

var demands = []string{
	"supply air temperature, floor 3 of Tower AB in Oslo", "zone temperature set point in Lima", "CO2 in room 117 of Tower CA", "alarms on air flow of Tower ZB",
	"measured humidity of return air in Rome", "damper command of VAV 17 in Tower QA", "power of meter 12 in Oslo", "illuminance in the room on floor 2",
}

// TestSearchFindsTheBest: the two nets hold what a look at every offer finds.
func TestSearchFindsTheBest(t *testing.T) {
	list := many(3000)
	c := open(t, "")
	put(t, c, list...)
	var all []rank.Entry
	for _, l := range list {
		all = append(all, rank.NewEntry(l.Offer, nil))
	}
	for _, text := range demands {
		q := rank.Read(rank.Want{ID: "d", Text: text})
		want := rank.Rank(q, all)[:10]
		got, err := c.Search(context.Background(), q, start, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if i >= len(got) || got[i].Score != want[i].Score {
				t.Errorf("%s: place %d: got %v, want %v", text, i+1, got, want)
				break
			}
		}
	}
}

// TestLook: what a market says of an offer comes back as it was put, and an offer of no market has nothing.
func TestLook(t *testing.T) {
	c := open(t, "")
	integrity, bonded := 930, true
	l := listing("a", "AHU1 SA-T", "degF", "North Hall", "", time.Hour)
	l.Market = &catalogue.Market{Seller: "0011aabb", Property: "air-temperature", Title: "supply air temperature", Price: 3000, Floor: 1000, Integrity: &integrity, Bonded: &bonded}
	put(t, c, l, listing("b", "CO2", "ppm", "North Hall", "12", 0))
	got, err := c.Look(context.Background(), "a")
	if err != nil || got.Market == nil || got.Market.Title != l.Market.Title || got.Market.Price != 3000 || *got.Market.Integrity != 930 || !*got.Market.Bonded ||
		!got.Until.Equal(l.Until) || got.Offer.Title != "AHU1 SA-T" {
		t.Errorf("%+v %+v, %v", got, got.Market, err)
	}
	if got, err = c.Look(context.Background(), "b"); err != nil || got.Market != nil || got.Offer.Room != "12" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.Look(context.Background(), "c"); !errors.Is(err, byteball.NotFound) {
		t.Errorf("an offer that is not there: %v", err)
	}
}
