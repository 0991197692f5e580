package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/iotverse/iotverse/byteball"
)

// lossyHub stands between a client and a ledger. It takes some units and loses them, as a hub does that archives them after a
// double spend; all else it passes on, frame by frame (RFC 6455 §5.2).
type lossyHub struct {
	url    string
	ledger string             // host and port
	lose   atomic.Int32       // how many of the next units
	lost   chan byteball.Hash // capacity: more than a test loses
	open   sync.WaitGroup
}

func newLossyHub(t *testing.T, ledger string) *lossyHub {
	t.Helper()
	u, err := url.Parse(ledger)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &lossyHub{url: "ws://" + l.Addr().String(), ledger: u.Host, lost: make(chan byteball.Hash, 1024)}
	h.open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			h.open.Go(func() { h.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		h.open.Wait()
	})
	return h
}

// serve passes everything between a client and the ledger until either is gone.
func (h *lossyHub) serve(client net.Conn) {
	defer client.Close()
	ledger, err := net.Dial("tcp", h.ledger)
	if err != nil {
		return
	}
	defer ledger.Close()
	up, down := bufio.NewReader(client), bufio.NewReader(ledger)
	if !head(up, ledger) || !head(down, client) {
		return
	}
	var mu sync.Mutex // one frame to the client at a time
	send := func(frames []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := client.Write(frames)
		return err
	}
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		for {
			frame, _, _, err := readWSFrame(down)
			if err != nil || send(frame) != nil {
				return
			}
		}
	})
	h.forward(up, ledger, send)
	ledger.Close()
	back.Wait()
}

// forward passes on what a client sends, but for the units that are lost.
func (h *lossyHub) forward(from *bufio.Reader, ledger io.Writer, send func([]byte) error) {
	var frames, message []byte
	for {
		frame, payload, last, err := readWSFrame(from)
		if err != nil {
			return
		}
		frames, message = append(frames, frame...), append(message, payload...)
		if !last {
			continue
		}
		if answer := h.swallow(message); answer != nil {
			err = send(textFrame(answer))
		} else {
			_, err = ledger.Write(frames)
		}
		if err != nil {
			return
		}
		frames, message = nil, nil
	}
}

// head passes on the head of an HTTP message, which has no body here.
func head(from *bufio.Reader, to io.Writer) bool {
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return false
		}
		if _, err := to.Write(line); err != nil {
			return false
		}
		if len(line) <= 2 {
			return true
		}
	}
}

// readWSFrame reads one frame, as it is and its payload in clear; last says that a message ends with it.
func readWSFrame(r *bufio.Reader) (frame, payload []byte, last bool, err error) {
	read := func(n int) []byte {
		part := make([]byte, n)
		if err == nil {
			_, err = io.ReadFull(r, part)
		}
		frame = append(frame, part...)
		return part
	}
	start := read(2)
	size := int(start[1] & 0x7f)
	switch size {
	case 126:
		size = int(binary.BigEndian.Uint16(read(2)))
	case 127:
		size = int(min(binary.BigEndian.Uint64(read(8)), 16<<20)) // a hub sends no more than 6 MB
	}
	var mask []byte
	if start[1]&0x80 != 0 {
		mask = read(4)
	}
	payload = append([]byte(nil), read(size)...)
	for i := range mask {
		for k := i; k < len(payload); k += 4 {
			payload[k] ^= mask[i]
		}
	}
	return frame, payload, start[0]&0x80 != 0, err
}

// textFrame is a whole message of a server.
func textFrame(text []byte) []byte {
	if len(text) < 126 {
		return append([]byte{0x81, byte(len(text))}, text...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(text))), text...)
}

// swallow returns the answer to a unit that is lost, nil for what is passed on.
func (h *lossyHub) swallow(data []byte) []byte {
	var head []json.RawMessage
	var request struct {
		Command, Tag string
		Params       struct {
			Unit struct{ Unit byteball.Hash }
		}
	}
	if json.Unmarshal(data, &head) != nil || len(head) != 2 || json.Unmarshal(head[1], &request) != nil || request.Command != "post_joint" {
		return nil
	}
	if h.lose.Add(-1) < 0 {
		h.lose.Store(0)
		return nil
	}
	answer, err := json.Marshal([]any{"response", map[string]string{"tag": request.Tag, "command": request.Command, "response": "accepted"}})
	if err != nil {
		return nil
	}
	h.lost <- request.Params.Unit.Unit
	return answer
}
