package main_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// machines are what the rules must give the same bits on, besides this one.
var machines = []struct {
	name, arch, arm string
	emulators       []string // of programs, by whichever name the system has them
}{
	{"arm6", "arm", "6", []string{"qemu-arm-static", "qemu-arm"}},
	{"arm64", "arm64", "", []string{"qemu-aarch64-static", "qemu-aarch64"}},
}

var goldenTest = regexp.MustCompile(`(?m)^func (Test\w*Golden\w*)\(`)

// goldens lists the packages of the rules with golden tests, and the names of these.
func goldens(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	look := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range goldenTest.FindAllSubmatch(src, -1) {
			found[filepath.Dir(path)] = append(found[filepath.Dir(path)], string(m[1]))
		}
		return err
	}
	for _, root := range []string{"../../market", "../../validator"} {
		if err := filepath.WalkDir(root, look); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestSameBitsOnOtherMachines runs every golden test of market and validator as a program for other processors: what is judged, drawn
// and priced must be the same everywhere, or members of a committee would not agree and no stamp could be recomputed.
func TestSameBitsOnOtherMachines(t *testing.T) {
	if testing.Short() {
		t.Skip("emulated processors are slow")
	}
	packages := goldens(t)
	for _, must := range []string{"../../validator/score", "../../validator/detect", "../../market/book", "../../market/round"} {
		if len(packages[must]) == 0 {
			t.Errorf("%s has no golden test", must)
		}
	}
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			i := slices.IndexFunc(m.emulators, func(name string) bool {
				_, err := exec.LookPath(name)
				return err == nil
			})
			if i < 0 || runtime.GOOS != "linux" {
				t.Skipf("no emulator of this processor is installed: %s (Debian: apt-get install qemu-user-static)", strings.Join(m.emulators, ", "))
			}
			for dir, names := range packages {
				emulated(t, m.emulators[i], dir, names, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+m.arch, "GOARM="+m.arm)
			}
		})
	}
}

// emulated builds the tests of a folder for another machine and runs those named.
func emulated(t *testing.T, emulator, dir string, names []string, machine ...string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "golden.test")
	build := exec.Command("go", "test", "-c", "-o", program, ".")
	build.Dir, build.Env = dir, append(os.Environ(), machine...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, out)
	}
	run := exec.Command(emulator, program, "-test.v", "-test.run", "^("+strings.Join(names, "|")+")$")
	run.Dir = dir
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s under %s: %v\n%s", dir, emulator, err, out)
	}
	for _, name := range names {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%s under %s: %s did not run:\n%s", dir, emulator, name, out)
		}
	}
}
