package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/protocol/node"
)

// What goes over the wire of benchFlow: to the seller the number of a channel, a length and a voucher; back the number of
// the channel once the voucher is on his disk. Numbers are 4 bytes, big endian.

// maxBenchFrame bounds a voucher on the wire.
const maxBenchFrame = 64 << 10

// flow is the buyer's process with the seller's as its child.
type flow struct {
	store  *node.Store
	keeper *keeper.Keeper
	ids    []keeper.ID
	child  *exec.Cmd
	stop   io.Closer // tells the child to end
	conn   net.Conn
	acks   []chan struct{} // of each channel, capacity 1: one voucher is on its way
	read   errgroup.Group

	mu  sync.Mutex
	out *bufio.Writer
}

func newFlow(dir string, n int) (f *flow, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f = &flow{acks: make([]chan struct{}, n)}
	if f.store, err = node.OpenStore(filepath.Join(dir, "buyer")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.keeper, f.ids, err = benchKeeper(f.store, keeper.Buyer, n); err != nil {
		return f, err
	}
	for i := range f.acks {
		f.acks[i] = make(chan struct{}, 1)
	}
	address, err := f.start(filepath.Join(dir, "seller"), n)
	if err != nil {
		return f, err
	}
	if f.conn, err = net.Dial("tcp", address); err != nil {
		return f, err
	}
	f.out = bufio.NewWriter(f.conn)
	f.read.Go(f.listen)
	return f, nil
}

// start runs the seller, who says where he listens.
func (f *flow) start(dir string, n int) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	child := exec.Command(self, "bench", "payee", dir, strconv.Itoa(n))
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return "", err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := child.Start(); err != nil {
		return "", err
	}
	f.child, f.stop = child, in
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), err
}

// listen takes what the seller acknowledges.
func (f *flow) listen() error {
	in := bufio.NewReader(f.conn)
	for {
		var n uint32
		if err := binary.Read(in, binary.BigEndian, &n); err != nil {
			for _, c := range f.acks {
				close(c)
			}
			return nil // the end, or the payments will tell
		}
		if int(n) >= len(f.acks) {
			return errBench
		}
		f.acks[n] <- struct{}{}
	}
}

// run pays each times in every channel, all channels side by side, one voucher of each at a time.
func (f *flow) run(each int) error {
	pay, err := benchPay(1000)
	if err != nil {
		return err
	}
	var g errgroup.Group
	for i := range f.ids {
		g.Go(func() error {
			for range each {
				if err := f.pay(i, pay); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// pay signs a voucher, which is on disk then, sends it and waits until the seller has it on his.
func (f *flow) pay(i int, pay channel.Pay) error {
	effects, err := f.keeper.Apply(f.ids[i], pay, time.Now())
	if err != nil {
		return err
	}
	data, err := sentVoucher(effects).Encode()
	if err != nil {
		return err
	}
	if err := f.send(i, data); err != nil {
		return err
	}
	if _, ok := <-f.acks[i]; !ok {
		return fmt.Errorf("the seller's process is gone: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

func (f *flow) send(i int, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(i)), uint32(len(data)))
	f.out.Write(head)
	f.out.Write(data)
	return f.out.Flush()
}

func (f *flow) close() error {
	var errs []error
	if f.conn != nil {
		errs = append(errs, f.conn.Close())
		errs = append(errs, f.read.Wait())
	}
	if f.child != nil {
		errs = append(errs, f.stop.Close(), f.child.Wait())
	}
	return errors.Join(append(errs, f.store.Close())...)
}

// benchPayeeCommand is the other process: the seller of n channels with a store of its own, until stdin ends.
func benchPayeeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "payee DIR N", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 1 || n > benchOpen {
				return usagef("number of channels %q", args[1])
			}
			store, err := node.OpenStore(args[0])
			if err != nil {
				return err
			}
			defer store.Close()
			k, ids, err := benchKeeper(store, keeper.Seller, n)
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer l.Close()
			fmt.Fprintln(cmd.OutOrStdout(), l.Addr())
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			defer conn.Close()
			return (&till{keeper: k, ids: ids, out: bufio.NewWriter(conn)}).serve(bufio.NewReader(conn))
		},
	}
}

// till is where the seller takes vouchers.
type till struct {
	keeper *keeper.Keeper
	ids    []keeper.ID
	mu     sync.Mutex
	out    *bufio.Writer
}

// serve takes vouchers until the buyer is gone. Each has a goroutine, so that their writes share syncs.
func (t *till) serve(in *bufio.Reader) error {
	var g errgroup.Group
	for {
		var head [2]uint32
		if err := binary.Read(in, binary.BigEndian, &head); err != nil {
			return g.Wait()
		}
		if int(head[0]) >= len(t.ids) || head[1] > maxBenchFrame {
			return errBench
		}
		data := make([]byte, head[1])
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		g.Go(func() error { return t.take(head[0], data) })
	}
}

// take checks a voucher, has it on disk, and says so.
func (t *till) take(i uint32, data []byte) error {
	v, err := channel.ParseVoucher(data)
	if err != nil {
		return err
	}
	if _, err := t.keeper.Apply(t.ids[i], channel.Accept{Voucher: v, Base: benchBase, Tip: benchBase.MCI}, time.Now()); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.Write(binary.BigEndian.AppendUint32(nil, i))
	return t.out.Flush()
}
