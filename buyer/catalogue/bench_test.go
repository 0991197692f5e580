package catalogue_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/market/rank"
)

const manyOffers = 50_000

// BenchmarkSearch is one search among 50,000 offers, for the ten best.
func BenchmarkSearch(b *testing.B) {
	c := open(b, "")
	put(b, c, many(manyOffers)...)
	var queries []*rank.Query
	for _, text := range demands {
		queries = append(queries, rank.Read(rank.Want{ID: "d", Text: text}))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Search(context.Background(), queries[i%len(queries)], start, 10); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(manyOffers, "offers")
}

// BenchmarkFTS5 is what SQLite's full text alone takes for the same words of the same offers, ordered by bm25.
func BenchmarkFTS5(b *testing.B) {
	db, err := sql.Open("sqlite", "file:"+b.TempDir()+"/bare.db")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	exec := func(text string, args ...any) {
		if _, err := db.Exec(text, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec("PRAGMA synchronous=OFF; CREATE VIRTUAL TABLE words USING fts5 (text); BEGIN")
	db.SetMaxOpenConns(1)
	for _, l := range many(manyOffers) {
		e := rank.NewEntry(l.Offer, nil)
		exec("INSERT INTO words VALUES (?)", strings.Join(e.Facets().Words, " "))
	}
	exec("COMMIT")
	var matches []string
	for _, text := range demands {
		f := rank.Read(rank.Want{ID: "d", Text: text}).Facets()
		matches = append(matches, `"`+strings.Join(f.Words, `" OR "`)+`"`)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rows, err := db.Query("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 10", matches[i%len(matches)])
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
		}
		rows.Close()
	}
}

// BenchmarkPut is one offer of a batch of a thousand, classified and indexed.
func BenchmarkPut(b *testing.B) {
	c := open(b, "")
	list := many(1000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		put(b, c, list...)
		n += len(list)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "offers/s")
}
