package protocol_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/iotverse/iotverse/protocol"
)

// FuzzDecode feeds bytes to the decoder of every kind: what it takes encodes to the very same bytes, and nothing panics.
func FuzzDecode(f *testing.F) {
	kinds := protocol.Kinds()
	slices.Sort(kinds)
	for i, k := range kinds {
		data, err := protocol.Encode(sample(f, k))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
	}
	evidence, err := protocol.Encode(protocol.Evidence{Code: 5, This: []protocol.Exhibit{exhibit()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(len(kinds)), evidence)
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		var body interface{ Check() error } = new(protocol.Evidence)
		if i := int(which) % (len(kinds) + 1); i < len(kinds) {
			m, err := protocol.New(kinds[i])
			if err != nil {
				t.Fatal(err)
			}
			body = m
		}
		if protocol.Decode(data, body) != nil {
			return
		}
		again, err := protocol.Encode(body)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is taken and encodes to %x, %v", data, again, err)
		}
		if body.Check() != nil {
			return
		}
		switch m := body.(type) { // what is derived from a checked message must not panic
		case *protocol.Match:
			m.ID()
		case *protocol.WindowCommit:
			if n := m.Batches(); n < 1 || n > protocol.MaxBatches {
				t.Fatalf("a window of %d batches", n)
			}
			m.ID()
		case *protocol.Reveal:
			m.CommitHash()
		case *protocol.Stamp:
			if n := m.Batches(); n < 1 || n > protocol.MaxBatches {
				t.Fatalf("a stamp of %d batches", n)
			}
		case *protocol.Offer:
			if topic := protocol.OfferTopic(m.Prop, m.Cell); len(topic) > 100 {
				t.Fatalf("topic %s", topic)
			}
		}
	})
}

// FuzzPack: a pack that is read is written the same, and holds finite values only.
func FuzzPack(f *testing.F) {
	p, _ := protocol.PropertyOf("air-temperature")
	for _, readings := range [][]protocol.Reading{
		{{Time: millis, Value: 1}},
		{{Time: millis, Value: 1.1}, {Time: millis + 137, Value: -5}},
		{{Time: -1, Value: 0}, {Time: 1, Value: 1e300}},
	} {
		data, err := protocol.EncodePack(p, readings)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		readings, err := protocol.DecodePack(p, data)
		if err != nil {
			return
		}
		again, err := protocol.EncodePack(p, readings)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is read and written as %x, %v", data, again, err)
		}
	})
}
