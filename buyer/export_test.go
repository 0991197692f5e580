package buyer

import (
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/protocol"
)

// Desk is the limits of a buyer with the deals that count, for tests of the limits alone.
type Desk struct {
	Limits   Limits
	exposure exposure
}

// Open is a deal on a Desk.
type Open struct {
	Seller protocol.Identity
	Amount byteball.Bytes
	Agreed bool
}

// Room is how large a new deposit may be.
func (d *Desk) Room(seller protocol.Identity, open []Open, now time.Time) (byteball.Bytes, string) {
	var list []locked
	for _, o := range open {
		list = append(list, locked{o.Seller, o.Amount, o.Agreed})
	}
	return d.Limits.room(seller, list, d.exposure, now)
}

func (d *Desk) Agree(id protocol.Hash, amount byteball.Bytes, now time.Time) {
	d.exposure = d.exposure.with(id, amount, now)
}

func (d *Desk) Release(id protocol.Hash) { d.exposure = d.exposure.without(id) }

// Restart keeps what is on disk.
func (d *Desk) Restart() error {
	data, err := protocol.Encode(d.exposure)
	if err != nil {
		return err
	}
	d.exposure, err = restoreExposure(map[string][]byte{exposureKey: data})
	return err
}
