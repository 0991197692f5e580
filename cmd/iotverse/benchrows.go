package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/protocol/node"
)

// figures are the rows of bench, in the order in which they are shown.
var figures = []figure{
	{"unit hash", benchHash},
	{"unit check", benchCheck},
	{"light sync of 10,000 units", benchSync},
	{"voucher on disk", benchVoucher},
	{fmt.Sprintf("voucher, %d in flight", benchInFlight), benchFlow(benchInFlight, benchEachFlow)},
	{"voucher, 1 in flight", benchFlow(1, benchAlone)},
	{"start, 10,000 channels", benchStart},
	{"open channel", benchMemory},
	{"ledger payment", benchLedger},
	{"scoring", benchScore},
	{"detecting", benchDetect},
	{"event scores", benchEvents},
	{"gossip message", benchGossip},
}

// bench is what the figures share: a folder of its own on the disk that is measured, with a store in it.
type bench struct {
	dir      string
	store    *node.Store
	channels func() (channel.FindKey, error) // saves benchOpen channels in store, once
}

// openBench makes the folder below dir.
func openBench(dir string) (*bench, error) {
	dir, err := os.MkdirTemp(dir, "iotverse-bench-")
	if err != nil {
		return nil, err
	}
	store, err := node.OpenStore(filepath.Join(dir, "store"))
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &bench{dir: dir, store: store, channels: sync.OnceValues(func() (channel.FindKey, error) { return benchRows(store) })}, nil
}

// close removes all that was written.
func (b *bench) close() {
	b.store.Close()
	os.RemoveAll(b.dir)
}
