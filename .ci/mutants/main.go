// Command mutants breaks the payment channel in one line at a time and shows that the adversary's schedules
// (byteball/channel, TestNobodyLosesMoney) find each breakage. The tree stays as it is: each breakage is an overlay.
//
//	go run ./.ci/mutants            all of them
//	go run ./.ci/mutants -only dust those whose names contain a word
//
// It prints, for each, the seed that found it and after how many schedules. It fails if one survives, and if a line that
// it wants to break is not there any more.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const pkg = "byteball/channel"

func main() {
	only := flag.String("only", "", "a part of the names of the breakages to try")
	schedules := flag.Int("schedules", 100_000, "schedules to try, at most")
	flag.Parse()
	if err := run(*only, *schedules); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(only string, schedules int) error {
	tmp, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	survived := 0
	for _, m := range mutants {
		if !strings.Contains(m.name, only) {
			continue
		}
		found, err := m.try(tmp, schedules)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", m.name, err)
		case found == "":
			survived++
			found = fmt.Sprintf("SURVIVES %d schedules", schedules)
		}
		fmt.Printf("%-52s → %s\n", m.name, found)
	}
	if survived > 0 {
		return fmt.Errorf("%d breakages survive", survived)
	}
	return nil
}

var verdict = regexp.MustCompile(`schedule of seed (\d+), number (\d+): (law: [^\n]*)`)

// try builds the test with the breakage and runs it. It returns what found it, or nothing.
func (m mutant) try(tmp string, schedules int) (string, error) {
	overlay, err := m.overlay(tmp)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(tmp, "channel.test")
	if out, err := exec.Command("go", "test", "-overlay", overlay, "-c", "-o", binary, "./"+pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not build: %s", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	test := exec.CommandContext(ctx, binary, "-test.run=^TestNobodyLosesMoney$", "-test.timeout=30m", fmt.Sprintf("-channel.schedules=%d", schedules))
	test.Dir = pkg
	out, err := test.CombinedOutput()
	var exit *exec.ExitError
	switch found := verdict.FindStringSubmatch(string(out)); {
	case found != nil:
		return fmt.Sprintf("found by seed %s after %s schedules (%.90s)", found[1], found[2], found[3]), nil
	case errors.As(err, &exit):
		return "", fmt.Errorf("the test fails in another way: %.2000s", out)
	default:
		return "", err
	}
}

// overlay writes the broken file and the overlay that puts it in place.
func (m mutant) overlay(tmp string) (string, error) {
	path, err := filepath.Abs(filepath.Join(pkg, m.file))
	if err != nil {
		return "", err
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(src), m.old); n != 1 {
		return "", fmt.Errorf("%s has the line to break %d times: %q", m.file, n, m.old)
	}
	broken := filepath.Join(tmp, m.file)
	if err := os.WriteFile(broken, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(tmp, "overlay.json")
	return file, os.WriteFile(file, data, 0o600)
}
