package main

import (
	"context"

	"github.com/spf13/cobra"
)

func validatorCommand() *cobra.Command {
	var f commonFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "judge data before it is sold, and earn for it",
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := readMarket(f.market)
			if err != nil {
				return err
			}
			p := m.Params
			return running(cmd, &f, bondNeed(p, p.Slices, p.Slice()), func(ctx context.Context, r *rig, settle <-chan struct{}) error {
				return runValidator(ctx, r, printer(cmd.ErrOrStderr()), settle)
			})
		},
	}
	f.add(cmd, "validator")
	return group("validator", "judge data and earn for it", withConfig(cmd), validatorScoreCommand(), validatorEventsCommand())
}
