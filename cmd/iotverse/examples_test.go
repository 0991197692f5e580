package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandHasAnExample: what --help shows can be typed as it stands, up to files and addresses.
func TestEveryCommandHasAnExample(t *testing.T) {
	used := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
		words := strings.TrimPrefix(c.CommandPath(), "iotverse ")
		used[words] = true
		text := c.Long + "\n" + c.Example
		at := strings.Index(text, "  iotverse "+words)
		if c.HasSubCommands() && c.RunE == nil || c == c.Root() {
			return
		}
		if at < 0 && !c.HasSubCommands() {
			t.Errorf("%s: --help has no example", words)
		}
	}
	walk(newRoot())
	for words, example := range examples {
		if !used[words] {
			t.Errorf("example of %q, which is no command", words)
		}
		root := newRoot()
		c, rest, err := root.Find(strings.Fields(example))
		if err != nil || strings.TrimPrefix(c.CommandPath(), "iotverse ") != words {
			t.Errorf("%s: %v", example, err)
			continue
		}
		if err := c.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", example, err)
		}
		if err := c.ValidateArgs(c.Flags().Args()); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
}
