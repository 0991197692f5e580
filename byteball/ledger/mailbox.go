package ledger

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
)

// The boxes of devices that exchange encrypted messages (network.js:2643, 3408). They share the database with the chain and
// nothing else. A message is on disk before its sender hears "accepted" and stays until the receiver deletes it. What a
// stranger can fill is bounded: one box, all boxes, the number of devices.
const (
	boxMessages = 1000           // of one device
	boxBytes    = 32 << 20       // of them
	allBytes    = 1 << 30        // of all boxes; an int of 32 bits holds it
	allDevices  = 100_000        //
	forgotten   = 90 * 24 * 3600 // seconds after which a device that does not come back makes room for another
	sweepPause  = 60             // seconds between two searches for such
	atOnce      = 100            // messages sent to a device before it asks for more (network.js:2655)
	atOnceBytes = 2 << 20
	mailPart    = 512 << 10 // larger values would lie where the database frees nothing
)

// Tables of the boxes; see store.go.
const (
	tDevice   = 'e' // device                → mailDevice
	tMail     = 'E' // device, sequence      → hash, length of the message's JSON
	tMailPart = 'G' // device, sequence, number → a part of the JSON
	tMailSeq  = 'g' // device, hash          → sequence
)

// mailDevice is what is known of a device that has logged in once.
type mailDevice struct {
	_      struct{} `cbor:",toarray"`
	Pubkey string
	Temp   device.TempKey
	Next   uint64 // sequence of the next message
	Count  uint64 // messages that lie here
	Bytes  uint64 // of them
	Seen   int64  // Unix seconds of the last login
}

// mailbox guards the boxes. Work on one device is done under its own lock, so that the writes to disk of many share one sync.
type mailbox struct {
	devices [64]sync.Mutex // by hash of the address

	mu      sync.Mutex
	counted bool  // number and bytes are right
	number  int   // of devices
	bytes   int   // of messages
	swept   int64 // Unix seconds of the last search for devices that may go
}

func (m *mailbox) lock(address string) (unlock func()) {
	h := fnv.New32a()
	h.Write([]byte(address))
	mu := &m.devices[h.Sum32()%uint32(len(m.devices))]
	mu.Lock()
	return mu.Unlock
}

// mailTx runs f in a transaction of its own, and commits it if it writes and f returns nil. It does not lock the ledger.
func (l *Ledger) mailTx(write bool, f func(x *tx) error) error {
	x := &tx{t: l.db.NewTransaction(write)}
	defer x.t.Discard()
	err := f(x)
	if x.err != nil {
		return byteball.Errorf(byteball.Transient, "ledger store: %v", x.err)
	}
	if err == nil && write {
		if err = x.t.Commit(); err != nil {
			l.mail.mu.Lock()
			l.mail.counted = false
			l.mail.mu.Unlock()
			err = byteball.Errorf(byteball.Transient, "ledger store: %v", err)
		}
	}
	return err
}

// mailAccount adds to the totals of all boxes, if they stay within their bounds.
func (l *Ledger) mailAccount(devices, bytes int, now int64) error {
	m := &l.mail
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := l.mailCount(); err != nil {
		return err
	}
	full := func() bool { return m.number+devices > allDevices || m.bytes+bytes > allBytes }
	if (devices > 0 || bytes > 0) && full() && now-m.swept >= sweepPause {
		m.swept = now
		if err := l.mailSweep(now); err != nil {
			return err
		}
	}
	if (devices > 0 || bytes > 0) && full() {
		return refuse("this hub is full")
	}
	m.number += devices
	m.bytes = max(0, m.bytes+bytes)
	return nil
}

// mailCount finds the totals when they are needed for the first time; l.mail.mu is held.
func (l *Ledger) mailCount() error {
	m := &l.mail
	if m.counted {
		return nil
	}
	m.number, m.bytes = 0, 0
	err := l.mailTx(false, func(x *tx) error {
		x.each(key(tDevice), nil, func(_, value []byte) bool {
			var d mailDevice
			x.note(unmarshal(value, &d))
			m.number++
			m.bytes += int(d.Bytes)
			return true
		})
		return nil
	})
	m.counted = err == nil
	return err
}

// mailSweep forgets devices that have not come back for long, and what lies for them; l.mail.mu is held. A device that logs in
// in the same moment is taken for one that did not: its owner has been away for months, and logs in again.
func (l *Ledger) mailSweep(now int64) error {
	var gone []string
	err := l.mailTx(false, func(x *tx) error {
		x.each(key(tDevice), nil, func(address, value []byte) bool {
			var d mailDevice
			x.note(unmarshal(value, &d))
			if now-d.Seen > forgotten {
				gone = append(gone, string(address))
			}
			return len(gone) < 1000
		})
		return nil
	})
	for _, address := range gone {
		if err == nil {
			err = l.mailForget(address)
		}
	}
	l.mail.counted = false
	if err != nil {
		return err
	}
	return l.mailCount()
}

// mailForget removes a device and its box.
func (l *Ledger) mailForget(address string) error {
	return l.mailTx(true, func(x *tx) error {
		var keys [][]byte
		for _, table := range []byte{tMail, tMailPart, tMailSeq} {
			prefix := key(table, []byte(address))
			x.each(prefix, nil, func(rest, _ []byte) bool {
				keys = append(keys, append(append([]byte{}, prefix...), rest...))
				return true
			})
		}
		for _, k := range keys {
			x.del(k)
		}
		x.del(key(tDevice, []byte(address)))
		return nil
	})
}

// mailLogin notes a login; fresh says that the device was not known before.
func (l *Ledger) mailLogin(pubkey string, now time.Time) (fresh bool, err error) {
	address := device.Address(pubkey)
	defer l.mail.lock(address)()
	err = l.mailTx(true, func(x *tx) error {
		var d mailDevice
		if fresh = !x.load(key(tDevice, []byte(address)), &d); fresh && x.err == nil {
			if err := l.mailAccount(1, 0, now.Unix()); err != nil {
				return err
			}
		}
		d.Pubkey, d.Seen = pubkey, now.Unix()
		x.save(key(tDevice, []byte(address)), d)
		return nil
	})
	return fresh, err
}

// mailTempKey notes a device's temporary key.
func (l *Ledger) mailTempKey(k device.TempKey) error {
	address := device.Address(k.Pubkey)
	defer l.mail.lock(address)()
	return l.mailTx(true, func(x *tx) error {
		var d mailDevice
		if !x.load(key(tDevice, []byte(address)), &d) {
			return refuse("please log in first")
		}
		d.Temp = k
		x.save(key(tDevice, []byte(address)), d)
		return nil
	})
}

// mailDevice returns what is known of a device.
func (l *Ledger) mailDevice(address string) (d mailDevice, known bool, err error) {
	err = l.mailTx(false, func(x *tx) error {
		known = x.load(key(tDevice, []byte(address)), &d)
		return nil
	})
	return d, known, err
}

// putMail stores a message and returns its JSON; one that lies there already is stored once. The box is
// locked by the caller.
func (l *Ledger) putMail(s *device.Sealed, now time.Time) (json.RawMessage, error) {
	text, err := s.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if len(text) > device.MaxLength {
		return nil, refuse("device message is too long")
	}
	box := []byte(s.To)
	return text, l.mailTx(true, func(x *tx) error {
		var d mailDevice
		if !x.load(key(tDevice, box), &d) {
			return refuse("address %s not registered here", s.To)
		}
		if s.Receiver != d.Pubkey && s.Receiver != d.Temp.TempPubkey {
			return refuse("wrong recipient ephemeral pubkey")
		}
		if x.has(key(tMailSeq, box, raw(s.Hash))) || x.err != nil {
			return nil
		}
		if d.Count >= boxMessages || d.Bytes+uint64(len(text)) > boxBytes {
			return byteball.Errorf(byteball.Transient, "the box of %s is full", s.To)
		}
		if err := l.mailAccount(0, len(text), now.Unix()); err != nil {
			return err
		}
		x.set(key(tMail, box, num(d.Next)), append(raw(s.Hash), num(uint64(len(text)))...))
		i := byte(0)
		for part := range slices.Chunk(text, mailPart) {
			x.set(key(tMailPart, box, num(d.Next), []byte{i}), part)
			i++
		}
		x.set(key(tMailSeq, box, raw(s.Hash)), num(d.Next))
		d.Next++
		d.Count++
		d.Bytes += uint64(len(text))
		x.save(key(tDevice, box), d)
		return nil
	})
}

// deleteMail removes a message that its receiver has got, if it is there.
func (l *Ledger) deleteMail(address string, hash byteball.Hash) error {
	box := []byte(address)
	defer l.mail.lock(address)()
	freed := 0
	err := l.mailTx(true, func(x *tx) error {
		var d mailDevice
		seq := x.get(key(tMailSeq, box, raw(hash)))
		if seq == nil || !x.load(key(tDevice, box), &d) {
			return nil
		}
		freed = mailLength(x.get(key(tMail, box, seq)))
		for i := range (freed + mailPart - 1) / mailPart {
			x.del(key(tMailPart, box, seq, []byte{byte(i)}))
		}
		x.del(key(tMail, box, seq))
		x.del(key(tMailSeq, box, raw(hash)))
		d.Count--
		d.Bytes -= uint64(freed)
		x.save(key(tDevice, box), d)
		return nil
	})
	if err == nil && freed > 0 {
		err = l.mailAccount(0, -freed, 0)
	}
	return err
}

// letter is a stored message.
type letter struct {
	Hash    byteball.Hash   `json:"message_hash"`
	Message json.RawMessage `json:"message"`
}

// readMail returns the oldest messages of a box: at most count of at most longest bytes each (longer ones are left out), and
// not many more bytes than a client takes at once. more says that there may be others. The box is locked by the caller.
func (l *Ledger) readMail(address string, count, longest int) (list []letter, more bool, err error) {
	size := 0
	err = l.mailTx(false, func(x *tx) error {
		x.each(key(tMail, []byte(address)), nil, func(seq, value []byte) bool {
			n := mailLength(value)
			if more = len(list) == count || len(list) > 0 && size+n > atOnceBytes; more {
				return false
			}
			if n > longest {
				return true
			}
			text := make(json.RawMessage, 0, n)
			for i := range (n + mailPart - 1) / mailPart {
				text = append(text, x.get(key(tMailPart, []byte(address), seq, []byte{byte(i)}))...)
			}
			list = append(list, letter{hashOf(value[:32]), text})
			size += n
			return true
		})
		return nil
	})
	return list, more, err
}

// mailLength is that of a message's JSON, by its entry in tMail.
func mailLength(entry []byte) int {
	if len(entry) != 40 {
		return 0
	}
	return int(number(entry[32:]))
}
