package round_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/market/reputation"
	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/envelope"
)

// body is a sound stamp of the window by the first n members of a ballot of seven.
func body(t testing.TB, m *params.Manifest, n int) *protocol.Stamp {
	t.Helper()
	wc, _ := window(5)
	b := ballot(7, []uint16{900, 905, 910, 915, 920, 925, 930}[:n]...)
	b.Wid = wc.ID()
	for _, r := range b.Reveals {
		r.Wid = b.Wid
	}
	v, err := round.Tally(b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := round.StampBody(m, wc, ball, v, reputation.Newcomer, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStampBody(t *testing.T) {
	m := manifest()
	s := body(t, m, 7)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if s.I != 915 || s.Epoch != 2 || s.Batches() != 5 || len(s.Tickets) != 7 || s.A != 1000 || s.B != 3000 || s.Scorer != 1 {
		t.Errorf("got %+v", s)
	}
	// Window 12 ends 65 s after T0, an epoch has 30 s.
	if got, want := s.Expiry, m.T0*1000+95_000; got != want {
		t.Errorf("expiry %d, want %d", got, want)
	}
	if again := body(t, m, 7); round.StampID(s) != round.StampID(again) {
		t.Error("the same reveals give another body")
	}
}

// with returns the signers of members (and spares) by number.
func with(signers map[protocol.Identity]signer, c *committee.Committee, seats ...int) []signer {
	all := slices.Concat(c.Members, c.Spares)
	var list []signer
	for _, i := range seats {
		list = append(list, signers[all[i].Binding.Identity])
	}
	return list
}

func TestVerifyStamped(t *testing.T) {
	m := manifest()
	c, signers := board(7, 7)
	other := manifest()
	other.Name = "other"
	retry := func(spares ...int) *protocol.Stamp { // members 0..3 revealed, and some spares
		s := body(t, m, 7)
		s.Tickets = nil
		for _, i := range []int{0, 1, 2, 3} {
			s.Tickets = append(s.Tickets, c.Members[i].ID)
		}
		for _, i := range spares {
			s.Tickets = append(s.Tickets, c.Spares[i].ID)
		}
		slices.SortFunc(s.Tickets, func(a, b protocol.Hash) int { return slices.Compare(a[:], b[:]) })
		return s
	}
	for _, v := range []struct {
		name string
		s    *protocol.Stamped
		want string // "" if it holds
	}{
		{"all", sign(t, m, body(t, m, 7), with(signers, c, 0, 1, 2, 3, 4, 5, 6)), ""},
		{"quorum", sign(t, m, body(t, m, 7), with(signers, c, 0, 2, 3, 4, 6)), ""},
		{"quorum of reveals", sign(t, m, body(t, m, 5), with(signers, c, 0, 1, 2, 3, 4)), ""},
		{"four", sign(t, m, body(t, m, 7), with(signers, c, 0, 2, 3, 4)), "4 seats signed"},
		{"four and a spare", sign(t, m, body(t, m, 7), with(signers, c, 0, 2, 3, 4, 8)), "4 seats signed"},
		{"stranger", sign(t, m, body(t, m, 7), append(with(signers, c, 0, 1, 2, 3, 4), newSigner("stranger"))), "not of the committee"},
		{"another market", sign(t, other, body(t, m, 7), with(signers, c, 0, 1, 2, 3, 4)), "bad"},
		{"retry", sign(t, m, retry(0), with(signers, c, 0, 1, 2, 3, 7)), ""},
		{"retry of two", sign(t, m, retry(0, 1), with(signers, c, 0, 1, 2, 7, 8)), ""},
		{"retry, second spare alone", sign(t, m, retry(1), with(signers, c, 0, 1, 2, 3, 8)), ""},
		{"replaced members sign", sign(t, m, retry(1), with(signers, c, 1, 2, 3, 4, 5)), "3 seats signed"},
		{"too many spares", sign(t, m, retry(3), with(signers, c, 0, 1, 2, 3, 10)), "4 spares for 3"},
	} {
		got, err := round.VerifyStamped(v.s, envelope.Keys{}, m.Hash(), c)
		if v.want == "" && (err != nil || got.I < 700) {
			t.Errorf("%s: %+v, %v", v.name, got, err)
		}
		if v.want != "" && (!errors.Is(err, protocol.Invalid) || !strings.Contains(err.Error(), v.want)) {
			t.Errorf("%s: %v, want %q", v.name, err, v.want)
		}
	}
}

func TestVerifyStampedBodies(t *testing.T) {
	m := manifest()
	c, signers := board(7, 7)
	for name, change := range map[string]func(s *protocol.Stamp){
		"four reveals":        func(s *protocol.Stamp) { s.Tickets = s.Tickets[:4] },
		"a ticket twice":      func(s *protocol.Stamp) { s.Tickets[1] = s.Tickets[0] },
		"disorder":            func(s *protocol.Stamp) { s.Tickets[1], s.Tickets[0] = s.Tickets[0], s.Tickets[1] },
		"a stranger's ticket": func(s *protocol.Stamp) { s.Tickets[6][0] = 0xff },
		"provisional":         func(s *protocol.Stamp) { s.Provisional = true },
	} {
		s := body(t, m, 7)
		change(s)
		if _, err := round.VerifyStamped(sign(t, m, s, with(signers, c, 0, 1, 2, 3, 4)), envelope.Keys{}, m.Hash(), c); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
	good := sign(t, m, body(t, m, 7), with(signers, c, 0, 1, 2, 3, 4))
	for name, change := range map[string]func(s *protocol.Stamped){
		"body":            func(s *protocol.Stamped) { s.Body[len(s.Body)-1] ^= 1 },
		"body cut":        func(s *protocol.Stamped) { s.Body = s.Body[:len(s.Body)-1] },
		"signature":       func(s *protocol.Stamped) { s.Sigs[0].Signature[0] ^= 1 },
		"signature twice": func(s *protocol.Stamped) { s.Sigs[1] = s.Sigs[0] },
		"none":            func(s *protocol.Stamped) { s.Sigs = nil },
	} {
		b, err := protocol.Encode(good)
		if err != nil {
			t.Fatal(err)
		}
		s := new(protocol.Stamped)
		if err := protocol.Decode(b, s); err != nil {
			t.Fatal(err)
		}
		change(s)
		if _, err := round.VerifyStamped(s, envelope.Keys{}, m.Hash(), c); !errors.Is(err, protocol.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

// An identity with two seats signs for both, and still is one of seven only where it has one.
func TestTwoSeats(t *testing.T) {
	m := manifest()
	c, signers := board(7, 0)
	c.Members[6].Binding.Identity = c.Members[0].Binding.Identity
	four := sign(t, m, body(t, m, 7), with(signers, c, 0, 1, 2, 3))
	if _, err := round.VerifyStamped(four, envelope.Keys{}, m.Hash(), c); err != nil {
		t.Errorf("four signatures of five seats: %v", err)
	}
	three := sign(t, m, body(t, m, 7), with(signers, c, 0, 1, 2))
	if _, err := round.VerifyStamped(three, envelope.Keys{}, m.Hash(), c); err == nil {
		t.Error("three signatures of four seats passed")
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGoldenRound freezes samples, custody, commit, wid and stamp id: another implementation must find the same.
func TestGoldenRound(t *testing.T) {
	m := manifest()
	wc, o := window(5)
	wid := wc.ID()
	raw, err := committee.ParseBall(ball)
	if err != nil {
		t.Fatal(err)
	}
	ticket := protocol.H("ticket", uint64(0))
	common := round.CommonSample(raw, wid, 6, 60)
	reveal := ballot(7, 900).Reveals[ticket]
	wcBytes, err := protocol.Encode(wc)
	if err != nil {
		t.Fatal(err)
	}
	stamp := body(t, m, 7)
	stampBytes, err := protocol.Encode(stamp)
	if err != nil {
		t.Fatal(err)
	}
	hexOf := func(h protocol.Hash) string { return hex.EncodeToString(h[:]) }
	got, err := json.MarshalIndent(map[string]any{
		"about":         "A window commitment and its wid, samples of it for a ball and a ticket H(\"ticket\", 0), the commit of a reveal with its custody, and a stamp with its id. Hashes and encodings in hex.",
		"window_commit": hex.EncodeToString(wcBytes), "wid": hexOf(wid), "header0": hexOf(o.Headers[0].Hash()), "ball": ball, "ticket": hexOf(ticket),
		"common_6_of_60": common, "own_2_of_60": round.OwnSample(raw, wid, ticket, 2, 60, common),
		"custody": hexOf(reveal.Custody), "commit": hexOf(reveal.CommitHash()),
		"stamp": hex.EncodeToString(stampBytes), "stamp_id": hexOf(round.StampID(stamp)), "reveals_root": hexOf(stamp.RevealsRoot),
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const file = "testdata/round.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzVerifyStamped(f *testing.F) {
	m := manifest()
	c, signers := board(7, 7)
	good, err := protocol.Encode(sign(f, m, body(f, m, 7), with(signers, c, 0, 1, 2, 3, 4)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := new(protocol.Stamped)
		if protocol.Decode(data, s) != nil {
			return
		}
		b, err := round.VerifyStamped(s, envelope.Keys{}, m.Hash(), c)
		if err != nil && !errors.Is(err, protocol.Invalid) {
			t.Fatalf("error %v is not Invalid", err)
		}
		if err == nil && (len(b.Tickets) < c.Quorum || len(s.Sigs) < c.Quorum) {
			t.Fatalf("%d tickets and %d signatures passed", len(b.Tickets), len(s.Sigs))
		}
	})
}

func BenchmarkVerifyStamped(b *testing.B) {
	m := manifest()
	c, signers := board(7, 7)
	s := sign(b, m, body(b, m, 7), with(signers, c, 0, 1, 2, 3, 4))
	market := m.Hash()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := round.VerifyStamped(s, envelope.Keys{}, market, c); err != nil {
			b.Fatal(err)
		}
	}
}
