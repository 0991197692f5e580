package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
)

// TestConfigsAreTheDefaults reads the files of init back: every flag is in them, with its default.
func TestConfigsAreTheDefaults(t *testing.T) {
	for name, cmd := range roleCommands() {
		path := filepath.Join(t.TempDir(), name+".yaml")
		if err := os.WriteFile(path, []byte(configOf(name, path, cmd.Flags())), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Flags().Set("config", path); err != nil {
			t.Fatal(err)
		}
		if err := fill(cmd.Flags()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "config" && f.Value.String() != f.DefValue {
				t.Errorf("%s: %s is %q after reading its config file, want %q", name, f.Name, f.Value, f.DefValue)
			}
			if list, ok := f.Value.(pflag.SliceValue); !f.Changed && !(ok && len(list.GetSlice()) == 0) {
				t.Errorf("%s: %s is missing in the config file", name, f.Name)
			}
		})
	}
}
