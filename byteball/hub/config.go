package hub

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/iotverse/iotverse/byteball"
)

// Config says where the hubs are and whom to believe.
type Config struct {
	URLs      []string           // e.g. "wss://obyte.org/bb"; tried in this order, the next one when one fails
	Network   byteball.Network   // what the hubs must belong to
	OPs       []byteball.Address // order providers that proofs are checked by; none: those the hub names first, for as long as the client lives
	Timeout   time.Duration      // for one request whose context has no earlier deadline; 0 means 30 s
	Answer    time.Duration      // for one hub to answer, where there are several; then the next one is asked; 0 means a third of Timeout
	Heartbeat time.Duration      // of silence before the hub is asked whether it is there; 0 means 10 s; at six times that it is cut off
	MaxTPSFee byteball.Bytes     // that Anchor takes from a hub; 0 means 10,000,000 bytes
	FollowOPs bool               // replace OPs when the ledger's users vote for others: see Client.FollowOPs
	News      func(News)         // gets what the hub says unasked; it must return at once; nil means nobody listens
	Log       *slog.Logger       // nil means discard
}

// Validate checks c. Error: Invalid.
func (c Config) Validate() error {
	switch {
	case len(c.URLs) == 0:
		return fmt.Errorf("no hub is named: %w", byteball.Invalid)
	case c.Network.Alt == "":
		return fmt.Errorf("no network is named: %w", byteball.Invalid)
	case len(c.OPs) != 0 && len(c.OPs) != c.Network.OPs:
		return fmt.Errorf("%d order providers, network %s has %d: %w", len(c.OPs), c.Network.Name, c.Network.OPs, byteball.Invalid)
	case c.Timeout < 0 || c.Heartbeat < 0 || c.Answer < 0:
		return fmt.Errorf("negative time: %w", byteball.Invalid)
	case c.MaxTPSFee > byteball.MaxBytes:
		return fmt.Errorf("largest tps fee %d, at most %d: %w", uint64(c.MaxTPSFee), uint64(byteball.MaxBytes), byteball.Invalid)
	}
	return nil
}

// filled returns c with its defaults.
func (c Config) filled() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Answer == 0 {
		c.Answer = c.Timeout / 3
	}
	if len(c.URLs) == 1 {
		c.Answer = c.Timeout
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 10 * time.Second
	}
	if c.MaxTPSFee == 0 {
		c.MaxTPSFee = 10_000_000
	}
	return c
}
