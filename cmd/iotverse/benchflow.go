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
	out    *post
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
	f.out = newPost(f.conn)
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
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(i)), uint32(len(data)))
	f.out.send(append(head, data...))
	if _, ok := <-f.acks[i]; !ok {
		return fmt.Errorf("the seller's process is gone: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

func (f *flow) close() error {
	var errs []error
	if f.conn != nil {
		errs = append(errs, f.out.close(), f.conn.Close())
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
			t := &till{keeper: k, ids: ids, conn: conn, out: newPost(conn)}
			return errors.Join(t.serve(bufio.NewReader(conn)), t.out.close())
		},
	}
}

// till is where the seller takes vouchers.
type till struct {
	keeper *keeper.Keeper
	ids    []keeper.ID
	conn   io.Closer
	out    *post
}

// serve takes vouchers until the buyer is gone. Each channel has a goroutine, so that their writes share syncs.
func (t *till) serve(in *bufio.Reader) error {
	var g errgroup.Group
	lines := make([]chan []byte, len(t.ids))
	for i := range lines {
		lines[i] = make(chan []byte, 1)
		g.Go(func() (err error) {
			for data := range lines[i] {
				if err == nil {
					if err = t.take(i, data); err != nil {
						t.conn.Close() // the buyer waits for an answer
					}
				}
			}
			return err
		})
	}
	err := t.read(in, lines)
	for _, c := range lines {
		close(c)
	}
	return errors.Join(err, g.Wait())
}

// read hands each voucher to its channel.
func (t *till) read(in *bufio.Reader, lines []chan []byte) error {
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return nil // the buyer is done
		}
		i, size := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		if int(i) >= len(lines) || size > maxBenchFrame {
			return errBench
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		lines[i] <- data
	}
}

// take checks a voucher, has it on disk, and says so.
func (t *till) take(i int, data []byte) error {
	v, err := channel.ParseVoucher(data)
	if err != nil {
		return err
	}
	if _, err := t.keeper.Apply(t.ids[i], channel.Accept{Voucher: v, Base: benchBase, Tip: benchBase.MCI}, time.Now()); err != nil {
		return err
	}
	t.out.send(binary.BigEndian.AppendUint32(nil, uint32(i)))
	return nil
}

// post writes what many goroutines send, as much at once as there is.
type post struct {
	queue chan []byte // as many as may be in flight: nobody waits to be written
	g     errgroup.Group
}

func newPost(w io.Writer) *post {
	p := &post{queue: make(chan []byte, benchInFlight)}
	p.g.Go(func() error {
		out := bufio.NewWriterSize(w, maxBenchFrame)
		var failed error
		for data := range p.queue {
			_, err := out.Write(data)
			if len(p.queue) == 0 {
				err = errors.Join(err, out.Flush())
			}
			failed = errors.Join(failed, err)
		}
		return failed
	})
	return p
}

func (p *post) send(data []byte) { p.queue <- data }

func (p *post) close() error {
	close(p.queue)
	return p.g.Wait()
}
