package ledger

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
)

// Mail returns what lies in a device's box.
func (l *Ledger) Mail(address string) (hashes []byteball.Hash, err error) {
	err = l.mailTx(false, func(x *tx) error {
		x.each(key(tMail, []byte(address)), nil, func(_, value []byte) bool {
			hashes = append(hashes, hashOf(value[:32]))
			return true
		})
		return nil
	})
	return hashes, err
}

// MailLogin lets a device log in at some time.
func (l *Ledger) MailLogin(pubkey string, now time.Time) (fresh bool, err error) {
	return l.mailLogin(pubkey, now)
}

// PutMail stores a message.
func (l *Ledger) PutMail(s *device.Sealed, now time.Time) error {
	defer l.mail.lock(s.To)()
	_, err := l.putMail(s, now)
	return err
}

// FillMail pretends that the boxes hold as much as they may.
func (l *Ledger) FillMail() {
	l.mail.mu.Lock()
	defer l.mail.mu.Unlock()
	l.mail.counted, l.mail.number, l.mail.bytes = true, allDevices, allBytes
}
