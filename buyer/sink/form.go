package sink

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/iotverse/iotverse/protocol"
)

// form is how a batch becomes text.
type form interface {
	name() string // and extension of its files
	head() string // the first line of a file
	add(text []byte, b *Batch, r protocol.Reading) []byte
}

// stamp of a reading's time: RFC 3339, UTC, milliseconds.
const stamp = "2006-01-02T15:04:05.000Z07:00"

func timeOf(r protocol.Reading) string { return time.UnixMilli(r.Time).UTC().Format(stamp) }

func unitOf(b *Batch) string {
	p, _ := protocol.PropertyOf(b.Prop)
	return p.Unit
}

// jsonl is one JSON object a line; what is not known is left out.
type jsonl struct{}

// line is a reading as people and programs get it. Price is that of the whole batch, not of the reading.
type line struct {
	Time      string  `json:"time"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Property  string  `json:"property"`
	Seller    string  `json:"seller"`
	Cell      string  `json:"cell"`
	Integrity *int    `json:"integrity,omitempty"`
	Relevance *int    `json:"relevance,omitempty"`
	Price     uint64  `json:"price"`
	Window    uint64  `json:"window"`
	Batch     int     `json:"batch"`
	Deal      string  `json:"deal"`
}

func (jsonl) name() string { return "jsonl" }

func (jsonl) head() string { return "" }

func (jsonl) add(text []byte, b *Batch, r protocol.Reading) []byte {
	known := func(permille int) *int {
		if permille < 0 {
			return nil
		}
		return &permille
	}
	out, _ := json.Marshal(line{ // strings and finite numbers: no error is possible
		Time: timeOf(r), Value: r.Value, Unit: unitOf(b), Property: b.Prop, Seller: sellerOf(b), Cell: b.Cell,
		Integrity: known(b.Integrity), Relevance: known(b.Relevance), Price: uint64(b.Price),
		Window: b.Window, Batch: b.Index, Deal: dealOf(b),
	})
	return append(append(text, out...), '\n')
}

// table is CSV with a header; what is not known is empty. No field holds a comma or a quote.
type table struct{}

func (table) name() string { return "csv" }

func (table) head() string {
	return "time,value,unit,property,seller,cell,integrity,relevance,price,window,batch,deal\n"
}

func (table) add(text []byte, b *Batch, r protocol.Reading) []byte {
	known := func(permille int) string {
		if permille < 0 {
			return ""
		}
		return strconv.Itoa(permille)
	}
	return fmt.Appendf(text, "%s,%s,%s,%s,%s,%s,%s,%s,%d,%d,%d,%s\n", timeOf(r), strconv.FormatFloat(r.Value, 'g', -1, 64), unitOf(b), b.Prop,
		sellerOf(b), b.Cell, known(b.Integrity), known(b.Relevance), uint64(b.Price), b.Window, b.Index, dealOf(b))
}

func sellerOf(b *Batch) string {
	id := b.Seller.ID()
	return fmt.Sprintf("%x", id[:])
}

func dealOf(b *Batch) string { return fmt.Sprintf("%x", b.Deal[:]) }

// file is the name of a batch's file: made of the table's slugs and hexadecimal digits only.
func file(b *Batch, f form) string { return b.Prop + "-" + sellerOf(b)[:16] + "." + f.name() }
