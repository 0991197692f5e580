package sink_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/iotverse/iotverse/buyer/sink"
	"github.com/iotverse/iotverse/protocol"
)

func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	s, err := sink.Open(dir, "csv")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	b := sink.Batch{
		Seller: protocol.Identity(strings.Repeat("s", 32)), Prop: "air-temperature", Cell: "u281z", Window: 9,
		Integrity: 1000, Relevance: 870, Price: 2500,
		Readings: []protocol.Reading{{Time: 1_700_000_000_000, Value: 21.5}},
	}
	s.Write(b)
	s.Write(b) // delivered again: written once
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if text, _ := os.ReadFile(dir + "/" + f.Name()); strings.HasSuffix(f.Name(), ".csv") {
			fmt.Println(strings.Count(string(text), "\n"), "lines")
		}
	}
	// Output: 2 lines
}
