// Package catalogue keeps the offers that a buyer knows, in SQLite, and finds the most relevant for a demand among many
// thousands. It is a copy of what gossip or a file brought: losing it loses nothing that comes again. It leaves out what
// relevance is (market/rank), which offers make a deal and at what price (market/book), and who may offer (the caller
// checks envelopes). Called by the commands buyer rank and buyer search; a buyer's node keeps one in its folder, which a
// search may read while the node writes.
//
// A search has two nets. The first asks for the offers of the wanted kind, or one of its kin, with the fewest facets that
// disagree, each weighed by the logarithm of the factor that market/rank gives it. The second is full text (FTS5, bm25)
// over titles and places, for names that the first cannot equal; it asks for the demand's rare words only, since a word that
// thousands of offers have finds none of them and costs a look at each. What is in either net is scored by market/rank and
// ordered. All values are bound parameters, and only letters and digits reach the full-text language.
package catalogue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/rank"
)

// MaxListings bounds a catalogue; MaxLimit bounds the answers to one search.
const (
	MaxListings = 1_000_000
	MaxLimit    = 1000
)

// version is that of the tables and of the lexicon whose classes they index: another one empties the file.
const version = 3

const schema = `
DROP TABLE IF EXISTS offers;
DROP TABLE IF EXISTS counts;
DROP TABLE IF EXISTS words;
CREATE TABLE offers (
	n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL, until INTEGER NOT NULL, market TEXT NOT NULL,
	kind TEXT NOT NULL, role TEXT NOT NULL, medium TEXT NOT NULL,
	building TEXT NOT NULL, city TEXT NOT NULL, country TEXT NOT NULL, floor TEXT NOT NULL, room TEXT NOT NULL);
CREATE INDEX facets ON offers (kind, role, medium, building, city, country, floor, room, until, n);
CREATE INDEX ends ON offers (until);
CREATE VIRTUAL TABLE words USING fts5 (text, content='', contentless_delete=1);
CREATE VIRTUAL TABLE counts USING fts5vocab (words, 'row');
`

// Catalogue is an open catalogue. It is safe for concurrent use; searches take turns.
type Catalogue struct {
	db   *sql.DB
	temp string // folder to remove at the end
}

// Open opens the catalogue in a file, or makes it; path "" is one in a temporary file, gone at Close.
func Open(ctx context.Context, path string) (*Catalogue, error) {
	c := &Catalogue{}
	if path == "" {
		dir, err := os.MkdirTemp("", "iotverse-catalogue-")
		if err != nil {
			return nil, fmt.Errorf("catalogue: %w", err)
		}
		c.temp, path = dir, filepath.Join(dir, "offers.db")
	}
	db, err := sql.Open("sqlite", "file:"+(&urlPath{path}).String()+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"+
		"&_pragma=cache_size(-8192)&_pragma=temp_store(FILE)&_pragma=trusted_schema(0)")
	if err == nil {
		db.SetMaxOpenConns(1)
		c.db = db
		err = c.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("catalogue %s: %w", path, err), c.Close())
	}
	return c, nil
}

// urlPath escapes what ends a path in a URL.
type urlPath struct{ path string }

func (u *urlPath) String() string {
	return strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(u.path)
}

func (c *Catalogue) prepare(ctx context.Context) error {
	var v int
	if err := c.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return err
	}
	if v == version {
		return nil
	}
	_, err := c.db.ExecContext(ctx, "BEGIN;"+schema+fmt.Sprintf("PRAGMA user_version = %d; COMMIT", version))
	return err
}

// Close closes the catalogue and removes its temporary file.
func (c *Catalogue) Close() error {
	var err error
	if c.db != nil {
		err = c.db.Close()
	}
	if c.temp != "" {
		err = errors.Join(err, os.RemoveAll(c.temp))
	}
	return err
}

// Listing is an offer and when it is over; the zero time is never. Market is nil for an offer that is of none.
type Listing struct {
	Offer  rank.Offer
	Until  time.Time
	Market *Market
}

// Market is what a market's offer is beside what a ranker sees.
type Market struct {
	Seller    string `json:"seller"` // short form of the identity
	Property  string `json:"property"`
	Title     string `json:"title"`           // as the seller gives it
	Price     uint64 `json:"price"`           // of a batch of perfect data, bytes
	Floor     uint64 `json:"floor"`           // least price of a batch at integrity 850, bytes
	Integrity *int   `json:"integrity"`       // of the newest stamp that was seen, ‰; nil before the first
	Wrong     bool   `json:"wrong,omitempty"` // that stamp says it is not what the seller calls it
	Bonded    *bool  `json:"bonded"`          // whether the seller's bond counts; nil where nobody looked
}

// Put adds offers, all or none; one with a known id replaces that. Errors: Invalid for an offer without a proper id,
// Transient if the catalogue is full.
func (c *Catalogue) Put(ctx context.Context, list []Listing) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	p, err := newPutter(ctx, tx)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	for i := range list {
		if err := p.put(ctx, &list[i]); err != nil {
			return err
		}
	}
	n := 0
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM offers").Scan(&n); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if n > MaxListings {
		return fmt.Errorf("catalogue: %d offers, at most %d: %w", n, MaxListings, byteball.Transient)
	}
	return tx.Commit()
}

type putter struct{ find, forget, row, words *sql.Stmt }

func newPutter(ctx context.Context, tx *sql.Tx) (*putter, error) {
	p := &putter{}
	for _, s := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&p.find, "SELECT n FROM offers WHERE id = ?"},
		{&p.forget, "DELETE FROM words WHERE rowid = ?"},
		{&p.row, "INSERT OR REPLACE INTO offers VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"},
		{&p.words, "INSERT INTO words (rowid, text) VALUES (?,?)"},
	} {
		stmt, err := tx.PrepareContext(ctx, s.text)
		if err != nil {
			return nil, err
		}
		*s.to = stmt
	}
	return p, nil
}

func (p *putter) put(ctx context.Context, l *Listing) error {
	if err := l.Offer.Check(); err != nil {
		return err
	}
	e := rank.NewEntry(l.Offer, nil)
	body, err := json.Marshal(e.Offer)
	if err != nil {
		return fmt.Errorf("offer %.40q: %v: %w", l.Offer.ID, err, byteball.Invalid)
	}
	market, err := json.Marshal(l.Market)
	if err != nil {
		return fmt.Errorf("offer %.40q: %v: %w", l.Offer.ID, err, byteball.Invalid)
	}
	var n any // a new row's number is SQLite's to choose
	var old int64
	switch err := p.find.QueryRowContext(ctx, l.Offer.ID).Scan(&old); {
	case err == nil:
		n = old
		if _, err := p.forget.ExecContext(ctx, old); err != nil {
			return fmt.Errorf("catalogue: %w", err)
		}
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("catalogue: %w", err)
	}
	f := e.Facets()
	res, err := p.row.ExecContext(ctx, n, l.Offer.ID, string(body), ends(l.Until), string(market), f.Kind, f.Role, f.Medium, f.Building, f.City, f.Country, f.Floor, f.Room)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if old, err = res.LastInsertId(); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if _, err := p.words.ExecContext(ctx, old, strings.Join(f.Words, " ")); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	return nil
}

// never is an end that no clock reaches.
const never = int64(1)<<62 - 1

func ends(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

// Withdraw takes an offer out. Errors: NotFound.
func (c *Catalogue) Withdraw(ctx context.Context, id string) error {
	n, err := c.remove(ctx, "id = ?", id)
	if err == nil && n == 0 {
		err = fmt.Errorf("catalogue: no offer %.40q: %w", id, byteball.NotFound)
	}
	return err
}

// Expire takes out what is over at now and says how many offers that were.
func (c *Catalogue) Expire(ctx context.Context, now time.Time) (int, error) {
	return c.remove(ctx, "until <= ?", now.UnixMilli())
}

func (c *Catalogue) remove(ctx context.Context, which string, value any) (int, error) {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("catalogue: %w", err)
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "DELETE FROM words WHERE rowid IN (SELECT n FROM offers WHERE "+which+")", value); err != nil {
		return 0, fmt.Errorf("catalogue: %w", err)
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM offers WHERE "+which, value)
	if err != nil {
		return 0, fmt.Errorf("catalogue: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("catalogue: %w", err)
	}
	return int(n), tx.Commit()
}

// Len is the number of offers, those that are over included.
func (c *Catalogue) Len(ctx context.Context) (n int, err error) {
	err = c.db.QueryRowContext(ctx, "SELECT count(*) FROM offers").Scan(&n)
	return n, err
}
