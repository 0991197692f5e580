package device_test

import (
	"strings"
	"testing"

	"github.com/iotverse/iotverse/byteball/device"
)

// BenchmarkSeal encrypts twice, as an outbox does, and signs; BenchmarkOpen checks and decrypts that.
func BenchmarkSeal(b *testing.B) {
	from, to := ringOf(b, 1), ringOf(b, 2)
	b.ReportAllocs()
	for b.Loop() {
		wrapped(b, from, to)
	}
}

func BenchmarkOpen(b *testing.B) {
	from, to := ringOf(b, 1), ringOf(b, 2)
	data, err := wrapped(b, from, to).MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		s, err := device.Parse(data)
		if err == nil {
			_, err = to.Open(s)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// wrapped is a message of 1 kB in two layers.
func wrapped(b *testing.B, from, to *device.Ring) *device.Sealed {
	m := device.Message{From: device.Address(from.Permanent().PublicKey()), Subject: "text", Body: strings.Repeat("x", 1000)}
	random := noise(1)
	p, err := m.Encrypt(to.Permanent().PublicKey(), random)
	if err != nil {
		b.Fatal(err)
	}
	temp, err := to.TempKey()
	if err != nil {
		b.Fatal(err)
	}
	if p, err = p.Encrypt(temp.TempPubkey, random); err != nil {
		b.Fatal(err)
	}
	s, err := device.Seal(p, to.Permanent().PublicKey(), from.Permanent())
	if err != nil {
		b.Fatal(err)
	}
	return s
}
