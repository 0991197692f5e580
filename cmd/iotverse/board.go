package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/role"
)

// board shows the progress of a demo: a table that renews itself on a terminal, plain lines elsewhere.
type board struct {
	w        io.Writer
	live     bool
	mu       sync.Mutex
	started  time.Time
	products map[shelfKey]*shelf
	order    []shelfKey
	names    map[string]*stand // by identity
	least    int               // integrity of what is sold
	phase    string
	drawn    int // lines on the screen
	tally    tally
	about    map[string]string // deal -> what it is about
}

// shelfKey is one property of one seller; the seller is "" where a note names none.
type shelfKey struct{ prop, seller string }

// shelf is what the buyer knows of one property of one seller.
type shelf struct {
	trial
	integrity any
	state     string
}

// tally is what the demo has shown so far.
type tally struct {
	batches, stamps int
	paid            byteball.Bytes
}

func newBoard(w io.Writer) *board {
	f, ok := w.(*os.File)
	return &board{w: w, live: ok && term.IsTerminal(int(f.Fd())), started: time.Now(), products: make(map[shelfKey]*shelf), about: make(map[string]string),
		names: make(map[string]*stand)}
}

// say tells people what happens now.
func (b *board) say(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.phase = text
	if !b.live {
		b.line(text)
	}
}

func (b *board) line(text string) {
	fmt.Fprintf(b.w, "%5.1fs  %s\n", time.Since(b.started).Seconds(), text)
}

func (b *board) summary() tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tally
}

// deals says what each deal was about.
func (b *board) deals() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.about)
}

// hooks feed the board with what one party notes.
func (b *board) hooks(name string) hooks {
	return hooks{
		note: func(n role.Note) { b.note(name, n) },
		deliver: func(d role.Deliver) error {
			b.bought(d)
			return nil
		},
	}
}

func (b *board) bought(d role.Deliver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shelf(d.Prop, d.Seller.String())
	s.batches++
	s.paid += d.Price
	b.tally.batches++
	b.tally.paid += d.Price
}

func (b *board) shelf(prop, seller string) *shelf {
	key := shelfKey{prop, seller}
	s, ok := b.products[key]
	if !ok {
		s = &shelf{integrity: "-", state: "waiting"}
		b.products[key] = s
		b.order = append(b.order, key)
	}
	return s
}

// know tells the board who is who.
func (b *board) know(id protocol.Identity, p *stand) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names[id.String()] = p
}

// label names a property and whose it is.
func (b *board) label(key shelfKey) string {
	if p := b.names[key.seller]; p != nil {
		return key.prop + " of " + p.name
	}
	return key.prop
}

// note takes one party's note; the buyer's say what the market has brought, everybody's are printed where no table is.
func (b *board) note(name string, n role.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := attrs(n.Attrs)
	prop, aboutOne := a["property"].(string)
	seller, known := a["seller"].(string)
	if aboutOne && known && name == "buyer" {
		b.heard(n.Text, shelfKey{prop, seller}, a)
	}
	if !b.live && worthALine(n.Text) {
		b.line(name + ": " + n.Text + pairs(n.Attrs))
	}
}

// heard takes a note of the buyer about something on sale.
func (b *board) heard(text string, key shelfKey, a map[string]any) {
	s := b.shelf(key.prop, key.seller)
	switch text {
	case "deal agreed":
		s.state = "deal"
		b.about[fmt.Sprint(a["deal"])] = b.label(key)
	case "stamp":
		s.stamps++
		b.tally.stamps++
		s.integrity = a["integrity"]
		s.state = "buying"
		if p := b.names[key.seller]; p != nil {
			s.judged(p.kind.Convicts(), b.least, a)
		}
		if s.why != "" {
			s.state = "caught: " + s.why
		}
	case "seller dropped":
		s.dropped = fmt.Sprint(a["why"])
		s.state = "dropped: " + s.dropped
		for id, what := range b.about {
			if what == b.label(key) {
				b.about[id] = what + " (" + s.state + ")"
			}
		}
	}
}

// worthALine keeps what every node says at every window out of a log for people.
func worthALine(text string) bool {
	switch text {
	case "bonded", "deal agreed", "stamp", "seller dropped", "no deal", "no deposit", "the deposit is not taken yet", "channel open", "channel closed", "channel refunded",
		"window without a stamp", "too few receipts", "no bond yet", "the seller refuses":
		return true
	}
	return false
}

func attrs(list []any) map[string]any {
	m := make(map[string]any, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		m[fmt.Sprint(list[i])] = list[i+1]
	}
	return m
}

func pairs(list []any) string {
	var sb strings.Builder
	for i := 0; i+1 < len(list); i += 2 {
		fmt.Fprintf(&sb, " %v=%v", list[i], list[i+1])
	}
	return sb.String()
}

// run redraws the table until ctx ends; without a terminal it says how far things are every ten seconds.
func (b *board) run(ctx context.Context) error {
	every := 10 * time.Second
	if b.live {
		every = 500 * time.Millisecond
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			b.draw()
		}
	}
}

func (b *board) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.live {
		b.line(fmt.Sprintf("%d stamps, %d batches bought for %s", b.tally.stamps, b.tally.batches, b.tally.paid))
		return
	}
	var sb strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&sb, "\x1b[%dA", b.drawn)
	}
	b.drawn = len(b.order) + 2
	fmt.Fprintf(&sb, "\x1b[2K%5.0fs  %s\n", time.Since(b.started).Seconds(), b.phase)
	fmt.Fprintf(&sb, "\x1b[2K%-40s %7s %10s %8s %14s  %s\n", "property", "stamps", "integrity", "batches", "paid", "")
	for _, key := range b.order {
		s := b.products[key]
		fmt.Fprintf(&sb, "\x1b[2K%-40s %7d %10v %8d %14s  %s\n", b.label(key), s.stamps, s.integrity, s.batches, s.paid, s.state)
	}
	io.WriteString(b.w, sb.String())
}
