package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stage is what the tests with real processes stand on: the program, built once, a folder, a ledger and a relay.
type stage struct {
	t                *testing.T
	bin, dir, market string
	common           []string // flags of every role: the market, and the relay as its one peer
}

// newStage builds the program, with build tags if any are given, and starts a ledger and a relay.
func newStage(t *testing.T, tags string) *stage {
	t.Helper()
	s := newProgram(t, tags)
	ledger := s.start("ledger", "ledger", "serve", "--dir", "ledger", "--market", s.market, "--profile", "fast", "--listen", freePort(t))
	ledger.waitFile(s.market)
	relay := s.start("relay", "relay", "run", "--dir", "relay", "--market", s.market, "--listen", "/ip4/127.0.0.1/tcp/0", "--mdns=false")
	peer := relay.waitWord("/ip4/127.0.0.1/tcp/", "/p2p/")
	s.common = []string{"--market", s.market, "--listen", "/ip4/127.0.0.1/tcp/0", "--mdns=false", "--peer", peer}
	return s
}

// newProgram is a stage on which nothing runs yet.
func newProgram(t *testing.T, tags string) *stage {
	t.Helper()
	dir := t.TempDir()
	s := &stage{t: t, dir: dir, bin: filepath.Join(dir, "iotverse"), market: filepath.Join(dir, "market.yaml")}
	if out, err := exec.Command("go", "build", "-tags", tags, "-o", s.bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return s
}

// start starts the program.
func (s *stage) start(name string, args ...string) *process {
	s.t.Helper()
	return startProcess(s.t, s.bin, s.dir, name, nil, args...)
}

// role starts a role in a folder of the same name, with env added to the environment.
func (s *stage) role(role, dir string, env []string, args ...string) *process {
	s.t.Helper()
	args = append([]string{role, "run", "--dir", dir}, args...)
	return startProcess(s.t, s.bin, s.dir, role+" "+dir, env, append(args, s.common...)...)
}

// validators starts v1 to vn.
func (s *stage) validators(n int) (list []*process) {
	s.t.Helper()
	for i := range n {
		list = append(list, s.role("validator", fmt.Sprintf("v%d", i+1), nil))
	}
	return list
}

// process is one running iotverse.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
	done chan error // one value
}

// startProcess starts a program in dir, with env added to the environment.
func startProcess(t *testing.T, bin, dir, name string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(bin, args...), done: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("%s:\n%s", name, p.tail())
		}
	})
	return p
}

// Write keeps what the process says.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) tail() string {
	s := p.text()
	return s[max(0, len(s)-3000):]
}

// wait waits until the process has said something.
func (p *process) wait(words string) {
	p.t.Helper()
	eventually(p.t, p.name+" says "+words, 3*time.Minute, func() bool {
		select {
		case err := <-p.done:
			p.done <- err
			p.t.Fatalf("%s ended before it said %q: %v", p.name, words, err)
		default:
		}
		return strings.Contains(p.text(), words)
	})
}

// waitWord waits for a word that starts so and holds part.
func (p *process) waitWord(prefix, part string) (word string) {
	p.t.Helper()
	eventually(p.t, p.name+" names "+prefix, time.Minute, func() bool {
		for _, w := range strings.Fields(p.text()) {
			if strings.HasPrefix(w, prefix) && strings.Contains(w, part) {
				word = w
				return true
			}
		}
		return false
	})
	return word
}

func (p *process) waitFile(path string) {
	p.t.Helper()
	eventually(p.t, p.name+" makes "+path, time.Minute, func() bool { _, err := os.Stat(path); return err == nil })
}

func (p *process) signal(s os.Signal) { p.cmd.Process.Signal(s) }

// ended waits for the end of the process.
func (p *process) ended() error {
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(3 * time.Minute):
		return fmt.Errorf("still running after three minutes: %w", context.DeadlineExceeded)
	}
}

func eventually(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within %v", what, limit)
}

// stopProcess asks a role's process to settle, as soon as it listens for that, and waits for its end.
func stopProcess(p *process) error {
	for !p.gone() && !strings.Contains(p.text(), "reachable at") {
		time.Sleep(50 * time.Millisecond)
	}
	p.signal(os.Interrupt)
	return p.ended()
}

// gone says whether a process has ended, killed whether by SIGKILL.
func (p *process) gone() bool {
	select {
	case err := <-p.done:
		p.done <- err
		return true
	default:
		return false
	}
}

func (p *process) killed() bool {
	s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// freePort finds a free port whose successor, the faucet's, is free too.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		next, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port+1))
		l.Close()
		if err == nil {
			next.Close()
			return l.Addr().String()
		}
	}
}
