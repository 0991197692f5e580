package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
)

const (
	syncAddresses = 10
	syncEach      = 1000 // units of each address
)

// benchSync fetches and verifies 10,000 units of ten addresses from an embedded ledger over a socket, as a light client
// that knows nothing does; the floor hashes the units and verifies their signatures once. The ledger serves in the same
// process, so its time counts, too.
func benchSync(*bench) (measure, error) {
	var chain *syncChain // made when it is first needed
	ready := func() (err error) {
		if chain == nil {
			chain, err = newSyncChain()
		}
		return err
	}
	return measure{work: func() error {
		if err := ready(); err != nil {
			return err
		}
		return chain.sync()
	}, floor: func() error {
		if err := ready(); err != nil {
			return err
		}
		return chain.check()
	}}, nil
}

// syncChain is a served ledger. It lives until the program ends.
type syncChain struct {
	url   string
	op    byteball.Address
	at    []byteball.Address
	keys  map[byteball.Address]string // public
	units []*unit.Unit
}

// check hashes each unit and verifies its signature.
func (c *syncChain) check() error {
	for _, u := range c.units {
		if h, err := u.Hash(); err != nil || h != u.Unit {
			return errBench
		}
		a := u.Authors[0]
		if hash, err := u.HashToSign(); err != nil || !unit.VerifySig(hash, a.Authentifiers["r"], c.keys[a.Address]) {
			return errBench
		}
	}
	return nil
}

// sync is a light client's first start.
func (c *syncChain) sync() error {
	ctx := context.Background()
	client, err := hub.Dial(ctx, hub.Config{URLs: []string{c.url}, Network: byteball.Dev, OPs: []byteball.Address{c.op}})
	if err != nil {
		return err
	}
	defer client.Close()
	n := 0
	err = client.Sync(ctx, 0, c.at, func(_ uint64, units []unit.Proven) error {
		n += len(units)
		return nil
	})
	if err == nil && n < len(c.units) {
		err = fmt.Errorf("%d units of %d: %w", n, len(c.units), errBench)
	}
	return err
}

// newSyncChain fills a ledger in memory.
func newSyncChain() (*syncChain, error) {
	var keys [syncAddresses + 1]*unit.Key
	c := &syncChain{keys: map[byteball.Address]string{}}
	for i := range keys {
		var err error
		if keys[i], err = unit.NewKey([32]byte{0: 9, 31: byte(i)}); err != nil {
			return nil, err
		}
		a, err := addressOf(keys[i])
		if err != nil {
			return nil, err
		}
		c.at, c.keys[a] = append(c.at, a), keys[i].PublicKey()
	}
	op := ledger.Operator{Signer: keys[syncAddresses]}
	c.op, c.at = c.at[syncAddresses], c.at[:syncAddresses]
	var outputs []unit.Output
	for _, a := range c.at {
		outputs = append(outputs, unit.Output{Address: a, Amount: 1e9})
	}
	now := time.Now().Add(-3 * syncEach * time.Second)
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, outputs, now)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ledger.Config{Network: byteball.Dev, Genesis: &genesis})
	if err != nil {
		return nil, err
	}
	for i := range syncEach {
		cover := 1
		if i == 0 || i == syncEach-1 { // so that the definitions, and at last all of it, are below a last ball
			cover = 10
		}
		now = now.Add(time.Second)
		if err := c.round(l, keys[:syncAddresses], genesis.Unit, now); err != nil {
			return nil, err
		}
		for range cover {
			now = now.Add(time.Second)
			if _, err := l.Witness(op, now); err != nil {
				return nil, err
			}
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.url = "ws://" + listener.Addr().String()
	go l.Serve(context.Background(), ledger.ServerConfig{Listener: listener})
	return c, nil
}

// round lets each address pay itself with what its last unit, or the genesis, left it.
func (c *syncChain) round(l *ledger.Ledger, keys []*unit.Key, genesis *unit.Unit, now time.Time) error {
	for i, key := range keys {
		last := genesis
		if n := len(c.units) - len(keys); n >= 0 {
			last = c.units[n]
		}
		coin, err := coinOf(last, c.at[i])
		if err != nil {
			return err
		}
		anchor, err := l.Anchor(c.at[i:i+1], now)
		if err != nil {
			return err
		}
		var def any
		if last == genesis {
			def = []any{"sig", map[string]any{"pubkey": key.PublicKey()}}
		}
		u, err := wallet.Compose(byteball.Dev, anchor, []wallet.Coin{coin}, nil, nil, c.at[i], def, c.at[i])
		if err == nil {
			err = u.SignWith(c.at[i], "r", key)
		}
		if err == nil {
			err = u.Seal()
		}
		if err == nil {
			err = l.Post(u, now)
		}
		if err != nil {
			return err
		}
		c.units = append(c.units, u)
	}
	return nil
}

// coinOf is the output of u to address.
func coinOf(u *unit.Unit, address byteball.Address) (wallet.Coin, error) {
	for m, msg := range u.Messages {
		p, ok := msg.Payload.(*unit.Payment)
		for o := 0; ok && o < len(p.Outputs); o++ {
			if p.Outputs[o].Address == address {
				return wallet.Coin{OutPoint: unit.OutPoint{Unit: u.Unit, MessageIndex: m, OutputIndex: o}, Amount: p.Outputs[o].Amount, Stable: true}, nil
			}
		}
	}
	return wallet.Coin{}, errBench
}
