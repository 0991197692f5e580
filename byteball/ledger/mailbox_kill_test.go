package ledger_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/device"
	"github.com/iotverse/iotverse/byteball/ledger"
)

// What was accepted is there after a restart, with the keys of the devices.
func TestMailboxRestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	w.now = time.Now()
	url := serve(t, w, time.Second)
	alice, bob := connectPhone(t, url, 1), connectPhone(t, url, 2)
	alice.login()
	bob.login()
	bob.ws.Close()
	alice.ask("hub/deliver", alice.letter(bob, "kept"))
	hashes := inBox(t, w.Ledger, bob.address())
	alice.ws.Close()
	copied := copyOf(t, dir)
	l := open(t, ledger.Config{Dir: copied, Network: byteball.Dev})
	if got := inBox(t, l, bob.address()); !slices.Equal(got, hashes) || len(got) != 1 {
		t.Errorf("box %v, want %v", got, hashes)
	}
}

// copyOf copies an open database as a kill would leave it.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to+"/db", os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	os.Remove(to + "/db/LOCK")
	return to + "/db"
}

func inBox(t testing.TB, l *ledger.Ledger, address string) []byteball.Hash {
	t.Helper()
	hashes, err := l.Mail(address)
	if err != nil {
		t.Fatal(err)
	}
	return hashes
}

const mailDir = "LEDGER_TEST_MAIL"

// TestMailChild is no test: TestMailboxKilled runs it in a process of its own, in which it delivers messages until it is killed.
func TestMailChild(t *testing.T) {
	dir := os.Getenv(mailDir)
	if dir == "" {
		t.Skip("run by TestMailboxKilled")
	}
	w := newWorld(t, dir)
	w.now = time.Now()
	url := serve(t, w, time.Second)
	bob := connectPhone(t, url, 2)
	bob.login()
	var all sync.WaitGroup
	var out sync.Mutex
	for n := range byte(4) {
		p := connectPhone(t, url, 10+n)
		p.login()
		all.Go(func() {
			for {
				s := p.letter(bob, "x")
				if p.ask("hub/deliver", s) == `"accepted"` {
					out.Lock()
					fmt.Println("accepted", s.Hash)
					out.Unlock()
				}
			}
		})
	}
	all.Wait()
}

// Messages whose senders heard "accepted" survive a kill at any time.
func TestMailboxKilled(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestMailChild$", "-test.v")
	child.Env = append(os.Environ(), mailDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var accepted []byteball.Hash
	for lines := bufio.NewScanner(out); lines.Scan(); {
		hash, ok := strings.CutPrefix(lines.Text(), "accepted ")
		if !ok {
			continue
		}
		if accepted = append(accepted, byteball.Hash(hash)); len(accepted) == 60 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	child.Wait() // it was killed
	if len(accepted) < 60 {
		t.Fatalf("%d messages accepted", len(accepted))
	}
	l := open(t, ledger.Config{Dir: dir, Network: byteball.Dev})
	box := inBox(t, l, device.Address(someone(t, 2).PublicKey()))
	for _, h := range accepted {
		if !slices.Contains(box, h) {
			t.Errorf("%s was accepted and is gone", h)
		}
	}
}
