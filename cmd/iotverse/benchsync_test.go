package main

import "testing"

// BenchmarkLightSync measures a light client's first start beside its floor.
func BenchmarkLightSync(b *testing.B) {
	f, err := benchSync(nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := f.floor(); err != nil {
		b.Fatal(err)
	}
	for name, run := range map[string]func() error{"figure": f.work, "floor": f.floor} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(syncAddresses*syncEach*b.N)/b.Elapsed().Seconds(), "units/s")
		})
	}
}
