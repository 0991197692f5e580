package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// roleCommands are the commands that init writes a config file for.
func roleCommands() map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	for _, c := range []*cobra.Command{sellerCommand(), validatorCommand(), buyerCommand(), relayCommand(), ledgerCommand()} {
		for _, sub := range c.Commands() {
			if sub.Name() == "run" || sub.Name() == "serve" {
				all[c.Name()] = sub
			}
		}
	}
	return all
}

func initCommand() *cobra.Command {
	roles := []string{"seller", "validator", "buyer", "relay", "ledger"}
	var out string
	cmd := &cobra.Command{
		Use:   "init ROLE",
		Short: "write a commented config file for a role: " + strings.Join(roles, ", "),
		Example: `  iotverse init seller
  iotverse seller run --config seller.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(roles, args[0]) {
				return usagef("role %q: want one of %s", args[0], strings.Join(roles, ", "))
			}
			path := out
			if path == "" {
				path = args[0] + ".yaml"
			}
			run := roleCommands()[args[0]]
			if err := writeConfig(path, configOf(args[0]+" "+run.Name(), path, run.Flags())); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s written; change it, then: iotverse %s %s --config %s\n", path, args[0], run.Name(), path)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: ROLE.yaml)")
	return cmd
}

func writeConfig(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exists(path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// configOf is a config file with every flag of a command, its usage as a comment and its default as the value.
func configOf(command, path string, flags *pflag.FlagSet) string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "# Settings of: iotverse %s --config %s\n", command, path)
	sb.WriteString("# Flags that are typed and variables such as IOTVERSE_MARKET win over this file.\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" || f.Name == "help" {
			return
		}
		fmt.Fprintf(&sb, "\n# %s\n%s: %s\n", f.Usage, f.Name, yamlValue(f))
	})
	return sb.String()
}

// yamlValue is a flag's default as YAML.
func yamlValue(f *pflag.Flag) string {
	var v any = f.DefValue
	switch f.Value.Type() {
	case "string":
	case "stringSlice":
		list := yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		if s, ok := f.Value.(pflag.SliceValue); ok {
			for _, item := range s.GetSlice() {
				list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: item})
			}
		}
		v = &list
	default:
		return f.DefValue
	}
	data, err := yaml.Marshal(v)
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(string(data))
}
