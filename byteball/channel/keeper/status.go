package keeper

import (
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/channel"
)

// Status is a channel as people see it. Amounts are in bytes.
type Status struct {
	Side      Side             `json:"side"` // whose this node is
	Address   byteball.Address `json:"address"`
	Peer      byteball.Address `json:"peer"` // where the other side is paid
	Phase     string           `json:"phase"`
	Deposit   byteball.Bytes   `json:"deposit"`
	Spent     byteball.Bytes   `json:"spent"`     // promised to all payees, or paid at the end
	Unsettled byteball.Bytes   `json:"unsettled"` // of that, what no stable unit pays yet
	Own       byteball.Bytes   `json:"own"`       // what this side gets of the deposit as things are, without fees
	Deadline  uint64           `json:"deadline"`  // main chain index at which something is due; 0: none
	Next      string           `json:"next"`      // what will happen, in words
	Over      bool             `json:"over"`

	Previous  byteball.Address `json:"previous,omitempty"`  // the channel that this one took over from
	Successor byteball.Address `json:"successor,omitempty"` // the one that takes over, once that is open
}

// Status returns how a channel stands. Error: NotFound.
func (k *Keeper) Status(id ID) (Status, error) {
	st, err := k.State(id)
	if err != nil {
		return Status{}, err
	}
	return describe(id, st), nil
}

func describe(id ID, st channel.State) Status {
	s := Status{Side: id.Side, Address: id.Address, Peer: st.Terms.SellerAddress, Phase: st.Phase.String(), Deposit: st.Terms.Deposit,
		Over: st.Phase.Over(), Previous: st.Terms.Previous, Successor: st.Next}
	paid := st.Payouts
	if st.Settled != nil {
		paid = channel.Paid(st.Settled)
		delete(paid, st.Terms.ChangeAddress)
	}
	s.Spent, _ = paid.Total() // was checked when it was read
	if !s.Over {
		s.Unsettled = s.Spent
	}
	if id.Side == Seller {
		s.Peer, s.Own = st.Terms.ChangeAddress, paid[st.Terms.SellerAddress]
	} else if st.Phase != channel.Opening && st.Phase != channel.Lost {
		s.Own = s.Deposit - min(s.Spent, s.Deposit)
	}
	s.Deadline, s.Next = due(id.Side, st)
	if s.Successor != "" {
		s.Next += "; the deal goes on in channel " + string(s.Successor)
	}
	return s
}

// due says what comes next and, if it hangs on that, at which main chain index.
func due(side Side, st channel.State) (deadline uint64, next string) {
	switch st.Phase {
	case channel.Opening:
		if st.Funding.Out.Unit != "" {
			return 0, "opens when the deposit is stable"
		}
		return 0, "waits for the deposit"
	case channel.Closed:
		return 0, "nothing: closed"
	case channel.Refunded:
		return 0, "nothing: the buyer has the deposit back"
	case channel.Lost:
		return 0, "nothing: the deposit was double-spent, or the address was used before"
	case channel.Refunding:
		return 0, "ends when the refund is stable; it is posted until then"
	}
	if side == Buyer {
		return dueOfBuyer(st)
	}
	return dueOfSeller(st)
}

func dueOfBuyer(st channel.State) (uint64, string) {
	after := st.RefundAfter() + 1
	refund := fmt.Sprintf("takes the deposit back from main chain index %d on", after)
	if st.Phase == channel.Open {
		return after, "pays as it buys; if the seller does not close, " + refund
	}
	if st.Seen {
		return after, "ends when the seller's closing is stable; else " + refund
	}
	return after, "waits for the seller to close (" + why(st) + "); else " + refund
}

func dueOfSeller(st channel.State) (uint64, string) {
	switch {
	case st.Phase == channel.Closing:
		return st.RefundAfter(), fmt.Sprintf("ends when the closing is stable (%s), posted until then; after main chain index %d the buyer may take the deposit back",
			why(st), st.RefundAfter())
	case st.Newest == nil:
		return st.RefundAfter(), "nothing: no voucher came, the buyer takes the deposit back"
	case st.Until > 0 && st.Until < st.CloseAt():
		return st.Until, fmt.Sprintf("closes at main chain index %d", st.Until)
	}
	return st.CloseAt(), fmt.Sprintf("closes at main chain index %d, 0.6 of the age, or when the deal ends", st.CloseAt())
}

func why(st channel.State) string {
	if st.Reason == "" {
		return "no reason given"
	}
	return st.Reason
}
