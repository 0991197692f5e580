package p2p

import "time"

// SearchLate lets a node wait before it searches for peers on a topic for the first time.
func SearchLate(cfg *Config, late time.Duration) { cfg.searchLate = late }

// For tests in package p2p_test.
var (
	ReadFrame    = readFrame
	WriteFrame   = writeFrame
	ReadAnswer   = readAnswer
	EncodeAnswer = encodeAnswer
	IdentityOf   = identityOf
	NewHostKey   = newHostKey
)
