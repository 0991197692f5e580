package ledger_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/dgraph-io/badger/v4"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/ledger/crowd"
	"github.com/iotverse/iotverse/byteball/unit"
)

var longest = flag.Int("units", 10_000, "units that BenchmarkServed posts; 100000 shows that the cost does not grow")

// payerURL and payerUnits make this binary, run again, the crowd of BenchmarkServed.
const (
	payerURL   = "LEDGER_TEST_URL"
	payerUnits = "LEDGER_TEST_UNITS"
)

const (
	benchPeople = 200
	benchLines  = 16
	benchEach   = 5 // payments of each in a batch of 1000
)

func benchGenesis(c *crowd.Crowd, op ledger.Operator) (unit.Joint, error) {
	return ledger.MakeGenesis(byteball.Dev, op, c.Outputs(), start)
}

// payForEver posts batches and prints after each how many units are acknowledged. It begins when it reads a line, one for
// each batch.
func payForEver(url string) error {
	c, err := crowd.New(byteball.Dev, benchPeople)
	if err != nil {
		return err
	}
	key, err := unit.NewKey([32]byte{0: 1, 31: 200})
	if err != nil {
		return err
	}
	genesis, err := benchGenesis(c, ledger.Operator{Signer: key})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := c.Connect(ctx, url, genesis.Unit, benchLines); err != nil {
		return err
	}
	defer c.Close()
	units, err := strconv.Atoi(os.Getenv(payerUnits))
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for n := 0; n < units; n += benchPeople * benchEach {
		if err := c.Prepare(ctx, benchEach); err != nil {
			return err
		}
		fmt.Println("ready")
		if !in.Scan() {
			return errors.New("nobody wants more")
		}
		begin := time.Now()
		if err := c.Post(ctx); err != nil {
			return err
		}
		fmt.Println(time.Since(begin).Nanoseconds())
	}
	return nil
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkServed measures what a payment costs the process of a ledger on disk: read from a websocket, validated, saved,
// synced, acknowledged, and made stable by the order provider, with the fee rule in force. All that the process does counts,
// also while the crowd, which runs in a process of its own, prepares the next batch. It prints a line for each tenth of the way; the figures of the benchmark are those of the last tenth.
func BenchmarkServed(b *testing.B) {
	c, err := crowd.New(byteball.Dev, benchPeople)
	if err != nil {
		b.Fatal(err)
	}
	op := ledger.Operator{Signer: someone(b, 200).Key}
	genesis, err := benchGenesis(c, op)
	if err != nil {
		b.Fatal(err)
	}
	l := open(b, ledger.Config{Dir: b.TempDir(), Network: byteball.Dev, Genesis: &genesis, Vars: calm})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1) // the result waits until the end
	go func() { served <- l.Serve(ctx, ledger.ServerConfig{Listener: listener, Operator: op}) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			b.Error(err)
		}
	}()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), payerURL+"=ws://"+listener.Addr().String(), payerUnits+"="+strconv.Itoa(*longest))
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	const batch = benchPeople * benchEach
	var wall time.Duration
	counted, done, before := 0, 0, cpu(b)
	lines := bufio.NewScanner(out)
	for b.Loop() { // once with -benchtime 1x: the child says when it is over
		for lines.Scan() {
			if lines.Text() == "ready" {
				fmt.Fprintln(in)
				continue
			}
			ns, err := strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64)
			if err != nil {
				b.Fatalf("child said %q", lines.Text())
			}
			wall += time.Duration(ns)
			counted, done = counted+batch, done+batch
			if counted >= *longest/10 {
				used := cpu(b) - before
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.Logf("%6d units: %4d µs of processor a unit, %5.0f units a second of it, %5.0f a second on the clock; heap %d MB",
					done, used.Microseconds()/int64(counted), float64(counted)/used.Seconds(), float64(counted)/wall.Seconds(), m.HeapAlloc>>20)
				b.ReportMetric(float64(counted)/used.Seconds(), "units/cpu-s")
				b.ReportMetric(float64(counted)/wall.Seconds(), "units/s")
				before, wall, counted = cpu(b), 0, 0
			}
		}
	}
	in.Close()
	if err := child.Wait(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkServedFloor is the floor of BenchmarkServed: verify a signature and write the same bytes, as many with one sync as
// there are in a group.
func BenchmarkServedFloor(b *testing.B) {
	db, err := badger.Open(badger.DefaultOptions(b.TempDir()).WithLogger(nil).WithSyncWrites(true).WithMemTableSize(64 << 20).WithValueLogFileSize(64 << 20))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const group = 64
	joint := make([]byte, 1200)
	keys := make([]*btcec.PrivateKey, group)
	sigs := make([]*ecdsa.Signature, group)
	hash := [32]byte{1}
	for i := range keys {
		keys[i], _ = btcec.PrivKeyFromBytes([]byte{1, byte(i)})
		sigs[i] = ecdsa.Sign(keys[i], hash[:])
	}
	before, n := cpu(b), 0
	for b.Loop() {
		t := db.NewTransaction(true)
		for i := range keys {
			if !sigs[i].Verify(hash[:], keys[i].PubKey()) {
				b.Fatal("bad signature")
			}
			if err := t.Set(fmt.Appendf(nil, "%032d", n), joint); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := t.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/(cpu(b)-before).Seconds(), "units/cpu-s")
}
