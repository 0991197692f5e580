// Package oldnode runs other people's Byteball software for tests: a real old full node (npm byteballcore 0.2.93, protocol
// 1.0) as a private network of its own, and the npm client obyte 0.1.24. What the Go packages say and accept is so held
// against programs that share no line with them. The tests of this package do that; others may start a node too.
//
// The npm packages are not in the repository. Two commands install them, once, and run the tests:
//
//	.ci/npm
//	IOTVERSE_NODE_MODULES=$(.ci/npm) go test ./byteball/internal/oldnode
//
// The first takes about two minutes, since two packages are compiled: Node 20, a C++ compiler, make and Python must be there.
// Without that variable, or without Node, the tests skip and say so. `.ci/run` does both.
//
// Left out: the live network and everything private; the node listens on a free port of 127.0.0.1, keeps its database in
// the caller's folder and connects to nobody.
package oldnode

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/iotverse/iotverse/byteball"
)

//go:embed js/package.json js/node.js js/obyte.js
var scripts embed.FS

// Node is a running old node. Its witness, the one order provider, posts a unit only when told, so that a test decides how
// far the chain goes. It is safe for concurrent use.
type Node struct {
	URL     string // ws://127.0.0.1:…
	Genesis byteball.Hash
	Witness byteball.Address

	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stderr  *bytes.Buffer // written by the process, read only after it ended
	busy    sync.Mutex
}

// Command prepares one of the scripts with its arguments. dir is a folder of the caller's; the script and what it
// keeps go there. Errors: NotFound, in words for a person, where Node or the packages are missing; those of the disk.
func Command(ctx context.Context, dir, script string, args ...string) (*exec.Cmd, error) {
	modules := os.Getenv("IOTVERSE_NODE_MODULES")
	if modules == "" {
		return nil, fmt.Errorf("IOTVERSE_NODE_MODULES does not say where the npm packages are (see go doc of byteball/internal/oldnode): %w", byteball.NotFound)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("no Node.js on this machine: %w", byteball.NotFound)
	}
	if err := os.CopyFS(dir, scripts); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, node, append([]string{"--no-deprecation", filepath.Join(dir, "js", script)}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+dir)
	return c, nil
}

// Start starts a node with a chain of its own in dir, an empty folder. It runs until Close or until ctx is over.
// Errors: those of Command; what the node says when it does not come up.
func Start(ctx context.Context, dir string) (*Node, error) {
	c, err := Command(ctx, dir, "node.js", dir)
	if err != nil {
		return nil, err
	}
	n := &Node{process: c, stderr: new(bytes.Buffer)}
	c.Stderr = n.stderr
	if n.in, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.out = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		return nil, err
	}
	line, err := n.out.ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 4 || words[0] != "ready" {
		n.in.Close()
		return nil, fmt.Errorf("old node did not start: %v, %q, %s", c.Wait(), line, tail(n.stderr))
	}
	n.URL, n.Genesis, n.Witness = words[1], byteball.Hash(words[2]), byteball.Address(words[3])
	return n, nil
}

// tail is the end of what a process complained.
func tail(b *bytes.Buffer) string {
	text := b.String()
	return text[max(0, len(text)-2000):]
}

// Close ends the node and waits until it is gone. Error: what it complained, if it did not end well.
func (n *Node) Close() error {
	n.in.Close()
	if err := n.process.Wait(); err != nil {
		return fmt.Errorf("old node: %w: %s", err, tail(n.stderr))
	}
	return nil
}

// do gives one command and returns the answer.
func (n *Node) do(words ...string) (string, error) {
	n.busy.Lock()
	defer n.busy.Unlock()
	command := strings.Join(words, " ")
	if _, err := io.WriteString(n.in, command+"\n"); err != nil {
		return "", fmt.Errorf("old node, %.60s: %w", command, err)
	}
	line, err := n.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("old node, %.60s: %w", command, err)
	}
	verdict, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if verdict != "ok" {
		return "", fmt.Errorf("old node, %.60s: %s: %w", command, text, byteball.Invalid)
	}
	return text, nil
}

// Post lets the witness post count units and returns the last one's hash.
func (n *Node) Post(count int) (byteball.Hash, error) {
	h, err := n.do("witness", fmt.Sprint(count))
	return byteball.Hash(h), err
}

// Fund lets the witness pay to an address and returns the unit's hash. It is a unit of the witness like any other.
func (n *Node) Fund(to byteball.Address, amount byteball.Bytes) (byteball.Hash, error) {
	h, err := n.do("fund", string(to), fmt.Sprint(uint64(amount)))
	return byteball.Hash(h), err
}

// Units returns how many units the node has.
func (n *Node) Units() (int, error) {
	text, err := n.do("units")
	if err != nil {
		return 0, err
	}
	var count int
	_, err = fmt.Sscan(text, &count)
	return count, err
}

// Sequence returns what the node thinks of a unit: "good", "temp-bad", "final-bad", or "none" if it does not have it.
func (n *Node) Sequence(u byteball.Hash) (string, error) { return n.do("sequence", string(u)) }
