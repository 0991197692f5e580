package main

import "testing"

// BenchmarkFigures measures what iotverse bench shows, each figure beside its floor.
func BenchmarkFigures(b *testing.B) {
	list, done, err := figures(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer done()
	for _, f := range list {
		if f.row != nil { // BenchmarkServed of the ledger measures that
			continue
		}
		for name, run := range map[string]func() error{"figure": f.work, "floor": f.floor} {
			b.Run(f.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
