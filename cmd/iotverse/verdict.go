package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/iotverse/iotverse/byteball"
	"github.com/iotverse/iotverse/byteball/hub"
	"github.com/iotverse/iotverse/market/books"
	"github.com/iotverse/iotverse/market/committee"
)

// conclude makes the final statement: every party's books out of its own store beside what a fresh light client proves.
func (s *show) conclude(ctx context.Context) (*statement, error) {
	st := &statement{deals: s.board.deals(), trials: s.board.trials()}
	for _, p := range s.parties {
		row := party{Name: p.name, Role: p.role, Address: p.address, addresses: []byteball.Address{p.address}}
		var err error
		if row.Lines, err = lines(p.rig.store, p.role+"/"); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		for _, l := range row.Lines {
			if l.Kind == books.Opening {
				row.opening = l.Amount
				continue
			}
			row.Books += l.Amount
		}
		bonds, err := s.bonds(ctx, p)
		if err != nil {
			return nil, err
		}
		row.addresses = append(row.addresses, bonds...)
		st.Parties = append(st.Parties, row)
	}
	st.Parties = append(st.Parties, s.sinks(st)...)
	client, err := hub.Dial(ctx, hub.Config{URLs: s.market.Hubs, Network: byteball.Dev, OPs: s.market.OPs, Log: s.log})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := st.prove(ctx, client, s.ledger.Genesis); err != nil {
		return nil, err
	}
	st.conclude()
	return st, nil
}

// bonds are the addresses of a party's bonds, from the units that its wallet paid.
func (s *show) bonds(ctx context.Context, p *stand) ([]byteball.Address, error) {
	if p.role == "buyer" {
		return nil, nil
	}
	ref := fmt.Sprintf("bond/%s/%d", p.role, committee.Period(s.market, time.Now()))
	paid, err := p.rig.wallet.Payment(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("%s: its bond: %w", p.name, err)
	}
	found := make(map[byteball.Address]bool)
	var list []byteball.Address
	slice := s.market.Params.Slice()
	if p.role == "seller" {
		slice = s.market.Params.SellerBond
	}
	for _, o := range outputsOf(paid.Unit) {
		if o.Amount == slice && o.Address != p.address && !found[o.Address] {
			found[o.Address] = true
			list = append(list, o.Address)
		}
	}
	return list, nil
}

// sinks are the rows without a node: the fund, and the list of bonds where nobody can spend. Their books are what the
// others say they paid there.
func (s *show) sinks(st *statement) []party {
	fund := party{Name: "fund", Role: "fund", Address: s.market.FundAddress()}
	list := party{Name: "list of bonds", Role: "unspendable", Address: committee.Reg(committee.Period(s.market, time.Now()))}
	var total books.Amount
	for _, p := range st.Parties {
		for _, l := range p.Lines {
			if strings.HasPrefix(l.Ref, "bond/") {
				list.Books -= l.Amount
			}
			if strings.HasPrefix(l.Ref, "channel/") {
				total += l.Amount
			}
		}
	}
	fund.Books = -total // what buyers paid through channels and neither seller nor validator has
	fund.addresses, list.addresses = []byteball.Address{fund.Address}, []byteball.Address{list.Address}
	return []party{fund, list}
}

// export writes the statement as JSON where the flags ask for it.
func (s *show) export(st *statement) error {
	if s.cfg.JSON == "" {
		return nil
	}
	f, err := os.Create(s.cfg.JSON)
	if err != nil {
		return err
	}
	return errors.Join(st.writeJSON(f), f.Close())
}

// verdict fails unless the demo has shown all that it is for.
func (s *show) verdict(st *statement) error {
	var missing []string
	if !st.Balanced {
		missing = append(missing, st.wrong...)
	}
	for _, t := range s.board.trials() {
		missing = append(missing, t.missing()...)
	}
	seen := s.board.summary()
	if seen.batches == 0 {
		missing = append(missing, "no batch was bought")
	}
	if len(missing) > 0 {
		return fmt.Errorf("the demo did not show everything: %s", strings.Join(missing, "; "))
	}
	return nil
}
