package ledger_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
	"github.com/iotverse/iotverse/byteball/ledger/crowd"
)

// childDir names the directory in which this binary, run again, posts units until it is killed.
const childDir = "LEDGER_TEST_DIR"

// serverDir names the directory of a ledger that this binary, run again, serves until it is killed.
const serverDir = "LEDGER_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		postForEver(dir)
	}
	if dir := os.Getenv(serverDir); dir != "" {
		serveForEver(dir)
	}
	if url := os.Getenv(payerURL); url != "" {
		if err := payForEver(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// killPeople post at the same time, so that their units share writes to disk.
const killPeople = 24

// postForEver prints the hash of each unit after it was acknowledged.
func postForEver(dir string) {
	t := &testing.T{}
	var people []person
	for i := range killPeople {
		people = append(people, someone(t, byte(i+1)))
	}
	w := newWorld(t, dir, people...)
	w.SplitAbove(3000)
	say := make(chan byteball.Hash, 1) // one may come while another is printed
	for _, p := range people {
		go w.payForEver(p, say)
	}
	go func() {
		for {
			u, err := w.Witness(w.op, time.Now())
			if err != nil {
				fmt.Println("error:", err)
				os.Exit(1)
			}
			say <- u.Unit
		}
	}()
	for h := range say {
		fmt.Println(h)
	}
}

// payForEver posts chains of payments, each as soon as the one before is acknowledged.
func (w *world) payForEver(p person, say chan<- byteball.Hash) {
	for {
		a, err := w.Anchor([]byteball.Address{p.address}, time.Now())
		if err != nil {
			continue // there is no stable unit yet, or its own last unit is not among the parents
		}
		a.TPSFee += 10_000
		for range 20 {
			u := w.draftAt(p, a, to(p, 1000))
			if w.Post(u, time.Now()) != nil {
				break
			}
			say <- u.Unit
			a.Parents = []byteball.Hash{u.Unit}
		}
	}
}

// An acknowledged unit survives a kill at any time, and no unit is half written: those of others that wait for the same write
// are there as a whole or not at all.
func TestKilled(t *testing.T) {
	for _, after := range []int{1, 50, 400} {
		t.Run(strconv.Itoa(after), func(t *testing.T) { killedAfter(t, after) })
	}
}

func killedAfter(t *testing.T, after int) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var units []byteball.Hash
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if len(lines.Text()) != 44 {
			t.Fatalf("child said %q", lines.Text())
		}
		if units = append(units, byteball.Hash(lines.Text())); len(units) == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	child.Wait() // it was killed
	whole(t, dir, units)
}

// whole opens what a killed process left and checks it.
func whole(t *testing.T, dir string, units []byteball.Hash) {
	t.Helper()
	w := &world{t, open(t, ledger.Config{Dir: dir, Network: byteball.Dev}), ledger.Operator{Signer: someone(t, 200).Key}, time.Now()}
	for i, u := range units {
		if _, err := w.Joint(u); err != nil {
			t.Errorf("acknowledged unit %d of %d: %v", i, len(units), err)
		}
	}
	sums, err := w.Audit()
	if err != nil {
		t.Error(err)
	}
	balanced(t, sums)
	before := w.TipMCI()
	w.witness(4) // it goes on
	if got := w.StableMCI(); got < before {
		t.Errorf("stable up to %d, the tip was at %d before", got, before)
	}
	t.Logf("%d units acknowledged, %d saved, %d stable", len(units), sums.Units, sums.Stable)
}

// serveForEver prints where it serves.
func serveForEver(dir string) {
	c, err := crowd.New(byteball.Dev, killPeople)
	if err != nil {
		panic(err)
	}
	op := ledger.Operator{Signer: someone(&testing.T{}, 200).Key}
	genesis, err := benchGenesis(c, op)
	if err != nil {
		panic(err)
	}
	l, err := ledger.Open(ledger.Config{Dir: dir, Network: byteball.Dev, Genesis: &genesis, Vars: calm})
	if err != nil {
		panic(err)
	}
	l.SplitAbove(3000) // so that it dies between parts of a settlement, too
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ws://" + listener.Addr().String())
	panic(l.Serve(context.Background(), ledger.ServerConfig{Listener: listener, Operator: op}))
}

// The same over websockets, with thousands of units in flight.
func TestKilledServing(t *testing.T) {
	for _, after := range []int64{1, 300, 1500} {
		t.Run(strconv.Itoa(int(after)), func(t *testing.T) { killedServing(t, after) })
	}
}

func killedServing(t *testing.T, after int64) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), serverDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	c, err := crowd.New(byteball.Dev, killPeople)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var units []byteball.Hash
	c.Acknowledged = func(h byteball.Hash) {
		mu.Lock()
		defer mu.Unlock()
		if units = append(units, h); int64(len(units)) == after {
			child.Process.Kill()
		}
	}
	genesis, err := benchGenesis(c, ledger.Operator{Signer: someone(t, 200).Key})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context(), lines.Text(), genesis.Unit, 6); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Prepare(t.Context(), 125); err != nil {
		t.Fatal(err)
	}
	if err := c.Post(t.Context()); err == nil {
		t.Error("3000 units were accepted before the kill")
	}
	child.Wait() // it was killed
	whole(t, dir, units)
}
