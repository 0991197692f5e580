package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/protocol/node"
)

// party is whoever holds money in a statement.
type party struct {
	Name      string             `json:"name"`
	Role      string             `json:"role"`
	Address   byteball.Address   `json:"address"`
	Books     books.Amount       `json:"books"`  // change by its own books
	Ledger    books.Amount       `json:"ledger"` // change as the ledger proves it
	Lines     []books.Line       `json:"lines"`
	addresses []byteball.Address // all that the party owns
	opening   books.Amount
}

// feeRow is what one unit cost, none of which anybody has now: headers, payload, tps and oversize fees.
type feeRow struct {
	Unit byteball.Hash  `json:"unit"`
	Fees byteball.Bytes `json:"fees"`
	of   *unit.Unit
}

// statement compares everybody's own books with what a light client proves, and the sum of all with nothing.
type statement struct {
	Parties  []party           `json:"parties"`
	Units    []feeRow          `json:"units"`
	Balanced bool              `json:"balanced"`
	wrong    []string          // why it is not balanced
	deals    map[string]string // what a deal was about, by the first eight digits of its id
	trials   []trial           // of the cheaters
}

// lines reads a role's books from a store.
func lines(s *node.Store, prefix string) ([]books.Line, error) {
	rows, err := s.All(prefix + "line/")
	if err != nil {
		return nil, err
	}
	var book books.Book
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		l, err := books.Decode(rows[key])
		if err != nil {
			return nil, fmt.Errorf("books: line %s: %w", key, err)
		}
		if err := book.Put(l); err != nil {
			return nil, err
		}
	}
	return book.Lines(), nil
}

// prove fills in the ledger's column: a light client with an empty store asks for the history of every party's addresses
// and believes only what the proofs show. from is the unit that gave everybody its opening balance; it is no change.
func (st *statement) prove(ctx context.Context, client *hub.Client, from byteball.Hash) error {
	fees := make(map[byteball.Hash]feeRow)
	for i := range st.Parties {
		p := &st.Parties[i]
		units, _, err := client.History(ctx, p.addresses, nil, 0)
		if err != nil {
			return fmt.Errorf("statement: history of %s: %w", p.Name, err)
		}
		before, after, err := balances(units, p.addresses, from)
		if err != nil {
			return fmt.Errorf("statement: %s: %w", p.Name, err)
		}
		p.Ledger = after - before
		if p.Role != "fund" && p.Role != "unspendable" && p.opening != before {
			st.wrong = append(st.wrong, fmt.Sprintf("%s: opening balance %d in its books, %d on the ledger", p.Name, p.opening, before))
		}
		for _, u := range units {
			if u.Unit.Unit == from || !u.Serial {
				continue
			}
			cost, err := unit.Fees(u.Unit)
			if err != nil {
				return fmt.Errorf("statement: unit %s: %w", u.Unit.Unit, err)
			}
			fees[u.Unit.Unit] = feeRow{u.Unit.Unit, cost, u.Unit}
		}
	}
	for _, h := range slices.Sorted(maps.Keys(fees)) {
		st.Units = append(st.Units, fees[h])
	}
	return nil
}

// balances returns what addresses held after the unit from, and what they hold at the end of the proven units.
func balances(units []unit.Proven, addresses []byteball.Address, from byteball.Hash) (before, after books.Amount, err error) {
	coins := make(map[unit.OutPoint]byteball.Bytes)
	sum := func() (total books.Amount) {
		for _, amount := range coins {
			total += books.In(amount)
		}
		return total
	}
	ordered := slices.Clone(units)
	slices.SortStableFunc(ordered, func(a, b unit.Proven) int { return int(int64(a.MCI) - int64(b.MCI)) })
	var spent []unit.OutPoint
	for _, p := range ordered {
		if !p.Serial {
			continue
		}
		for i, m := range p.Unit.Messages {
			pay, ok := m.Payload.(*unit.Payment)
			if !ok || pay.Asset != "" {
				continue
			}
			for _, in := range pay.Inputs {
				spent = append(spent, unit.OutPoint{Unit: in.Unit, MessageIndex: in.MessageIndex, OutputIndex: in.OutputIndex})
			}
			for j, o := range pay.Outputs {
				if slices.Contains(addresses, o.Address) {
					coins[unit.OutPoint{Unit: p.Unit.Unit, MessageIndex: i, OutputIndex: j}] = o.Amount
				}
			}
		}
		if p.Unit.Unit == from {
			before = sum()
		}
	}
	for _, out := range spent {
		delete(coins, out)
	}
	return before, sum(), nil
}

// conclude decides: row by row the two columns are equal, and all changes and fees make nothing.
func (st *statement) conclude() {
	var total books.Amount
	for _, p := range st.Parties {
		total += p.Ledger
		if p.Books != p.Ledger {
			st.wrong = append(st.wrong, fmt.Sprintf("%s: its books say %+d, the ledger %+d", p.Name, p.Books, p.Ledger))
		}
	}
	for _, u := range st.Units {
		total += books.In(u.Fees)
	}
	if total != 0 {
		st.wrong = append(st.wrong, fmt.Sprintf("all changes and fees together make %+d, not 0", total))
	}
	st.Balanced = len(st.wrong) == 0
}

// write prints the statement for people.
func (st *statement) write(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "party\trole\tits own books\tthe ledger\t\t")
	for _, p := range st.Parties {
		mark := "="
		if p.Books != p.Ledger {
			mark = "DIFFERS"
		}
		fmt.Fprintf(tw, "%s\t%s\t%+d\t%+d\t%s\t\n", p.Name, p.Role, p.Books, p.Ledger, mark)
	}
	var fees byteball.Bytes
	for _, u := range st.Units {
		fees += u.Fees
	}
	fmt.Fprintf(tw, "fees of %d units\t\t\t%+d\t\t\n", len(st.Units), fees)
	tw.Flush()
	st.writeDeals(w)
	st.writeTrials(w)
	st.writeFees(w)
	if st.Balanced {
		fmt.Fprintln(w, "\nbalanced: every row is equal, and the sum of all changes and fees is 0 bytes")
		return
	}
	fmt.Fprintf(w, "\nNOT balanced:\n  %s\n", strings.Join(st.wrong, "\n  "))
}

// writeDeals prints what each deal cost its buyer: data to the seller, the fee to validators and fund, the closing unit.
func (st *statement) writeDeals(w io.Writer) {
	cost, data, closing := make(map[string]books.Amount), make(map[string]books.Amount), make(map[string]books.Amount)
	for _, p := range st.Parties {
		for _, l := range p.Lines {
			kind, id, _ := strings.Cut(l.Ref, "/")
			switch {
			case kind == "channel" && p.Role == "buyer":
				cost[id] -= l.Amount
			case kind == "channel" && p.Role == "seller":
				data[id] += l.Amount
			case kind == "close":
				closing[id] -= l.Amount
			}
		}
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "the buyer's deals\tdata\tvalidators and fund\tclosing unit\t")
	for _, id := range slices.SortedFunc(maps.Keys(cost), func(a, b string) int { return strings.Compare(st.about(a), st.about(b)) }) {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t\n", st.about(id), data[id], cost[id]-data[id], closing[id])
	}
	tw.Flush()
}

// writeFees lists what each unit cost.
func (st *statement) writeFees(w io.Writer) {
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "unit\theaders\tpayload\ttps fee\toversize\tsum\t")
	for _, u := range st.Units {
		var tps byteball.Bytes
		if u.of.TPSFee != nil {
			tps = *u.of.TPSFee
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t\n", u.Unit, u.of.HeadersCommission, u.of.PayloadCommission, tps, u.of.OversizeFee, u.Fees)
	}
	tw.Flush()
}

// about names a deal for people.
func (st *statement) about(id string) string {
	short := id[:min(len(id), 8)]
	if what, ok := st.deals[short]; ok {
		return what
	}
	return "deal " + short
}

// writeJSON prints the statement for programs.
func (st *statement) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(st)
}
