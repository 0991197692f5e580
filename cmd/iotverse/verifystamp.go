package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/market/committee"
	"github.com/iotverse/iotverse/market/deal"
	"github.com/iotverse/iotverse/market/round"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
)

// maxStampFile bounds a file with a stamp: body, and a signature for each seat.
const maxStampFile = 64 << 10

// stampFiles reads stamps from files.
func stampFiles(names []string) (list []*protocol.Stamped, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxStampFile {
			return nil, fmt.Errorf("%s holds %d bytes, a stamp has at most %d: %w", name, info.Size(), maxStampFile, protocol.Invalid)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s := new(protocol.Stamped)
		if err := protocol.Decode(data, s); err != nil {
			return nil, fmt.Errorf("%s is no stamp as verify --export writes it: %w", name, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// keptStamps reads what a buyer keeps.
func keptStamps(dir string) (list []*protocol.Stamped, err error) {
	store, err := node.PeekStore(filepath.Join(dir, "store"))
	if errors.Is(err, protocol.NotFound) {
		return nil, fmt.Errorf("no node's store in %s: name the buyer's folder with --dir: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	defer store.Close()
	rows, err := store.All(buyerPrefix + "stamp/")
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s keeps no stamps: only a buyer's folder does, for the dispute time; of a validator's verify --replay tells: %w", dir, protocol.NotFound)
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		s := new(protocol.Stamped)
		if err := protocol.Decode(rows[key], s); err != nil {
			return nil, fmt.Errorf("stored stamp %s: %w", key, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// exportStamps writes each stamp into a file of its own, named after its window.
func exportStamps(dir string, list []*protocol.Stamped) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, s := range list {
		var body protocol.Stamp
		if err := protocol.Decode(s.Body, &body); err != nil {
			return err
		}
		data, err := protocol.Encode(s)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, hex.EncodeToString(body.Wid[:8])+".stamp"), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// court draws committees afresh from what the ledger proves, for stamps of any epoch.
type court struct {
	rules    deal.Rules
	client   *hub.Client
	chain    *committee.Chain
	registry *committee.Registry
	read     map[byteball.Address]bool
}

func newCourt(rules deal.Rules, client *hub.Client) *court {
	chain := committee.NewChain(&rules.Manifest, 1) // it is told the balls that matter
	return &court{rules: rules, client: client, chain: chain, read: make(map[byteball.Address]bool),
		registry: committee.NewRegistry(&rules.Manifest, rules.Verifier, chain)}
}

// draw is the committee of a stamp's window.
func (c *court) draw(ctx context.Context, s *protocol.Stamp) (*committee.Committee, error) {
	if err := c.learn(ctx, s.Epoch); err != nil {
		return nil, err
	}
	stream := committee.Stream{Prop: s.Prop, Cell: s.Class.Cell}
	if _, ok := c.registry.Seller(s.Seller, stream, s.Epoch); !ok {
		return nil, fmt.Errorf("seller %s has no bond for %s in %s in epoch %d on this market's ledger: %w", s.Seller, s.Prop, s.Class.Cell, s.Epoch, protocol.Invalid)
	}
	return c.registry.Committee(s.Seller, stream, s.Epoch)
}

// learn reads the ball of an epoch, and every bond that is registered by then.
func (c *court) learn(ctx context.Context, e uint64) error {
	if _, known := c.chain.EpochBall(e); !known {
		p, err := c.client.FirstSince(ctx, c.rules.Manifest.Calendar().CutTime(e))
		if err != nil {
			return fmt.Errorf("the ball of epoch %d: %w", e, err)
		}
		raw, err := committee.ParseBall(p.Ball)
		if err != nil {
			return err
		}
		c.chain.Recall(e, committee.Ball{Unit: p.Unit.Unit, Hash: p.Ball, Raw: raw, MCI: p.MCI, Time: p.Unit.Timestamp})
	}
	for {
		fresh := slices.DeleteFunc(c.registry.Watch(e), func(a byteball.Address) bool { return c.read[a] })
		if len(fresh) == 0 {
			return nil
		}
		units, _, err := c.client.History(ctx, fresh, nil, 0)
		if err != nil {
			return err
		}
		for _, p := range units {
			if _, err := c.registry.Add(p); err != nil && !errors.Is(err, protocol.Invalid) {
				return err // a registration that does not hold registers nothing
			}
		}
		for _, a := range fresh {
			c.read[a] = true
		}
	}
}

// check verifies one stamp: its epoch, the committee as drawn, a quorum of its signatures.
func (c *court) check(ctx context.Context, m *protocol.Stamped) (*protocol.Stamp, *committee.Committee, error) {
	s := new(protocol.Stamp)
	if err := protocol.Decode(m.Body, s); err != nil {
		return nil, nil, err
	}
	if err := s.Check(); err != nil {
		return s, nil, err
	}
	if e := c.rules.Manifest.Calendar().EpochOf(s.Window); e != s.Epoch {
		return s, nil, fmt.Errorf("window %d lies in epoch %d, the stamp says %d: %w", s.Window, e, s.Epoch, protocol.Invalid)
	}
	com, err := c.draw(ctx, s)
	if err != nil {
		return s, nil, err
	}
	_, err = round.VerifyStamped(m, c.rules.Verifier, c.rules.Market, com)
	return s, com, err
}

// stamps checks stamps against the ledger and prints a line for each. Error: Invalid unless all hold.
func (f *verifyFlags) stamps(ctx context.Context, w io.Writer, list []*protocol.Stamped) error {
	m, err := readMarket(f.market)
	if err != nil {
		return err
	}
	rules, err := rulesOf(m)
	if err != nil {
		return err
	}
	client, err := dialHub(ctx, m, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer client.Close()
	return newCourt(rules, client).report(ctx, w, list, time.Now())
}

func (c *court) report(ctx context.Context, w io.Writer, list []*protocol.Stamped, now time.Time) error {
	wrong := 0
	for _, m := range list {
		s, com, err := c.check(ctx, m)
		if errors.Is(err, protocol.Transient) {
			return err // of the ledger, not of the stamp
		}
		if s == nil {
			s = new(protocol.Stamp)
		}
		fmt.Fprintf(w, "%s  window %d of %s, %s: integrity %d, scorer %d: ", hex.EncodeToString(s.Wid[:]), s.Window, s.Seller, s.Prop, s.I, s.Scorer)
		if err != nil {
			wrong++
			fmt.Fprintf(w, "NOT valid\n  %s\n", strings.TrimSuffix(err.Error(), ": "+protocol.Invalid.Error()))
			continue
		}
		late := ""
		if now.UnixMilli() > s.Expiry {
			late = ", out of date since " + time.UnixMilli(s.Expiry).UTC().Format("2006-01-02 15:04:05")
		}
		fmt.Fprintf(w, "valid, %d of %d members signed%s\n", len(m.Sigs), len(com.Members), late)
		for _, code := range slices.Concat(s.Hard, s.Reasons) {
			fmt.Fprintf(w, "  code %d: %s\n", code, protocol.Meaning(code))
		}
	}
	fmt.Fprintf(w, "%d of %d stamps valid\n", len(list)-wrong, len(list))
	if wrong > 0 {
		return fmt.Errorf("%d stamps are not valid in this market: %w", wrong, protocol.Invalid)
	}
	return nil
}
