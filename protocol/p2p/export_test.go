package p2p

// For tests in package p2p_test.
var (
	ReadFrame    = readFrame
	WriteFrame   = writeFrame
	ReadAnswer   = readAnswer
	EncodeAnswer = encodeAnswer
	IdentityOf   = identityOf
	NewHostKey   = newHostKey
)
