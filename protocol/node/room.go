package node

import (
	"fmt"

	"github.com/iotverse/iotverse/protocol"
)

// leastRoom is what must be free on the disk, in bytes. A store maps files of up to so much into memory, and where a disk is
// full the machine does not say so when they are written: it ends the program.
const leastRoom = 96 << 20

// enough says whether at least so many bytes are free on the disk of a folder. Error: Transient if not.
func enough(dir string, least uint64) error {
	if free, known := room(dir); known && free < least {
		return fmt.Errorf("store: only %d MB are free on the disk of %s, %d MB are needed: make room and start again: %w", free>>20, dir, least>>20, protocol.Transient)
	}
	return nil
}
