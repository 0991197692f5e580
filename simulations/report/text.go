package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/books"
)

// WriteText writes the tables that people read. Error: that of w.
func (r Report) WriteText(w io.Writer) error {
	signatures := "cheap"
	if r.Real {
		signatures = "real"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "scenario %s, seed %d, %g hours of trade, %s identity signatures\n\n", r.Scenario, r.Seed, r.Hours, signatures)
	r.actors(t)
	r.money(t)
	return t.Flush()
}

func (r Report) actors(t io.Writer) {
	row(t, "sellers", "n", "windows stamped", "mean integrity", "hard codes", "soft codes", "batches sold", "median price", "income")
	for _, s := range r.Sellers {
		row(t, s.Strategy, s.Count, s.Windows, s.Integrity, codes(s.Hard), codes(s.Soft), s.Batches, bytes(s.Price), bytes(s.Income))
	}
	fmt.Fprintln(t)
	row(t, "validators", "n", "reveals", "mean deviation", "far off", "fees earned")
	for _, v := range r.Validators {
		row(t, v.Strategy, v.Count, v.Reveals, v.Deviation, v.Far, bytes(v.Fees))
	}
	fmt.Fprintln(t)
	row(t, "buyers", "n", "batches", "readings", "median price", "sellers dropped", "spent in all")
	for _, b := range r.Buyers {
		row(t, b.Strategy, b.Count, b.Batches, b.Readings, bytes(b.Price), b.Dropped, bytes(b.Spent))
	}
	fmt.Fprintln(t)
}

func (r Report) money(t io.Writer) {
	m := r.Money
	row(t, "money", "change, bytes")
	for _, line := range []struct {
		name string
		a    books.Amount
	}{{"actors", m.Parties}, {"fund", m.Fund}, {"registrations", m.Lists}, {"open channels", m.Locked},
		{"order provider", m.Operator}, {"ledger fees", m.Fees}, {"sum", m.Sum}} {
		row(t, line.name, int64(line.a))
	}
	fmt.Fprintf(t, "\n%d units of actors, %d of the order provider; books and ledger agree for %d of %d actors\n", m.Units, m.Beats, m.Agree, m.Agree+m.Differ)
	fmt.Fprintf(t, "%d steps, %d messages, %d refused\n", r.Traffic.Steps, r.Traffic.Messages, r.Traffic.Refused)
}

// row writes cells and closes the last one, so that it lines up, too.
func row(t io.Writer, cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(t, "%v\t", c)
	}
	fmt.Fprintln(t)
}

func bytes(b byteball.Bytes) uint64 { return uint64(b) }

func codes(list []Found) string {
	if len(list) == 0 {
		return "none"
	}
	var parts []string
	for _, h := range list {
		parts = append(parts, fmt.Sprintf("%d (%d times)", h.Code, h.Count))
	}
	return strings.Join(parts, ", ")
}
