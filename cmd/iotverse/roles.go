package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iotverse/iotverse/buyer"
	"github.com/iotverse/iotverse/buyer/sink"
	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/params"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/role"
	"github.com/iotverse/iotverse/seller"
	"github.com/iotverse/iotverse/seller/privacy"
	"github.com/iotverse/iotverse/seller/sensor"
	"github.com/iotverse/iotverse/validator"
)

// Each role keeps its rows of the store under its own prefix.
const (
	sellerPrefix    = "seller/"
	validatorPrefix = "validator/"
	buyerPrefix     = "buyer/"
)

// openBooks enters the opening balance when a role begins with an empty store.
func (r *rig) openBooks(ctx context.Context, prefix string) error {
	b, err := r.wallet.Balance(ctx, r.address())
	if err != nil {
		return err
	}
	l := books.Line{Time: time.Now().UnixMilli(), Kind: books.Opening, Ref: "opening", Amount: books.In(b.Stable)}
	key := append([]byte(prefix), l.Key()...)
	if _, err := r.store.Get(key); !errors.Is(err, protocol.NotFound) {
		return err
	}
	data, err := l.Encode()
	if err != nil {
		return err
	}
	return r.store.Put(key, data)
}

// products are what a driver delivers, at one price. A market with readings of its own pace sets the drivers' period.
func products(d sensor.Driver, price, floor byteball.Bytes) []seller.Product {
	var list []seller.Product
	for _, q := range d.Quantities() {
		list = append(list, seller.Product{Prop: q.Prop, Period: q.Period, Accuracy: q.Accuracy, Price: price, Floor: floor})
	}
	return list
}

// pace is the period of sensors that have none of their own.
func pace(p params.Params) time.Duration {
	if p.Readings > 0 {
		return p.Batch / time.Duration(p.Readings)
	}
	return 10 * time.Second
}

// runSeller sells what a driver measures until settle is closed and all deals are settled.
func runSeller(ctx context.Context, r *rig, d sensor.Driver, cell string, list []seller.Product, resolution time.Duration, h hooks, settle <-chan struct{}) error {
	if err := r.openBooks(ctx, sellerPrefix); err != nil {
		return err
	}
	saved, err := r.restore(ctx, sellerPrefix)
	if err != nil {
		return err
	}
	secret, err := r.secret("seller")
	if err != nil {
		return err
	}
	core, err := seller.New(seller.Config{Rules: r.rules, Vars: r.vars, Signer: r.keys, Binding: r.binding, Wallet: r.key,
		Secret: secret, Cell: cell, Products: list, From: r.from}, saved)
	if err != nil {
		return err
	}
	filter, err := privacy.New(resolution)
	if err != nil {
		return err
	}
	measure := func(ctx context.Context, n *node.Node) error {
		return sensor.Run(ctx, sensor.Warn(d, func(err error) { r.cfg.Log.Warn("sensor", "err", err) }), func(s sensor.Sample) error {
			s, ok := filter.Pass(s)
			if !ok {
				return nil
			}
			return n.Tell(ctx, seller.Sensed{Prop: s.Prop, Reading: s.Reading})
		})
	}
	return r.run(ctx, sellerPrefix, core, h, measure, stopOn(settle, patience(r.rules.Manifest.Params)))
}

// patience is how long settling may take: the windows under way, the close and its stability.
func patience(p params.Params) time.Duration { return 6*p.Window() + time.Minute }

// runValidator judges until settle is closed and the rounds under way are over.
func runValidator(ctx context.Context, r *rig, h hooks, settle <-chan struct{}) error {
	if err := r.openBooks(ctx, validatorPrefix); err != nil {
		return err
	}
	saved, err := r.restore(ctx, validatorPrefix)
	if err != nil {
		return err
	}
	secret, err := r.secret("validator")
	if err != nil {
		return err
	}
	bond, err := r.bondKey()
	if err != nil {
		return err
	}
	core, err := validator.New(validator.Config{Rules: r.rules, Vars: r.vars, Signer: r.keys, Binding: r.binding, BondKey: bond,
		Secret: secret, Device: softwareKey, From: r.from}, saved)
	if err != nil {
		return err
	}
	return r.run(ctx, validatorPrefix, core, h, stopOn(settle, patience(r.rules.Manifest.Params)))
}

// softwareKey is A of MECHANISM 4 for a key in a file, ‰.
const softwareKey = 950

// runBuyer buys what is wanted into out until settle is closed and all deals are settled.
func runBuyer(ctx context.Context, r *rig, wants []buyer.Want, limits buyer.Limits, out *sink.Sink, h hooks, settle <-chan struct{}) error {
	if err := r.openBooks(ctx, buyerPrefix); err != nil {
		return err
	}
	saved, err := r.restore(ctx, buyerPrefix)
	if err != nil {
		return err
	}
	secret, err := r.secret("buyer")
	if err != nil {
		return err
	}
	core, err := buyer.New(buyer.Config{Rules: r.rules, Vars: r.vars, Signer: r.keys, Keys: r.channelKey, Change: r.address(),
		Secret: secret, Wants: wants, Limits: limits, From: r.from}, saved)
	if err != nil {
		return err
	}
	seen := h.deliver
	h.deliver = func(d role.Deliver) error {
		if seen != nil {
			if err := seen(d); err != nil {
				return err
			}
		}
		return store(out, d)
	}
	list := newLister(core)
	return r.run(ctx, buyerPrefix, list, h, list.keep(cataloguePath(r.cfg.Dir), r.cfg.Log), stopOn(settle, patience(r.rules.Manifest.Params)))
}

// store writes bought readings. They are paid for, so a failure ends the node before it buys more.
func store(out *sink.Sink, d role.Deliver) error {
	b := sink.Batch{Deal: d.Deal, Window: d.Window, Index: d.Index, Seller: d.Seller, Prop: d.Prop, Cell: d.Cell,
		Integrity: int(d.Integrity), Relevance: int(d.Relevance), Price: d.Price, Readings: d.Readings}
	if d.Integrity == 0 {
		b.Integrity = -1 // bought before a restart; the stamp is not in memory
	}
	if err := out.Write(b); err != nil {
		return fmt.Errorf("bought data cannot be stored: %w", err)
	}
	return nil
}
