package book_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/book"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/price"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

type signer struct{ priv ed25519.PrivateKey }

func (s signer) Identity() protocol.Identity {
	return protocol.Identity(s.priv.Public().(ed25519.PublicKey))
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.priv, msg), nil }

func newSigner(name string) signer {
	seed := sha256.Sum256([]byte(name))
	return signer{ed25519.NewKeyFromSeed(seed[:])}
}

var start = time.UnixMilli(1_800_000_000_000)

// offer is a seller's offer of air temperature, valid for some seconds from start.
func offer(s signer, u byteball.Bytes, seconds int64) *protocol.Offer {
	o := &protocol.Offer{
		Prop: "air-temperature", Unit: "Cel", Cell: "u281z", Period: 10_000, Accuracy: "0.5",
		Price: u, Floor: u / 10, ValidUntil: start.UnixMilli() + 1000*seconds,
	}
	o.Binding.Identity = s.Identity()
	return o
}

func seal(t testing.TB, s signer, m protocol.Message) envelope.Envelope {
	t.Helper()
	e, err := envelope.Seal(s, protocol.Hash{1}, m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func wantErr(t *testing.T, name string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", name, err, kind)
	}
}

func TestPut(t *testing.T) {
	p := params.Fast() // an offer lives 30 s at most
	b := book.New(&p)
	a, c := newSigner("a"), newSigner("c")
	first := seal(t, a, offer(a, 100, 10))
	wantErr(t, "first", b.Put(first, start), nil)
	wantErr(t, "again", b.Put(first, start), protocol.Stale)
	wantErr(t, "older", b.Put(seal(t, a, offer(a, 90, 9)), start), protocol.Stale)
	wantErr(t, "over", b.Put(seal(t, a, offer(a, 90, -1)), start), protocol.Stale)
	newer := offer(a, 120, 11)
	newer.Title = "room temperature, floor 2"
	wantErr(t, "newer, with a title", b.Put(seal(t, a, newer), start), nil)
	wantErr(t, "of another", b.Put(seal(t, a, offer(c, 100, 10)), start), protocol.Invalid)
	wantErr(t, "no offer", b.Put(seal(t, a, &protocol.Withdraw{}), start), protocol.Invalid)
	named := offer(a, 130, 12)
	named.Title = "mrs smith, room temperature"
	wantErr(t, "with a name", b.Put(seal(t, a, named), start), protocol.Invalid)
	other := offer(a, 100, 10)
	other.Cell = "u281y"
	wantErr(t, "another cell", b.Put(seal(t, a, other), start), nil)
	wantErr(t, "another seller", b.Put(seal(t, c, offer(c, 100, 1e6)), start), nil)
	if b.Len() != 3 {
		t.Errorf("%d offers, want 3", b.Len())
	}
	if n := b.Expire(start.Add(11 * time.Second)); n != 2 || b.Len() != 1 {
		t.Errorf("after 11 s: %d expired, %d left, want 2 and 1", n, b.Len())
	}
	if n := b.Expire(start.Add(30 * time.Second)); n != 1 || b.Len() != 0 {
		t.Errorf("no offer outlives the market's bound: %d expired, %d left", n, b.Len())
	}
}

// Law: whatever the order in which offers of one stream arrive, the same one stays.
func TestNewestStays(t *testing.T) {
	a := newSigner("a")
	var envs []envelope.Envelope
	for i := range 6 {
		envs = append(envs, seal(t, a, offer(a, byteball.Bytes(100+i), int64(10+i/3))))
	}
	p := params.Fast()
	var want byteball.Bytes
	rapid.Check(t, func(t *rapid.T) {
		b := book.New(&p)
		for _, e := range rapid.Permutation(envs).Draw(t, "order") {
			if err := b.Put(e, start); err != nil && !errors.Is(err, protocol.Stale) {
				t.Fatal(err)
			}
		}
		got := b.Match(demand(), &p, start, good)[0].Offer.Price
		if want == 0 {
			want = got
		}
		if got != want {
			t.Fatalf("offer of %d stays, before it was %d", got, want)
		}
	})
}

func TestBounds(t *testing.T) {
	p := params.Fast()
	b := book.New(&p)
	a := newSigner("a")
	o := offer(a, 100, 10)
	for i := range book.MaxPerSeller + 1 {
		c := *o
		c.Cell = fmt.Sprintf("u28%c%c", alphabet[i/32], alphabet[i%32])
		err := b.Put(seal(t, a, &c), start)
		if i < book.MaxPerSeller {
			wantErr(t, c.Cell, err, nil)
		} else {
			wantErr(t, "one too many", err, protocol.Transient)
		}
	}
	late := *o
	late.ValidUntil += 20_000
	late.Cell = "u2zzz"
	wantErr(t, "when the others are over", b.Put(seal(t, a, &late), start.Add(10*time.Second)), nil)
	if b.Len() != 1 {
		t.Errorf("%d offers, want 1", b.Len())
	}
}

func TestWithdraw(t *testing.T) {
	p := params.Fast()
	b := book.New(&p)
	a, thief := newSigner("a"), newSigner("thief")
	env := seal(t, a, offer(a, 100, 20))
	take := &protocol.Withdraw{Offer: env.Hash()}
	wantErr(t, "put", b.Put(env, start), nil)
	wantErr(t, "thief", b.Withdraw(seal(t, thief, take), start), protocol.NotFound)
	wantErr(t, "offer as withdrawal", b.Withdraw(env, start), protocol.Invalid)
	if b.Len() != 1 {
		t.Fatal("another's withdrawal took the offer")
	}
	wantErr(t, "owner", b.Withdraw(seal(t, a, take), start), nil)
	wantErr(t, "late copy", b.Put(env, start.Add(time.Second)), protocol.Stale)
	if b.Len() != 0 {
		t.Error("the offer came back")
	}
	early := seal(t, a, offer(a, 101, 20))
	wantErr(t, "before the offer", b.Withdraw(seal(t, a, &protocol.Withdraw{Offer: early.Hash()}), start), protocol.NotFound)
	wantErr(t, "offer after its withdrawal", b.Put(early, start), protocol.Stale)
	wantErr(t, "another offer", b.Put(seal(t, a, offer(a, 102, 20)), start), nil)
}

// TestChoose: the buyer's taste is a factor of the order and moves neither relevance nor price; what it gives nothing is out.
func TestChoose(t *testing.T) {
	p := params.Fast()
	b := book.New(&p)
	likes := map[protocol.Identity]int{}
	for name, liked := range map[string]int{"dull": 300_000, "fine": 900_000, "none": 0, "over": 5_000_000} {
		s := newSigner(name)
		likes[s.Identity()] = liked
		wantErr(t, name, b.Put(seal(t, s, offer(s, 1000, 20)), start), nil)
	}
	got := b.Choose(demand(), &p, start, good, func(o *protocol.Offer) int { return likes[o.Binding.Identity] })
	if len(got) != 3 || b.Match(demand(), &p, start, good)[3].Relevance != 1000 {
		t.Fatalf("%d candidates, want 3", len(got))
	}
	for i, want := range []struct {
		name string
		pick uint32
	}{{"over", 1_000_000}, {"fine", 900_000}, {"dull", 300_000}} {
		if got[i].Env.Signer != newSigner(want.name).Identity() || got[i].Pick != want.pick || got[i].Relevance != 1000 {
			t.Errorf("candidate %d is not %s: %+v", i, want.name, got[i])
		}
	}
}

func good(*protocol.Offer) (uint16, bool) { return 700, true }

func TestMatch(t *testing.T) {
	p := params.Fast()
	b := book.New(&p)
	put := func(name string, change func(o *protocol.Offer)) {
		s := newSigner(name)
		o := offer(s, 1000, 20)
		change(o)
		o.Binding.Identity = s.Identity()
		if err := b.Put(seal(t, s, o), start); err != nil {
			t.Fatal(name, err)
		}
	}
	put("best", func(o *protocol.Offer) { o.Price, o.Floor = 500, 0 })
	put("second", func(*protocol.Offer) {})
	put("near", func(o *protocol.Offer) { o.Cell = "u281y" })
	put("dear", func(o *protocol.Offer) { o.Price = 40_001 })
	put("other", func(o *protocol.Offer) { o.Prop, o.Unit = "pm10", "ug/m3" })
	put("far", func(o *protocol.Offer) { o.Cell = "u2zzz" })
	put("proud", func(o *protocol.Offer) { o.Floor = 900 })
	put("unbonded", func(*protocol.Offer) {})
	put("over", func(o *protocol.Offer) { o.ValidUntil = start.UnixMilli() + 1 })
	rep := func(o *protocol.Offer) (uint16, bool) {
		return 700, o.Binding.Identity != newSigner("unbonded").Identity()
	}
	got := b.Match(demand(), &p, start.Add(time.Second), rep)
	want := []string{"best", "second", "near"}
	if len(got) != len(want) {
		t.Fatalf("%d candidates, want %d", len(got), len(want))
	}
	for i, name := range want {
		if got[i].Env.Signer != newSigner(name).Identity() || got[i].Rep != 700 {
			t.Errorf("candidate %d is not %s: %+v", i, name, got[i].Offer)
		}
	}
	if got[2].Relevance != 808 || got[0].Relevance != 1000 {
		t.Errorf("relevances %d and %d, want 808 and 1000", got[2].Relevance, got[0].Relevance)
	}
}

func TestDeal(t *testing.T) {
	p := params.Fast()
	d, o := demand(), offer(newSigner("a"), 10_000, 10)
	for _, c := range []struct {
		name   string
		change func()
		ok     bool
	}{
		{"plain", func() {}, true},
		{"at the cap", func() { d.Cap = 10_000 }, true},
		{"over the cap", func() { d.Cap = 9_999 }, false},
		{"at the floor", func() { o.Floor = price.Batch(10_000, 850, 1000, 57) }, true},
		{"under the floor", func() { o.Floor++ }, false},
		{"barely relevant", func() { o.Floor, d.Accuracy, o.Accuracy = 0, "1", "2.380" }, true}, // 2/(1+5.6644) = .3001
		{"irrelevant", func() { o.Accuracy = "2.382" }, false},
	} {
		c.change()
		d.Cap = max(d.Cap, 9_999)
		_, err := book.Deal(d, o, &p, 57)
		if ok := err == nil; ok != c.ok || (err != nil && !errors.Is(err, protocol.NotFound)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "over the cap" {
			d.Cap = 40_000
		}
	}
}

// Law: candidates come by falling value, every one makes a deal, and none that makes a deal is missing.
func TestMatchLaw(t *testing.T) {
	p := params.Fast()
	sellers := make([]signer, 8)
	for i := range sellers {
		sellers[i] = newSigner(fmt.Sprint("s", i))
	}
	rapid.Check(t, func(t *rapid.T) {
		b := book.New(&p)
		d := demand()
		d.Cap = byteball.Bytes(rapid.Uint64Range(1, 300_000).Draw(t, "cap"))
		deals := 0
		for i, s := range sellers {
			o := offer(s, byteball.Bytes(rapid.Uint64Range(1, 300_000).Draw(t, "u")), 10)
			o.Period = rapid.Uint32Range(1, 200_000).Draw(t, "period")
			o.Floor = o.Price * byteball.Bytes(rapid.Uint64Range(0, 100).Draw(t, "floor")) / 100
			e := envelope.Envelope{Signer: s.Identity(), Body: o, Payload: []byte{byte(i)}}
			if err := b.Put(e, start); err != nil {
				t.Fatal(err)
			}
			if _, err := book.Deal(d, o, &p, 700); err == nil {
				deals++
			}
		}
		got := b.Match(d, &p, start, good)
		if len(got) != deals {
			t.Fatalf("%d candidates, %d deals", len(got), deals)
		}
		for i := 1; i < len(got); i++ {
			x, y := got[i-1], got[i]
			if uint64(x.Relevance)*uint64(y.Offer.Price) < uint64(y.Relevance)*uint64(x.Offer.Price) {
				t.Fatalf("%d ‰ for %d before %d ‰ for %d", x.Relevance, x.Offer.Price, y.Relevance, y.Offer.Price)
			}
		}
	})
}
