package ledger_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/ledger"
)

// childDir names the directory in which this binary, run again, posts units until it is killed.
const childDir = "LEDGER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		postForEver(dir)
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

// postForEver prints the hash of each unit after it was acknowledged.
func postForEver(dir string) {
	t := &testing.T{}
	w := newWorld(t, dir)
	for {
		u, err := w.Witness(w.op, w.now)
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(u.Unit)
		w.now = w.now.Add(1e9)
	}
}

// An acknowledged unit survives a kill at any time.
func TestKilled(t *testing.T) {
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
		if units = append(units, byteball.Hash(lines.Text())); len(units) == 40 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	child.Wait() // it was killed
	l := open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
	for i, u := range units {
		j, err := l.Joint(u)
		if err != nil || i < len(units)-2 && j.Ball == "" {
			t.Errorf("unit %d of %d: ball %q (%v)", i, len(units), j.Ball, err)
		}
	}
	if got := l.TipMCI(); got < uint64(len(units)) {
		t.Errorf("tip %d, want at least %d", got, len(units))
	}
}
