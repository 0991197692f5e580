package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// The walls of DESIGN 1: imports point down only, the three roles never meet, sockets stay where they belong, and a pure
// package does no I/O, reads no clock, draws from no global source and starts nothing. The checker reads source files only.

const project = "github.com/iotverse/iotverse/"

// entries are what the top level may hold, besides hidden files.
var entries = []string{"cmd", "simulations", "seller", "validator", "buyer", "market", "protocol", "byteball", "go.mod", "go.sum", "README.md", "LICENSE"}

// layers say how high a top folder stands. Two folders of one height never import each other.
var layers = map[string]int{"byteball": 0, "protocol": 1, "market": 2, "seller": 3, "validator": 3, "buyer": 3, "simulations": 4, "cmd": 5}

// pure are the packages without I/O; a path that ends in "/..." is a whole tree.
var pure = []string{
	"byteball/objecthash", "byteball/chash", "byteball/definition", "byteball/merkle", "byteball/unit", "byteball/joint", "byteball/channel",
	"byteball/device", "byteball/signedmessage",
	"protocol", "protocol/merkle", "protocol/role", "market/...", "validator", "validator/score", "validator/truth", "validator/label",
	"validator/number", "validator/event", "validator/detect", "validator/detect/series", "validator/detect/inject", "validator/detect/learn", "validator/detect/tree", "seller", "seller/outbox", "buyer", "buyer/scout",
}

// plain are packages that pure ones may build on though they are not of the list: amounts and errors; signatures.
var plain = []string{"byteball", "protocol/envelope"}

// homes are the only places where a dependency may be imported.
var homes = map[string][]string{
	"github.com/libp2p/":           {"protocol/p2p"},
	"github.com/gorilla/websocket": {"byteball/hub", "byteball/ledger", "byteball/ledger/crowd"},
	"modernc.org/sqlite":           {"buyer/catalogue"},
}

// inputOutput is what a pure package never imports, each with all that lies below it.
var inputOutput = []string{
	"os", "net", "io/fs", "io/ioutil", "path/filepath", "syscall", "log", "database/sql", "plugin", "testing", "crypto/rand", "runtime/debug", "embed",
	"golang.org/x/sys", "golang.org/x/net", "github.com/dgraph-io", "github.com/gorilla", "github.com/libp2p", "github.com/shirou", "modernc.org", "periph.io",
}

// harmless lie below one of inputOutput and do none.
var harmless = []string{"net/url"}

// calls are what a pure package may not take from a package that it may import; for math/rand all but these.
var (
	clocks  = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	sources = []string{"New", "NewPCG", "NewChaCha8", "NewSource", "NewZipf", "Rand", "Source", "Source64", "PCG", "ChaCha8", "Zipf"}
)

// walls returns what is wrong with the source tree at root, in order.
func walls(root fs.FS) ([]string, error) {
	wrong, err := strangers(root)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		wrong = append(wrong, arrows(name, f)...)
		if isPure(path.Dir(name)) && !strings.HasSuffix(name, "_test.go") {
			wrong = append(wrong, impurities(files, name, f)...)
		}
		return nil
	})
	return wrong, err
}

// strangers are entries of the top level that have no place there; what git ignores (a program just built) may lie about.
func strangers(root fs.FS) (wrong []string, err error) {
	top, err := fs.ReadDir(root, ".")
	ignored, _ := fs.ReadFile(root, ".gitignore")
	for _, e := range top {
		lies := slices.Contains(strings.Fields(string(ignored)), "/"+e.Name())
		if e.Name()[0] != '.' && !lies && !slices.Contains(entries, e.Name()) {
			wrong = append(wrong, e.Name()+": not one of the entries of the top level")
		}
	}
	return wrong, err
}

// arrows judges the imports of one file, of a test too.
func arrows(name string, f *ast.File) (wrong []string) {
	dir := path.Dir(name)
	for _, imp := range imports(f) {
		for prefix, places := range homes {
			if strings.HasPrefix(imp+"/", strings.TrimSuffix(prefix, "/")+"/") && !slices.Contains(places, dir) {
				wrong = append(wrong, fmt.Sprintf("%s: imports %s, which only %s may", name, imp, strings.Join(places, " and ")))
			}
		}
		to, own := strings.CutPrefix(imp, project)
		if !own {
			continue
		}
		from, to := top(dir), top(to)
		if layers[to] > layers[from] || (layers[to] == layers[from] && to != from) {
			wrong = append(wrong, fmt.Sprintf("%s: imports %s, which does not lie below %s", name, imp, from))
		}
	}
	return wrong
}

func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

func imports(f *ast.File) (list []string) {
	for _, spec := range f.Imports {
		p, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
		list = append(list, p)
	}
	return list
}

func isPure(dir string) bool { return listed(dir, pure) }

func listed(dir string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		tree, whole := strings.CutSuffix(p, "/...")
		return dir == p || (whole && strings.HasPrefix(dir+"/", tree+"/"))
	})
}

// impurities judges one file of a pure package.
func impurities(files *token.FileSet, name string, f *ast.File) (wrong []string) {
	called := map[string]string{} // local name -> import path, of those whose calls are judged
	for i, imp := range imports(f) {
		if to, own := strings.CutPrefix(imp, project); own && !isPure(to) && !slices.Contains(plain, to) {
			wrong = append(wrong, fmt.Sprintf("%s: a pure package imports %s, which is none", name, imp))
		}
		table := imp == "embed" && f.Imports[i].Name != nil && f.Imports[i].Name.Name == "_" // into a string, when the program is built
		if touches(imp) && !table {
			wrong = append(wrong, fmt.Sprintf("%s: a pure package imports %s", name, imp))
		}
		if imp == "time" || strings.HasPrefix(imp, "math/rand") {
			local := path.Base(strings.TrimSuffix(imp, "/v2"))
			if alias := f.Imports[i].Name; alias != nil {
				local = alias.Name
			}
			if local == "." {
				wrong = append(wrong, fmt.Sprintf("%s: a pure package imports %s without its name", name, imp))
			}
			called[local] = imp
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if what := deed(n, called); what != "" {
			wrong = append(wrong, fmt.Sprintf("%s: a pure package %s", files.Position(n.Pos()), what))
		}
		return true
	})
	return wrong
}

func touches(imp string) bool {
	return !slices.Contains(harmless, imp) && slices.ContainsFunc(inputOutput, func(p string) bool { return strings.HasPrefix(imp+"/", p+"/") })
}

// deed names what a node does that no pure package does.
func deed(n ast.Node, called map[string]string) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "starts a goroutine"
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok {
			return ""
		}
		switch imp := called[x.Name]; {
		case imp == "time" && slices.Contains(clocks, n.Sel.Name):
			return "reads the clock: time." + n.Sel.Name
		case imp != "" && imp != "time" && !slices.Contains(sources, n.Sel.Name):
			return "draws from a global source: rand." + n.Sel.Name
		}
	}
	return ""
}

func TestLayers(t *testing.T) {
	wrong, err := walls(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestEveryPurePackageExists(t *testing.T) {
	for _, p := range append(slices.Clone(pure), plain...) {
		if _, err := os.Stat("../../" + strings.TrimSuffix(p, "/...")); err != nil {
			t.Error(err)
		}
	}
}

func TestLayersFindWhatIsWrong(t *testing.T) {
	const mod = "import _ \"" + project
	tests := []struct {
		name, file, src, want string // want "" is a file with nothing wrong
	}{
		{"top level", "util/a.txt", "", "util: not one of"},
		{"hidden file", ".ci/run", "", ""},
		{"byteball imports protocol", "byteball/unit/a.go", "package a\n" + mod + `protocol"`, "does not lie below byteball"},
		{"market imports a role", "market/book/a.go", "package a\n" + mod + `seller/outbox"`, "does not lie below market"},
		{"roles meet", "seller/sensor/a.go", "package a\n" + mod + `buyer"`, "does not lie below seller"},
		{"roles meet in a test", "validator/a_test.go", "package a\n" + mod + `seller"`, "does not lie below validator"},
		{"role imports the simulator", "buyer/sink/a.go", "package a\n" + mod + `simulations/engine"`, "does not lie below buyer"},
		{"simulator imports a command", "simulations/a.go", "package a\n" + mod + `cmd/iotverse"`, "does not lie below simulations"},
		{"command imports all", "cmd/iotverse/a.go", "package a\n" + mod + `simulations/engine"` + "\n" + mod + `buyer"`, ""},
		{"own layer", "market/deal/a.go", "package a\n" + mod + `market/book"`, ""},
		{"libp2p elsewhere", "protocol/node/a.go", "package a\nimport _ \"github.com/libp2p/go-libp2p/core/host\"", "only protocol/p2p may"},
		{"libp2p at home", "protocol/p2p/a.go", "package a\nimport _ \"github.com/libp2p/go-libp2p\"", ""},
		{"websocket elsewhere", "byteball/wallet/a.go", "package a\nimport _ \"github.com/gorilla/websocket\"", "only byteball/hub and byteball/ledger and byteball/ledger/crowd may"},
		{"files", "market/view/a.go", "package a\nimport _ \"os\"", "a pure package imports os"},
		{"sockets", "byteball/channel/a.go", "package a\nimport _ \"net/http\"", "a pure package imports net/http"},
		{"addresses", "market/params/a.go", "package a\nimport _ \"net/url\"", ""},
		{"table", "market/view/a.go", "package a\nimport _ \"embed\"", ""},
		{"files in the program", "market/view/a.go", "package a\nimport \"embed\"", "a pure package imports embed"},
		{"file system", "buyer/a.go", "package a\nimport _ \"io/fs\"", "a pure package imports io/fs"},
		{"file system of a driver", "seller/sensor/sysfs/a.go", "package a\nimport _ \"io/fs\"", ""},
		{"true random", "validator/score/a.go", "package a\nimport _ \"crypto/rand\"", "a pure package imports crypto/rand"},
		{"database", "validator/a.go", "package a\nimport _ \"github.com/dgraph-io/badger/v4\"", "imports github.com/dgraph-io/badger"},
		{"impure below", "seller/a.go", "package a\n" + mod + `protocol/p2p"`, "which is none"},
		{"clock", "seller/a.go", "package a\nimport \"time\"\nvar t = time.Now()", "seller/a.go:3:9: a pure package reads the clock: time.Now"},
		{"clock as a value", "seller/a.go", "package a\nimport \"time\"\nvar now = time.Now", "time.Now"},
		{"clock by another name", "seller/a.go", "package a\nimport clock \"time\"\nvar c = clock.After(1)", "time.After"},
		{"clock without a name", "seller/a.go", "package a\nimport . \"time\"\nvar t = Now()", "without its name"},
		{"clock in a test", "seller/a_test.go", "package a\nimport \"time\"\nvar t = time.Now()", ""},
		{"clock in a loop", "protocol/node/a.go", "package a\nimport \"time\"\nvar t = time.Now()", ""},
		{"durations", "seller/a.go", "package a\nimport \"time\"\nvar t = time.Unix(1, 0).Add(time.Second)", ""},
		{"global random", "buyer/a.go", "package a\nimport \"math/rand/v2\"\nvar i = rand.IntN(3)", "global source: rand.IntN"},
		{"old global random", "buyer/a.go", "package a\nimport \"math/rand\"\nvar i = rand.Intn(3)", "global source: rand.Intn"},
		{"seeded random", "buyer/a.go", "package a\nimport \"math/rand/v2\"\nvar r = rand.New(rand.NewPCG(1, 2))", ""},
		{"goroutine", "protocol/role/a.go", "package a\nfunc f() { go f() }", "starts a goroutine"},
		{"recordings are no source", "seller/testdata/a.go", "no go at all", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wrong, err := walls(fstest.MapFS{tt.file: {Data: []byte(tt.src)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(wrong, "\n"); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}
