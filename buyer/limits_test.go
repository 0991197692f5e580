package buyer_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/protocol"
)

// dealt is a deal as the test knows it: what it locks from when to when.
type dealt struct {
	id     protocol.Hash
	seller protocol.Identity
	amount byteball.Bytes
	agreed time.Time
	open   bool
}

// TestNoLimitIsExceeded: whatever the order of proposals, agreements, refusals, settlements, failed deposits, restarts and
// pauses, with every deposit as large as there is room for or smaller, no limit is exceeded by a byte at any time.
func TestNoLimitIsExceeded(t *testing.T) {
	seller := func(i int) protocol.Identity {
		return protocol.Identity(ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(i))).Public().(ed25519.PublicKey))
	}
	rapid.Check(t, func(t *rapid.T) {
		limit := func(name string) byteball.Bytes { return byteball.Bytes(rapid.IntRange(0, 100).Draw(t, name)) }
		desk := &buyer.Desk{Limits: buyer.Limits{Deal: limit("deal"), Seller: limit("seller"), Day: limit("day"), All: limit("all")}}
		now := time.Unix(1_800_000_000, 0)
		var proposed, agreed []*dealt
		count := 0
		pick := func(list []*dealt, name string) int { return rapid.IntRange(0, len(list)-1).Draw(t, name) }
		drop := func(list []*dealt, i int) []*dealt { return append(list[:i:i], list[i+1:]...) }
		rapidRun := map[string]func(*rapid.T){
			"propose": func(t *rapid.T) {
				s := seller(rapid.IntRange(0, 2).Draw(t, "seller"))
				var open []buyer.Open
				for _, d := range proposed {
					open = append(open, buyer.Open{Seller: d.seller, Amount: d.amount})
				}
				for _, d := range agreed {
					if d.open {
						open = append(open, buyer.Open{Seller: d.seller, Amount: d.amount, Agreed: true})
					}
				}
				room, _ := desk.Room(s, open, now)
				if room == 0 {
					t.Skip("no room")
				}
				amount := room
				if rapid.Bool().Draw(t, "smaller") || room > 1000 {
					amount = byteball.Bytes(rapid.IntRange(1, int(min(room, 1000))).Draw(t, "amount"))
				}
				count++
				proposed = append(proposed, &dealt{id: protocol.H("deal", []byte{byte(count), byte(count >> 8)}), seller: s, amount: amount})
			},
			"agree": func(t *rapid.T) {
				if len(proposed) == 0 {
					t.Skip("none")
				}
				i := pick(proposed, "proposal")
				d := proposed[i]
				proposed = drop(proposed, i)
				d.agreed, d.open = now, true
				desk.Agree(d.id, d.amount, now)
				agreed = append(agreed, d)
			},
			"refuse": func(t *rapid.T) {
				if len(proposed) == 0 {
					t.Skip("none")
				}
				proposed = drop(proposed, pick(proposed, "proposal"))
			},
			"settle": func(t *rapid.T) {
				if len(agreed) == 0 {
					t.Skip("none")
				}
				agreed[pick(agreed, "deal")].open = false
			},
			"fail": func(t *rapid.T) { // the wallet could not pay
				if len(agreed) == 0 {
					t.Skip("none")
				}
				i := pick(agreed, "deal")
				desk.Release(agreed[i].id)
				agreed = drop(agreed, i)
			},
			"restart": func(t *rapid.T) {
				proposed = nil // what the seller signs later is for no deal that is known
				if err := desk.Restart(); err != nil {
					t.Fatal(err)
				}
			},
			"pause": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 30*60).Draw(t, "minutes")) * time.Minute)
			},
			"": func(t *rapid.T) { exceeded(t, desk.Limits, agreed) },
		}
		t.Repeat(rapidRun)
	})
}

// exceeded fails if a limit was exceeded.
func exceeded(t *rapid.T, l buyer.Limits, agreed []*dealt) {
	sum := func(name string, limit byteball.Bytes, counts func(*dealt) bool) {
		var s byteball.Bytes
		for _, d := range agreed {
			if counts(d) {
				s += d.amount
			}
		}
		if limit > 0 && s > limit {
			t.Fatalf("%s: %d locked, limit %d", name, s, limit)
		}
	}
	sum("all", l.All, func(d *dealt) bool { return d.open })
	for _, a := range agreed {
		sum("deal", l.Deal, func(d *dealt) bool { return d == a })
		sum("seller", l.Seller, func(d *dealt) bool { return d.open && d.seller == a.seller })
		sum("day", l.Day, func(d *dealt) bool { return !d.agreed.Before(a.agreed) && d.agreed.Sub(a.agreed) < 24*time.Hour })
	}
}

// TestRoomNamesTheLimit: people are told which of their limits is the narrowest, and how much it leaves.
func TestRoomNamesTheLimit(t *testing.T) {
	desk := &buyer.Desk{Limits: buyer.Limits{Deal: 5_000_000, Seller: 3_000_000, Day: 9_000_000}}
	me, other := protocol.Identity("me"), protocol.Identity("other")
	now := time.Unix(1_800_000_000, 0)
	open := []buyer.Open{{Seller: me, Amount: 2_000_000, Agreed: true}}
	desk.Agree(protocol.H("a"), 2_000_000, now)
	for _, c := range []struct {
		seller protocol.Identity
		want   byteball.Bytes
		words  string
	}{
		{me, 1_000_000, "deals with one seller may lock 3 MB (--max-seller), of which 1 MB are left"},
		{other, 3_000_000, "deals with one seller may lock 3 MB (--max-seller)"},
	} {
		room, words := desk.Room(c.seller, open, now)
		if room != c.want || words != c.words {
			t.Errorf("room %d, %q; want %d, %q", room, words, c.want, c.words)
		}
	}
	desk.Agree(protocol.H("b"), 6_500_000, now)
	if room, words := desk.Room(other, nil, now); room != 500_000 || !strings.Contains(words, "deals of 24 hours may lock 9 MB (--max-day), of which 500 kB are left") {
		t.Errorf("room %d, %q", room, words)
	}
	if room, _ := desk.Room(other, nil, now.Add(24*time.Hour)); room != 3_000_000 {
		t.Errorf("a day later: room %d", room)
	}
	if room, _ := new(buyer.Desk).Room(me, open, now); room != byteball.MaxBytes {
		t.Errorf("without limits: room %d", room)
	}
}

func TestSavedExposureIsChecked(t *testing.T) {
	if _, err := buyer.New(config(), map[string][]byte{"exposure": []byte("x")}); !errors.Is(err, protocol.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

// TestNeedIsTwoChannels: one channel and its successor, or one that does for all.
func TestNeedIsTwoChannels(t *testing.T) {
	rules := config().Rules
	for _, c := range []struct {
		price   byteball.Bytes
		windows uint32
		want    []uint32 // the channels
	}{
		{36_000, 1, []uint32{1}}, {36_000, 5, []uint32{5}}, // the least deposit does for five
		{36_000, 30, []uint32{30, 19}}, {36_000, 1000, []uint32{1000, 916}}, {1, 60, []uint32{60}}, {1, 100, []uint32{100, 16}},
	} {
		var want byteball.Bytes
		for _, n := range c.want {
			d, err := deal.Deposit(rules, &protocol.Offer{Price: c.price}, n)
			if err != nil {
				t.Fatal(err)
			}
			want += d
		}
		if got, err := buyer.Need(rules, c.price, c.windows); got != want || err != nil {
			t.Errorf("%d windows at %d: %d, %v, want %d", c.windows, c.price, got, err, want)
		}
	}
}
