package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A command's flags are its whole config: a YAML file has the same names, and so has the environment behind IOTVERSE_. A
// flag that was typed wins over the environment, that over the file, that over the default.

const envPrefix = "IOTVERSE_"

// withConfig gives a command the flag --config and fills its flags before it runs.
func withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("config", "", "YAML file with the values of these flags (iotverse init writes one)")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return fill(cmd.Flags()) }
	return cmd
}

// fill sets the flags that were not typed from the environment and the config file.
func fill(flags *pflag.FlagSet) error {
	k := koanf.New(".")
	path, _ := flags.GetString("config")
	if path == "" {
		path = os.Getenv(envPrefix + "CONFIG")
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return usagef("config %s cannot be read: %v", path, err)
		}
		for _, key := range k.Keys() {
			if flags.Lookup(key) == nil {
				return usagef("config %s: %q is no setting of this command; iotverse init writes a file with all of them", path, key)
			}
		}
	}
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || failed != nil || f.Name == "config" {
			return
		}
		if v, ok := os.LookupEnv(envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))); ok && v != "" {
			failed = set(flags, f.Name, []string{v}, "the environment")
			return
		}
		if k.Exists(f.Name) {
			failed = set(flags, f.Name, values(k, f.Name), "config "+path)
		}
	})
	return failed
}

func values(k *koanf.Koanf, name string) []string {
	if list, ok := k.Get(name).([]any); ok {
		out := make([]string, len(list))
		for i, v := range list {
			out[i] = fmt.Sprint(v)
		}
		return out
	}
	return []string{fmt.Sprint(k.Get(name))}
}

func set(flags *pflag.FlagSet, name string, values []string, from string) error {
	for _, v := range values {
		if err := flags.Set(name, v); err != nil {
			return usagef("%s: %s: %v", from, name, err)
		}
	}
	return nil
}

// commonFlags are those of every command that runs a node.
type commonFlags struct {
	dir, market, passphraseFile, logLevel string
	listen, peers                         []string
	mdns                                  bool
}

func (c *commonFlags) add(cmd *cobra.Command, role string) {
	f := cmd.Flags()
	f.StringVar(&c.dir, "dir", "iotverse-"+role, "folder of this node: keys and store")
	f.StringVar(&c.market, "market", "market.yaml", "the market's manifest")
	f.StringVar(&c.passphraseFile, "passphrase-file", "", "file whose first line encrypts the keys; needed outside of dev")
	f.StringSliceVar(&c.listen, "listen", nil, "libp2p addresses to listen on (default: TCP and QUIC on all interfaces)")
	f.StringSliceVar(&c.peers, "peer", nil, "addresses of peers to begin with, /ip4/…/tcp/…/p2p/…, beside the manifest's")
	f.BoolVar(&c.mdns, "mdns", true, "find peers on the local network")
	f.StringVar(&c.logLevel, "log", "warn", "what is logged to stderr: debug, info, warn or error")
}

// logger writes what is at least as important as level to w.
func logger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usagef("log level %q: want debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// readPassphrase reads the first line of a file, nil without a file.
func readPassphrase(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimRight(line, "\r")
	if line == "" {
		return nil, fmt.Errorf("passphrase file %s: its first line is empty", path)
	}
	return []byte(line), nil
}
