package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iotverse/iotverse/byteball"
)

// protocolVersion is the number in topics, stream names and signatures (MECHANISM 0).
const protocolVersion = 1

// versionView is what version prints.
type versionView struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"` // of the source, if it was built from a repository
	Modified bool     `json:"modified,omitempty"` // the source differed from it
	Go       string   `json:"go"`
	Protocol int      `json:"protocol"`
	Networks []string `json:"networks"` // name and version of the ledger's units
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "what this program is, and what it speaks",
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, out := versionOf(), cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(out).Encode(v)
			}
			source := ""
			if v.Revision != "" {
				source = ", source " + v.Revision
			}
			if v.Modified {
				source += " and changes"
			}
			_, err := fmt.Fprintf(out, "iotverse %s (%s%s)\nprotocol %d\nnetworks %s\n", v.Version, v.Go, source, v.Protocol, strings.Join(v.Networks, ", "))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func versionOf() versionView {
	v := versionView{Version: "unknown", Protocol: protocolVersion}
	for _, n := range []byteball.Network{byteball.Dev, byteball.Testnet, byteball.Live} {
		v.Networks = append(v.Networks, n.Name+" "+n.Version)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version, v.Go = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
