package catalogue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/classify"
	"github.com/iotverse/iotverse/market/rank"
)

// Get returns an offer ready for scoring. Errors: NotFound.
func (c *Catalogue) Get(ctx context.Context, id string) (rank.Entry, error) {
	var body string
	err := c.db.QueryRowContext(ctx, "SELECT body FROM offers WHERE id = ?", id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return rank.Entry{}, fmt.Errorf("catalogue: no offer %.40q: %w", id, byteball.NotFound)
	}
	if err != nil {
		return rank.Entry{}, fmt.Errorf("catalogue: %w", err)
	}
	return entry(body)
}

// Look returns an offer as it was listed. Errors: NotFound.
func (c *Catalogue) Look(ctx context.Context, id string) (Listing, error) {
	var body, market string
	var until int64
	err := c.db.QueryRowContext(ctx, "SELECT body, until, market FROM offers WHERE id = ?", id).Scan(&body, &until, &market)
	if errors.Is(err, sql.ErrNoRows) {
		return Listing{}, fmt.Errorf("catalogue: no offer %.40q: %w", id, byteball.NotFound)
	}
	if err != nil {
		return Listing{}, fmt.Errorf("catalogue: %w", err)
	}
	l := Listing{}
	if until != never {
		l.Until = time.UnixMilli(until)
	}
	if err := errors.Join(json.Unmarshal([]byte(body), &l.Offer), json.Unmarshal([]byte(market), &l.Market)); err != nil {
		return Listing{}, fmt.Errorf("catalogue: offer %.40q: %w", id, err)
	}
	return l, nil
}

func entry(body string) (rank.Entry, error) {
	var o rank.Offer
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		return rank.Entry{}, fmt.Errorf("catalogue: offer: %w", err)
	}
	return rank.NewEntry(o, nil), nil
}

// Search returns at most limit (1..MaxLimit) offers that are not over at now, the most relevant first.
func (c *Catalogue) Search(ctx context.Context, q *rank.Query, now time.Time, limit int) ([]rank.Ranked, error) {
	limit = min(max(limit, 1), MaxLimit)
	f := q.Facets()
	net := min(200+2*limit, 1200) // how many offers each net may hold
	bodies := map[int64]string{}
	text, args := byFacets(&f, now, net)
	if err := c.gather(ctx, bodies, text, args); err != nil {
		return nil, err
	}
	rare, err := c.rare(ctx, f.Words)
	if err != nil {
		return nil, err
	}
	if match := fullText(rare); match != "" {
		err := c.gather(ctx, bodies, `SELECT o.n, o.body FROM (SELECT rowid AS n FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?) w
			JOIN offers o ON o.n = w.n WHERE o.until > ?`, []any{match, net / 2, now.UnixMilli()})
		if err != nil {
			return nil, err
		}
	}
	list := make([]rank.Entry, 0, len(bodies))
	for _, b := range bodies {
		e, err := entry(b)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	ranked := rank.Rank(q, list)
	return ranked[:min(limit, len(ranked))], nil
}

func (c *Catalogue) gather(ctx context.Context, into map[int64]string, text string, args []any) error {
	rows, err := c.db.QueryContext(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("catalogue: search: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var body string
		if err := rows.Scan(&n, &body); err != nil {
			return fmt.Errorf("catalogue: search: %w", err)
		}
		into[n] = body
	}
	return rows.Err()
}

// byFacets is the net of facets: a penalty for each that disagrees, about -100·ln of its factor in market/rank.
func byFacets(f *rank.Facets, now time.Time, net int) (string, []any) {
	var penalty []string
	var args []any
	add := func(test string, values ...any) {
		penalty = append(penalty, test)
		args = append(args, values...)
	}
	kinds := kin(f.Kind)
	for _, k := range kinds {
		if k.cost > 0 {
			add("(kind = ?) * ?", k.slug, k.cost)
		}
	}
	add("(role <> ?) * 130", f.Role)
	if f.Medium == "" {
		add("(medium <> '') * 25")
	} else {
		add("(medium <> ?) * 60", f.Medium)
	}
	for _, p := range []struct{ column, value, cost string }{
		{"building", f.Building, "160"}, {"city", f.City, "160"}, {"country", f.Country, "160"}, {"floor", f.Floor, "160"}, {"room", f.Room, "70"},
	} {
		if p.value != "" {
			add("("+p.column+" <> ?) * "+p.cost, p.value)
		}
	}
	for _, n := range f.Names {
		add("(? NOT IN (building, city, room, country)) * 160", n)
	}
	where := "until > ?"
	rest := []any{now.UnixMilli()}
	if len(kinds) > 0 {
		where += " AND kind IN (?" + strings.Repeat(",?", len(kinds)-1) + ")"
		for _, k := range kinds {
			rest = append(rest, k.slug)
		}
	}
	inner := "SELECT n FROM offers WHERE " + where + " ORDER BY " + strings.Join(penalty, " + ") + ", n LIMIT ?"
	rest = append(append(rest, args...), net)
	return "SELECT o.n, o.body FROM (" + inner + ") f JOIN offers o ON o.n = f.n", rest
}

// common is in how many offers a word stands that finds nothing by itself.
const common = 2000

// rare returns the words that stand in some offers, but not in many. The list of words has them as the full text folds case
// and accents, by rules of its own: what does not stand there as it is, the full text itself is asked for.
func (c *Catalogue) rare(ctx context.Context, words []string) ([]string, error) {
	var list []string
	for _, w := range words {
		n := 0
		err := c.db.QueryRowContext(ctx, "SELECT doc FROM counts WHERE term = ?", w).Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("catalogue: search: %w", err)
		}
		if match := fullText([]string{w}); n == 0 && match != "" {
			err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)", match, common+1).Scan(&n)
			if err != nil {
				return nil, fmt.Errorf("catalogue: search: %w", err)
			}
		}
		if n > 0 && n <= common {
			list = append(list, w)
		}
	}
	return list, nil
}

type kinCost struct {
	slug string
	cost int
}

// kin are the kinds that serve a wanted one, with what they cost; none if no kind is wanted.
func kin(wanted string) []kinCost {
	if wanted == "" {
		return nil
	}
	var list []kinCost
	for _, slug := range classify.Kinds() {
		switch k := classify.Kinship(wanted, slug); {
		case k >= 1000:
			list = append(list, kinCost{slug, 0})
		case k >= 400:
			list = append(list, kinCost{slug, 92})
		case k > 0:
			list = append(list, kinCost{slug, 190})
		}
	}
	return list
}

// fullText writes words as an FTS5 expression: each in quotes, letters and digits only.
func fullText(words []string) string {
	var list []string
	for _, w := range words {
		w = strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, w)
		if w = `"` + w + `"`; w != `""` && len(w) <= 66 && !slices.Contains(list, w) && len(list) < 32 {
			list = append(list, w)
		}
	}
	return strings.Join(list, " OR ")
}
