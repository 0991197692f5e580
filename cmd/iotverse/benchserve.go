package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/dgraph-io/badger/v4"
	gopsutil "github.com/shirou/gopsutil/v4/process"
	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/ledger/crowd"
	"github.com/iotverse/iotverse/byteball/unit"
)

const (
	benchPayers  = 200 // people of the crowd
	benchSockets = 16
	benchEach    = 5  // payments of each in a batch of 1000
	benchBatches = 3  // that are measured
	benchGroup   = 64 // units that the floor writes with one sync
)

// benchLedger measures an embedded ledger on disk that a crowd pays over websockets from a process of its own. It counts the
// processor time of this process, so that the crowd's does not matter; the floor verifies as many signatures and writes the
// same bytes.
func benchLedger(b *bench) (measure, error) {
	return measure{row: func() (benchRow, error) {
		used, frames, err := servedPayments(b.dir)
		if err != nil {
			return benchRow{}, err
		}
		floor, err := barePayments(filepath.Join(b.dir, "bare"), frames)
		n := float64(benchPayers * benchEach * benchBatches)
		return benchRow{Value: n / used.Seconds(), Unit: "payments/s", Floor: n / floor.Seconds(),
			Ratio: used.Seconds() / floor.Seconds()}, err
	}}, nil
}

// processorTime is what this process has used up to now.
func processorTime() (time.Duration, error) {
	p, err := gopsutil.NewProcess(int32(os.Getpid()))
	if err != nil {
		return 0, err
	}
	t, err := p.Times()
	if err != nil {
		return 0, err
	}
	return time.Duration((t.User + t.System) * float64(time.Second)), nil
}

// servedPayments returns the processor time for all batches and the size of one payment.
func servedPayments(dir string) (used time.Duration, size int, err error) {
	key, err := unit.NewKey([32]byte{0: 2, 31: 200})
	if err != nil {
		return 0, 0, err
	}
	c, err := crowd.New(byteball.Dev, benchPayers)
	if err != nil {
		return 0, 0, err
	}
	op := ledger.Operator{Signer: key}
	genesis, err := ledger.MakeGenesis(byteball.Dev, op, c.Outputs(), time.Now().Add(-time.Minute))
	if err != nil {
		return 0, 0, err
	}
	vars := unit.DefaultVars(byteball.Dev)
	vars.TPSInterval = 1000
	l, err := ledger.Open(ledger.Config{Dir: filepath.Join(dir, "ledger"), Network: byteball.Dev, Genesis: &genesis, Vars: vars})
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1) // the result waits until the end
	go func() {
		served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op, Heartbeat: 200 * time.Millisecond})
	}()
	used, err = crowdPays("ws://"+listener.Addr().String(), genesis)
	cancel()
	if err := errors.Join(err, <-served); err != nil {
		return 0, 0, err
	}
	u, _, err := benchPayment(1)
	if err != nil {
		return 0, 0, err
	}
	data, err := json.Marshal(u)
	return used, len(data), err
}

// crowdPays runs the crowd and returns the processor time that this process uses for all batches but an extra first one, which
// shows the definitions. What it does while the crowd prepares a batch counts too.
func crowdPays(url string, genesis unit.Joint) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	child := exec.Command(self, "bench", "crowd", url)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	var first, last time.Duration
	err = json.NewEncoder(in).Encode(genesis)
	said := bufio.NewScanner(out)
	for i := 0; i <= benchBatches && err == nil; i++ {
		if !said.Scan() { // a batch is ready
			err = io.ErrUnexpectedEOF
			break
		}
		fmt.Fprintln(in)
		said.Scan() // all of it is acknowledged
		if last, err = processorTime(); i == 0 {
			first = last
		}
	}
	in.Close()
	return last - first, errors.Join(err, child.Wait())
}

// benchCrowdCommand is the other process: it gets the genesis unit and then a line for each batch.
func benchCrowdCommand() *cobra.Command {
	return &cobra.Command{
		Use: "crowd URL", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := bufio.NewReader(cmd.InOrStdin())
			line, err := in.ReadBytes('\n')
			if err != nil {
				return err
			}
			var genesis unit.Joint
			if err := json.Unmarshal(line, &genesis); err != nil {
				return err
			}
			c, err := crowd.New(byteball.Dev, benchPayers)
			if err != nil {
				return err
			}
			if err := c.Connect(cmd.Context(), args[0], genesis.Unit, benchSockets); err != nil {
				return err
			}
			defer c.Close()
			for range benchBatches + 1 {
				if err := c.Prepare(cmd.Context(), benchEach); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "ready")
				if _, err := in.ReadBytes('\n'); err != nil {
					return err
				}
				if err := c.Post(cmd.Context()); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "done")
			}
			return nil
		},
	}
}

// barePayments verifies a signature and writes so many bytes for each payment.
func barePayments(dir string, size int) (time.Duration, error) {
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil).WithSyncWrites(true).WithMemTableSize(64 << 20).WithValueLogFileSize(64 << 20))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var keys [benchGroup]*btcec.PublicKey
	var sigs [benchGroup]*ecdsa.Signature
	hash := [32]byte{1}
	for i := range keys {
		key, _ := btcec.PrivKeyFromBytes([]byte{1, byte(i)})
		keys[i], sigs[i] = key.PubKey(), ecdsa.Sign(key, hash[:])
	}
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	t := db.NewTransaction(true)
	for n := range benchPayers * benchEach * benchBatches {
		if k := n % benchGroup; !sigs[k].Verify(hash[:], keys[k]) {
			return 0, errBench
		}
		if err := t.Set(fmt.Appendf(nil, "%032d", n), make([]byte, size)); err != nil {
			return 0, err
		}
		if n%benchGroup == benchGroup-1 {
			if err := t.Commit(); err != nil {
				return 0, err
			}
			t = db.NewTransaction(true)
		}
	}
	if err := t.Commit(); err != nil {
		return 0, err
	}
	after, err := processorTime()
	return after - before, err
}
