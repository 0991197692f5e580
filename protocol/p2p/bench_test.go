package p2p_test

import (
	"encoding/binary"
	"testing"

	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/p2p"
)

// A direct message of 1 kB and its answer, over TCP on loopback.
func BenchmarkSend(b *testing.B) {
	quiet := func(c *p2p.Config) { c.Log = nil }
	from, to := start(b, quiet), start(b, quiet)
	join(b, from, to)
	echo(b, to)
	frame := make([]byte, 1024)
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		if err := from.Send(b.Context(), to.Identity(), deal, frame); err != nil {
			b.Fatal(err)
		}
	}
}

// A gossip message of 1 kB from publisher to deliver, one at a time, over TCP on loopback.
func BenchmarkGossip(b *testing.B) {
	quiet := func(c *p2p.Config) { c.Log = nil }
	from, to := start(b, quiet), start(b, quiet)
	join(b, from, to)
	heard := make(chan struct{}, 1)
	accept := func(protocol.Identity, []byte) protocol.Verdict { return protocol.Accept }
	if _, err := to.Subscribe(offers, accept, func([]byte) { heard <- struct{}{} }); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 1024)
	eventually(b, "the publisher sees the listener", func() bool { return from.Publish(b.Context(), offers, data) == nil })
	<-heard
	i := uint64(0)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		i++
		binary.BigEndian.PutUint64(data, i)
		if err := from.Publish(b.Context(), offers, append([]byte(nil), data...)); err != nil {
			b.Fatal(err)
		}
		<-heard
	}
}
