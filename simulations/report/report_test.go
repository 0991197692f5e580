package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/iotverse/iotverse/simulations/report"
)

var sample = report.Report{
	Scenario: "hello", Seed: 5, Hours: 24,
	Sellers:    []report.Sellers{{Strategy: "replay", Count: 5, Windows: 32, Integrity: 637, Hard: []report.Found{{Code: 4, Count: 1}, {Code: 5, Count: 8}}, Soft: []report.Found{{Code: 25, Count: 9}}, Batches: 1440, Price: 1346, Income: 1962240}},
	Validators: []report.Validators{{Strategy: "lazy", Count: 2, Fees: 2517382, Reveals: 704, Deviation: 7, Far: 6}},
	Buyers:     []report.Buyers{{Strategy: "honest", Count: 10, Batches: 42720, Readings: 1708800, Price: 1802, Spent: 95686801, Dropped: 4}},
	Money:      report.Money{Parties: -20, Fees: 20, Units: 3, Beats: 9, Agree: 17},
	Parties:    []report.Party{{Name: "buyer-01", Role: "buyer", Strategy: "honest", Books: -20, Ledger: -20}},
	Windows:    []report.Window{{Seller: "seller-01", Number: 6, Hard: []uint8{5}, Reveals: 7, Batches: 60}},
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := sample.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"scenario hello, seed 5, 24 hours of trade, cheap identity signatures",
		"replay 5 32 637 4 (1 times), 5 (8 times) 25 (9 times) 1440 1346 1962240", "lazy 2 704 7 6 2517382",
		"honest 10 42720 1708800 1802 4 95686801", "actors -20", "sum 0", "books and ledger agree for 17 of 17 actors",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if err := sample.WriteText(full{}); err == nil {
		t.Error("a writer that fails went unnoticed")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestJSON(t *testing.T) {
	data, err := json.Marshal(sample)
	if err != nil {
		t.Fatal(err)
	}
	var got report.Report
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, sample) {
		t.Errorf("through JSON: %+v, %v; want %+v", got, err, sample)
	}
}
