package ledger_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball/ledger"
)

// BenchmarkClients tells what an idle client costs the server in memory: heap and stacks, less what the client's half of
// the connection takes in this process, a buffer of 16 bytes.
func BenchmarkClients(b *testing.B) {
	w := newWorld(b, "")
	w.witness(3)
	url := serveWith(b, w, ledger.ServerConfig{Heartbeat: time.Hour})
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	var clients []net.Conn
	const many = 240
	var before, after uint64
	for b.Loop() {
		before = memory()
		for range many {
			c, err := net.Dial("tcp", strings.TrimPrefix(url, "ws://"))
			if err != nil {
				b.Fatal(err)
			}
			clients = append(clients, c)
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			if answer, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil); err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
				b.Fatal(err)
			}
		}
		for status(b, url).Waiting > 0 { // until all are greeted
		}
		after = memory()
		for _, c := range clients {
			c.Close()
		}
		clients = nil
		for status(b, url).Clients > 0 {
		}
	}
	b.ReportMetric(float64(int64(after-before))/many, "B/client")
}
