package ledger

// SplitAbove makes transactions small, so that much of what can be split is.
func (l *Ledger) SplitAbove(bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = bytes
}
