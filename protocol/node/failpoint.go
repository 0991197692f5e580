//go:build failpoints

package node

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Programs built with the tag failpoints, as the test of crashes does, die by their own hand where they are told to. The
// points are counted by kind from the start of the process: "Send 7" is the moment before the seventh message leaves.
//
//	IOTVERSE_FAILPOINT      the point at which the process kills itself, e.g. "Save 12"; SIGKILL, so nothing is cleaned up
//	IOTVERSE_FAILPOINT_LOG  file to which every point that is passed is added, one a line
type points struct {
	mu    sync.Mutex
	count map[string]int
	die   string
	log   *os.File
}

var passed = sync.OnceValue(func() *points {
	p := &points{count: make(map[string]int), die: os.Getenv("IOTVERSE_FAILPOINT")}
	if path := os.Getenv("IOTVERSE_FAILPOINT_LOG"); path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err) // a test that cannot count
		}
		p.log = f
	}
	return p
})

// failpoint is passed before each write and each thing that leaves: Save (a synced write), Send, Post, Pay, Publish,
// Deliver; and when it is done: Saved, Sent, Posted, Paid.
func failpoint(kind string) {
	p := passed()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count[kind]++
	at := fmt.Sprintf("%s %d", kind, p.count[kind])
	if p.log != nil {
		fmt.Fprintln(p.log, at)
	}
	if at == p.die {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
