package main

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iotverse/iotverse/protocol/node"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"iotverse": main})
}

// TestScripts types the commands as a person would; the scripts stand in testdata. All of their sockets are on 127.0.0.1.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"await": await, "exits": exits, "freeports": freePorts, "holdport": holdPort, "holdstore": holdStore, "newerstore": newerStore,
		"retry": retry,
	}})
}

// impatience is how long a person has to wait for an error, at most.
const impatience = 10 * time.Second

// exits runs a command that has to end soon with an exit code: exits CODE COMMAND [ARG …].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG …]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	begin := time.Now()
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if d := time.Since(begin); d > impatience {
		ts.Fatalf("it took %v to say so, want less than %v", d, impatience)
	}
}

// await waits until a file is there, which a command in the background makes.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	for range 600 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not come", args[0])
}

// retry runs a command until it succeeds: retry COMMAND [ARG …].
func retry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: retry COMMAND [ARG …]")
	}
	for range 100 {
		if ts.Exec(args[0], args[1:]...) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s does not succeed", args[0])
}

// freePorts puts two addresses in a row, both free, into the environment: for a ledger and its faucet.
func freePorts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: freeports LEDGER FAUCET")
	}
	ledger, faucet, err := freePair()
	ts.Check(err)
	ts.Setenv(args[0], ledger)
	ts.Setenv(args[1], faucet)
}

// freePair finds two free ports in a row on 127.0.0.1.
func freePair() (ledger, faucet string, err error) {
	for range 100 {
		a, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		ledger, faucet := a.Addr().String(), beside("ws://"+a.Addr().String())
		b, err := net.Listen("tcp", faucet)
		a.Close()
		if err == nil {
			b.Close()
			return ledger, faucet, nil
		}
	}
	return "", "", errors.New("no two free ports in a row")
}

// holdPort keeps an address busy until the script ends, and names it and its port: VARIABLE, VARIABLE_PORT.
func holdPort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: holdport VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Setenv(args[0]+"_PORT", port)
}

// holdStore opens a node's store as a running node does, until the script ends.
func holdStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: holdstore DIR")
	}
	s, err := node.OpenStore(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { s.Close() })
}

// newerStore makes a store as a newer version of the program would.
func newerStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newerstore DIR")
	}
	s, err := node.OpenStore(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(s.Put([]byte("schema"), binary.BigEndian.AppendUint32(nil, 1<<20)))
	ts.Check(s.Close())
}
