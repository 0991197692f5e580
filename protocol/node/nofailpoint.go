//go:build !failpoints

package node

// failpoint does nothing, and costs nothing, but in programs built for the test of crashes.
func failpoint(string) {}
