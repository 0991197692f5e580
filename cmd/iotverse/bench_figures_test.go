package main

import "testing"

// BenchmarkFigures measures what iotverse bench shows, each figure beside its floor.
func BenchmarkFigures(b *testing.B) {
	shared, err := openBench(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer shared.close()
	for _, f := range figures {
		m, err := f.set(shared)
		if err != nil {
			b.Fatal(err)
		}
		if m.row != nil { // BenchmarkServed of the ledger measures that
			continue
		}
		for name, run := range map[string]func() error{"figure": m.work, "floor": m.floor} {
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
