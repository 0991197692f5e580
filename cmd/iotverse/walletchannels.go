package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
	"github.com/iotverse/iotverse/byteball/channel/keeper"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/byteball/unit"
	"github.com/iotverse/iotverse/byteball/wallet"
	"github.com/iotverse/iotverse/protocol"
	"github.com/iotverse/iotverse/protocol/node"
	"github.com/iotverse/iotverse/protocol/utim"
)

// channelView is one channel of wallet channels; amounts in bytes.
type channelView struct {
	keeper.Status
	About *time.Time `json:"about,omitempty"` // when the deadline comes, if a hub says how fast the chain grows
	Due   bool       `json:"due,omitempty"`   // it has come, by a hub's word: what is next is done once the node or a watch runs
}

func walletChannelsCommand() *cobra.Command {
	var f walletFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "channels",
		Short: "every payment channel: what is in it and what happens next",
		Long: `channels lists the payment channels of a node, as buyer and as seller, from its store; it
looks while the node runs, too. The deadline is a main chain index of the ledger; if the
market's hub answers, about when that is. What is due now is done as soon as the node or a
watch runs.

  spent      promised to others so far
  unsettled  of that, what is not final on the ledger yet

iotverse wallet watch carries out what is due while the node is off.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := f.channels(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			views, err := f.channelViews(cmd.Context(), k, all)
			if err != nil {
				return err
			}
			if f.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(views)
			}
			return printChannels(cmd.OutOrStdout(), views)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that are over")
	return f.add(cmd)
}

// channels reads the channels of a folder, also while a node runs there.
func (f *walletFlags) channels(stderr io.Writer) (*keeper.Keeper, error) {
	keys, err := f.keys()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(f.dir, "store")
	s, err := node.OpenStore(dir)
	if errors.Is(err, node.ErrInUse) {
		s, err = node.PeekStore(dir)
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	k, err := keepChannels(s, keys, stderr)
	if err != nil {
		return nil, err
	}
	unreadable(k.Check(), stderr)
	return k, nil
}

// keepChannels reads all channels of a store. One that cannot be read is named, and the others are kept.
func keepChannels(s *node.Store, keys *utim.Module, stderr io.Writer) (*keeper.Keeper, error) {
	k, bad, err := readChannels(s, newKeyring(s, keys).find)
	unreadable(bad, stderr)
	return k, err
}

// unreadable names channels that cannot be read.
func unreadable(bad error, stderr io.Writer) {
	if bad != nil {
		fmt.Fprintln(stderr, "iotverse: not all channels can be read:", strings.ReplaceAll(bad.Error(), "\n", "; "))
	}
}

// readChannels reads all channels of a store into a Keeper that writes there; bad says which cannot be read.
func readChannels(s *node.Store, find channel.FindKey) (k *keeper.Keeper, bad, err error) {
	k = channelsIn(s)
	var errs []error
	for _, prefix := range []string{buyerPrefix, sellerPrefix} {
		more, err := s.All(prefix + "channel/")
		if err != nil {
			return nil, nil, err
		}
		rows := make(map[string][]byte, len(more))
		for key, v := range more {
			rows["channel/"+key] = v
		}
		errs = append(errs, k.Load(rows, find))
	}
	return k, errors.Join(errs...), nil
}

// channelsIn is a Keeper of no channels that writes to a store, where the roles do.
func channelsIn(s *node.Store) *keeper.Keeper {
	return keeper.New(func(id keeper.ID, value []byte) error { return s.Put([]byte(storeKey(id)), value) })
}

// storeKey is where a role keeps a channel.
func storeKey(id keeper.ID) string { return string(id.Side) + "/" + id.Key() }

// keyring finds the keys of channels by their public part.
type keyring struct {
	keys  *utim.Module
	limit uint32 // of the numbers that were ever used
	next  uint32
	known map[string]unit.Signer
}

// spareKeys is how far beyond the last key number that the store knows a channel may be: a store may be an older copy.
const spareKeys = 100

func newKeyring(s *node.Store, keys *utim.Module) *keyring {
	r := &keyring{keys: keys, limit: spareKeys, known: make(map[string]unit.Signer)}
	if v, err := s.Get([]byte(buyerPrefix + "next")); err == nil && len(v) == 4 {
		r.limit += min(binary.BigEndian.Uint32(v), 1<<31-spareKeys)
	}
	return r
}

// find looks among the keys of channels. Error: NotFound.
func (r *keyring) find(public string) (unit.Signer, error) {
	for ; r.known[public] == nil && r.next < r.limit; r.next++ {
		k, err := r.keys.Wallet().Key(wallet.AddressPath(0, r.next)...)
		if err != nil {
			return nil, err
		}
		r.known[k.PublicKey()] = k
	}
	if k := r.known[public]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("its key %s is none of this wallet's: %w", public, protocol.NotFound)
}

// channelViews are the channels as people see them, what is due first at the top.
func (f *walletFlags) channelViews(ctx context.Context, k *keeper.Keeper, all bool) ([]channelView, error) {
	views := []channelView{}
	var oldest byteball.Hash
	var oldestMCI uint64
	for _, id := range k.IDs() {
		s, err := k.Status(id)
		if err != nil {
			return nil, err
		}
		if s.Over && !all {
			continue
		}
		views = append(views, channelView{Status: s})
		if st, err := k.State(id); err == nil && st.Funding.MCI > 0 && (oldest == "" || st.Funding.MCI < oldestMCI) {
			oldest, oldestMCI = st.Funding.Out.Unit, st.Funding.MCI
		}
	}
	slices.SortStableFunc(views, func(a, b channelView) int { return cmp.Compare(a.Deadline-1, b.Deadline-1) }) // 0 comes last
	if oldest != "" {
		f.date(ctx, views, oldest, oldestMCI)
	}
	return views, nil
}

// date says which deadlines have come and about when the others come, if a hub answers: by how fast the main chain grew since
// a unit.
func (f *walletFlags) date(ctx context.Context, views []channelView, since byteball.Hash, sinceMCI uint64) {
	m, err := readMarket(f.market)
	if err != nil {
		return
	}
	log, _ := logger(io.Discard, "error")
	c, err := dialHub(ctx, m, log)
	if err != nil {
		return
	}
	defer c.Close()
	last, err := c.LastStable(ctx)
	if err != nil {
		return
	}
	for i := range views {
		d := views[i].Deadline
		views[i].Due = d > 0 && d <= last.Value.MCI
	}
	pace, err := chainPace(ctx, c, last.Value, since, sinceMCI)
	if err != nil {
		return
	}
	for i := range views {
		if d := views[i].Deadline; d > 0 {
			at := pace.at(d)
			views[i].About = &at
		}
	}
}

// pace is how fast a main chain grows.
type pacing struct {
	mci uint64
	now time.Time
	per time.Duration // of one index
}

func chainPace(ctx context.Context, c *hub.Client, last hub.Stable, since byteball.Hash, sinceMCI uint64) (pacing, error) {
	j, err := c.Joint(ctx, since)
	if err != nil {
		return pacing{}, err
	}
	p := pacing{mci: last.MCI, now: time.Unix(last.Timestamp, 0)}
	if p.mci <= sinceMCI || last.Timestamp <= j.Unit.Timestamp {
		return pacing{}, fmt.Errorf("the chain has not grown since unit %s: %w", since, protocol.Transient)
	}
	p.per = time.Duration(last.Timestamp-j.Unit.Timestamp) * time.Second / time.Duration(p.mci-sinceMCI)
	return p, nil
}

// at is about when the main chain has an index.
func (p pacing) at(mci uint64) time.Time {
	return p.now.Add(time.Duration(int64(mci)-int64(p.mci)) * p.per).UTC().Truncate(time.Second)
}

func printChannels(w io.Writer, views []channelView) error {
	if len(views) == 0 {
		_, err := fmt.Fprintln(w, "no open channels")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CHANNEL\tSIDE\tPEER\tPHASE\tDEPOSIT\tSPENT\tUNSETTLED\tDEADLINE\tABOUT\tNEXT")
	for _, v := range views {
		deadline, about := "-", "-"
		if v.Deadline > 0 {
			deadline = fmt.Sprint(v.Deadline)
		}
		if v.About != nil {
			about = v.About.Format(time.RFC3339)
		}
		next := v.Next
		if v.Due {
			next = "due now: " + next
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Address, v.Side, v.Peer, v.Phase, v.Deposit, v.Spent, v.Unsettled, deadline, about, next)
	}
	return t.Flush()
}
