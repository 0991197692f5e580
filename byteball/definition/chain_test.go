package definition_test

import (
	"cmp"
	"fmt"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/definition"
	"github.com/iotverse/iotverse/byteball/unit"
)

// chain is the ledger of definitions.json.
type chain struct {
	Definitions []struct {
		Hash       byteball.Address `json:"definition_chash"`
		Definition any
		MCI        uint64
	}
	Changes []struct {
		Address byteball.Address
		Hash    byteball.Address `json:"definition_chash"`
		MCI     uint64
	} `json:"definition_changes"`
	Authors []struct {
		Address byteball.Address
		MCI     uint64
	}
	Outputs []struct {
		Unit    byteball.Hash
		Message int `json:"message_index"`
		Output  int `json:"output_index"`
		Address byteball.Address
		Amount  byteball.Bytes
		Asset   byteball.Hash
		MCI     uint64
	}
	Inputs []struct {
		Type    string
		Address byteball.Address
		Asset   byteball.Hash
		MCI     uint64
	}
	Assets []struct {
		Unit    byteball.Hash
		Private int `json:"is_private"`
		MCI     uint64
	}
	Attestations []struct {
		Attestor byteball.Address `json:"attestor_address"`
		Address  byteball.Address
		MCI      uint64
	}
	Feeds []struct {
		MCI    uint64
		Author byteball.Address
		Feeds  map[string]any
	} `json:"data_feeds"`
	Templates []struct {
		Unit    byteball.Hash
		MCI     uint64
		Payload any
	}
}

func (c *chain) Definition(a byteball.Address, mci uint64) (any, byteball.Address, error) {
	hash := a
	for _, ch := range c.Changes {
		if ch.Address == a && ch.MCI <= mci {
			hash = ch.Hash
		}
	}
	for _, d := range c.Definitions {
		if d.Hash == hash && d.MCI <= mci {
			return d.Definition, hash, nil
		}
	}
	return nil, hash, nil
}

func (c *chain) Seen(a byteball.Address, mci uint64) (bool, error) {
	for _, x := range c.Authors {
		if x.Address == a && x.MCI <= mci {
			return true, nil
		}
	}
	return false, nil
}

func (c *chain) PrivateAsset(asset byteball.Hash, mci uint64) (bool, error) {
	for _, x := range c.Assets {
		if x.Unit == asset && x.MCI <= mci {
			return x.Private != 0, nil
		}
	}
	return false, nil
}

// inputs are all outputs of the chain: the evaluation takes those it needs.
func (c *chain) inputs() []definition.ResolvedInput {
	var in []definition.ResolvedInput
	for _, o := range c.Outputs {
		in = append(in, definition.ResolvedInput{
			OutPoint: unit.OutPoint{Unit: o.Unit, MessageIndex: o.Message, OutputIndex: o.Output},
			Address:  o.Address, Amount: o.Amount, MCI: o.MCI, Stable: true,
		})
	}
	return in
}

func (c *chain) Template(h byteball.Hash, mci uint64) (any, error) {
	for _, x := range c.Templates {
		if x.Unit == h && x.MCI <= mci {
			return x.Payload, nil
		}
	}
	return nil, nil
}

func (c *chain) SeenCoin(q definition.Coin, mci uint64) (bool, error) {
	same := func(asset byteball.Hash) bool {
		private, _ := c.PrivateAsset(asset, 1<<63)
		return !private && (q.Asset == "" || q.Asset == cmp.Or(asset, "base"))
	}
	for _, x := range c.Inputs {
		if q.Input && x.Address == q.Address && same(x.Asset) && (q.Type == "" || q.Type == x.Type) && x.MCI <= mci {
			return true, nil
		}
	}
	for _, x := range c.Outputs {
		if !q.Input && x.Address == q.Address && same(x.Asset) && x.Amount >= q.Min && (q.Max == 0 || x.Amount <= q.Max) && x.MCI <= mci {
			return true, nil
		}
	}
	return false, nil
}

func (c *chain) Changed(a, to byteball.Address, mci uint64) (bool, error) {
	for _, x := range c.Changes {
		if x.Address == a && (to == "" || x.Hash == to) && x.MCI <= mci {
			return true, nil
		}
	}
	return false, nil
}

func (c *chain) Attested(a, attestor byteball.Address, mci uint64) (bool, error) {
	changed, attested := uint64(0), uint64(0)
	for _, x := range c.Changes {
		if x.Address == a && x.MCI <= mci {
			changed = max(changed, x.MCI)
		}
	}
	for _, x := range c.Attestations {
		if x.Address == a && x.Attestor == attestor && x.MCI <= mci {
			attested = max(attested, x.MCI)
		}
	}
	return attested > changed, nil
}

// Feed compares as the reference does: a number with numbers, a text with the key "text, line feed, inverted index" of each
// text.
func (c *chain) Feed(f definition.Feed, mci uint64) (bool, error) {
	for _, x := range c.Feeds {
		posted, ok := x.Feeds[f.Name]
		if x.Author != f.Oracle || !ok || x.MCI < f.From || x.MCI > mci {
			continue
		}
		holds := false
		if asked, isNumber := f.Value.(float64); isNumber {
			number, isNumber := definition.FeedNumber(posted)
			order := cmp.Compare(number, asked)
			holds = isNumber && map[string]bool{"=": order == 0, ">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[f.Relation]
		} else if text, isText := posted.(string); isText {
			key, asked := fmt.Sprintf("%s\n%08x", text, 1<<32-1-x.MCI), f.Value.(string)
			last := asked + "\nffffffff"
			holds = map[string]bool{"=": text == asked, ">": key > last, "<": key < asked, ">=": key >= asked, "<=": key <= last}[f.Relation]
		}
		if holds {
			return true, nil
		}
	}
	return false, nil
}
