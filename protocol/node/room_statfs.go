//go:build linux || darwin

package node

import "syscall"

// room is how many bytes are free for this user on the disk of a folder; unknown where a file system does not tell.
func room(dir string) (free uint64, known bool) {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil || s.Blocks == 0 {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
