// Package simulations_test holds the simulator to its promise: it plays the market's rules and has none of its own.
package simulations_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/iotverse/iotverse/"

// pkg is one package of the simulator, type-checked, without its tests.
type pkg struct {
	path  string
	files []*ast.File
	info  *types.Info
}

// world is the simulator's source with the types of all that it uses.
type world struct {
	fset    *token.FileSet
	imports types.Importer
	list    []pkg
}

// load type-checks the simulator's packages against the compiler's own export data.
func load(t *testing.T) *world {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[path] = file
	}
	w := &world{fset: token.NewFileSet()}
	w.imports = importer.ForCompiler(w.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	names, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]*ast.File)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(w.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Dir(name)] = append(files[filepath.Dir(name)], f)
	}
	for _, dir := range slices.Sorted(maps.Keys(files)) {
		w.list = append(w.list, w.check(t, dir, files[dir]...))
	}
	if len(w.list) < 5 {
		t.Fatalf("only %d packages found", len(w.list))
	}
	return w
}

func (w *world) check(t *testing.T, path string, files ...*ast.File) pkg {
	t.Helper()
	p := pkg{path: path, files: files, info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}}
	if _, err := (&types.Config{Importer: w.imports}).Check(path, w.fset, files, p.info); err != nil {
		t.Fatal(err)
	}
	return p
}

// named says whether a type, or what it points to, is the module's one of that name.
func named(t types.Type, name string) bool {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path()+"."+n.Obj().Name() == module+name
}

func (p pkg) is(e ast.Expr, name string) bool {
	tv, ok := p.info.Types[e]
	return ok && tv.Type != nil && named(tv.Type, name)
}

// isMoney says whether an expression is an amount of money, or a number made of one by conversion alone.
func (p pkg) isMoney(e ast.Expr) bool {
	if tv := p.info.Types[e]; tv.Value != nil {
		return false // a constant
	}
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok && len(call.Args) == 1 && p.info.Types[call.Fun].IsType() {
		return p.isMoney(call.Args[0])
	}
	return p.is(e, "byteball.Bytes") || p.is(e, "market/books.Amount")
}

// ruled are words for what only the rules of the market may define.
var ruled = regexp.MustCompile(`(?i)^(fees?|split|share|price|score|integrity|relevance|reputation|rep|seat|draw?committee|committee|quorum|tally|custody|sample|relevant|payouts?|merit|novelty|stamp(ed)?body)(of|for|at|batch|window)?$`)

// findings lists what in a package is a rule of its own.
func findings(fset *token.FileSet, p pkg) (list []string) {
	add := func(n ast.Node, what string) { list = append(list, fset.Position(n.Pos()).String()+": "+what) }
	for _, f := range p.files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if ruled.MatchString(n.Name.Name) {
					add(n, "function "+n.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range n.Names {
					if obj := p.info.Defs[name]; obj != nil && obj.Parent() != nil && obj.Parent() == obj.Pkg().Scope() && ruled.MatchString(name.Name) {
						add(n, "package-wide "+name.Name)
					}
				}
			case *ast.BinaryExpr:
				scales := slices.Contains([]token.Token{token.MUL, token.QUO, token.REM, token.SHL, token.SHR}, n.Op)
				if scales && (p.isMoney(n.X) || p.isMoney(n.Y)) {
					add(n, "money is scaled: a price, a fee or a share is computed")
				}
			case *ast.CompositeLit:
				for _, made := range []string{"market/committee.Committee", "market/committee.Ticket", "protocol.Stamp", "protocol.Stamped",
					"protocol.Reveal", "protocol.Receipt", "protocol.Match", "protocol.Voucher", "market/price.Payees"} {
					if p.is(n, made) {
						add(n, "makes a "+made+", which only the cores do")
					}
				}
				if p.is(n, "validator/score.Result") && p.path != "adversary" {
					add(n, "makes a judgement")
				}
			case *ast.CallExpr:
				if fn := p.callee(n); fn == module+"protocol.H" || fn == module+"protocol.PRF" {
					add(n, "draws by a rule's hash")
				}
			}
			return true
		})
	}
	return list
}

// callee is the full name of a function called by its package, else "".
func (p pkg) callee(c *ast.CallExpr) string {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		if fn, ok := p.info.Uses[s.Sel].(*types.Func); ok && fn.Pkg() != nil && fn.Signature().Recv() == nil {
			return fn.Pkg().Path() + "." + fn.Name()
		}
	}
	return ""
}

// The simulator holds no price, score, split or committee of its own: it scales no money, makes none of the messages and
// judgements that the rules make, defines nothing by their names.
func TestNoRulesOfItsOwn(t *testing.T) {
	w := load(t)
	for _, p := range w.list {
		for _, f := range findings(w.fset, p) {
			t.Error(f)
		}
	}
}

// The roles that play are the real ones, and nothing of the simulator reaches a socket, a clock or a store of its own.
func TestImports(t *testing.T) {
	played := make(map[string]bool)
	for _, p := range load(t).list {
		for _, f := range p.files {
			for _, spec := range f.Imports {
				path := strings.Trim(spec.Path.Value, `"`)
				played[path] = true
				for _, no := range []string{module + "protocol/p2p", module + "protocol/node", module + "byteball/hub", module + "cmd",
					module + "market/price", module + "market/round", "net", "os", "math/rand", "crypto/rand"} {
					if path == no || strings.HasPrefix(path, no+"/") && no != "math/rand" {
						t.Errorf("%s imports %s", p.path, path)
					}
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok {
					if fn := p.callee(c); slices.Contains([]string{"time.Now", "time.Sleep", "time.After", "time.NewTimer", "time.Since"}, fn) {
						t.Errorf("%s calls %s", p.path, fn)
					}
				}
				return true
			})
		}
	}
	for _, core := range []string{"seller", "validator", "buyer", "market/params", "byteball/ledger"} {
		if !played[module+core] {
			t.Errorf("nothing imports %s: what is it that is simulated?", core)
		}
	}
}

// The test above can fail: each of these would be a rule of the simulator's own.
func TestFindsRules(t *testing.T) {
	w := load(t)
	for name, body := range map[string]string{
		"a price":       "func f(u byteball.Bytes) byteball.Bytes { return u * 850 / 1000 }",
		"a split":       "func f(u byteball.Bytes) uint64 { return uint64(u) / 7 }",
		"a score":       "func f() score.Result { return score.Result{I: 1000} }",
		"a committee":   "func f() *committee.Committee { return &committee.Committee{} }",
		"a draw":        "func f(b []byte) protocol.Hash { return protocol.H(\"iv1/seat\", b) }",
		"a stamp":       "func f() any { return protocol.Stamp{I: 900} }",
		"a named rule":  "func fee() int { return 3 }",
		"a named share": "var quorum = 5",
	} {
		src := "package p\nimport (\n\"" + module + "byteball\"\n\"" + module + "protocol\"\n\"" + module + "validator/score\"\n\"" + module + "market/committee\"\n)\n" +
			"var _ byteball.Bytes\nvar _ protocol.Hash\nvar _ score.Code\nvar _ committee.Role\n" + body
		f, err := parser.ParseFile(w.fset, "p.go", src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if len(findings(w.fset, w.check(t, "p", f))) == 0 {
			t.Errorf("%s of the simulator's own would not be found", name)
		}
	}
}
