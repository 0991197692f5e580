package ledger

import (
	"github.com/iotverse/iotverse/byteball"
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
