package wallet

// Node gives tests the raw private key and chain code at path.
func (s *Seed) Node(path ...uint32) (key, chain [32]byte, err error) {
	n, err := s.node(path)
	return n.key.Bytes(), n.chain, err
}
