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
	"strings"
	"testing"
	"testing/fstest"
)

// TestExportedNamesAreDocumented: whatever a package shows has a comment that says what it is: every package, type, func,
// const and var, and every method that no other doc explains. A comment on a group stands for all of it.
func TestExportedNamesAreDocumented(t *testing.T) {
	bare, err := undocumented(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bare {
		t.Error(b)
	}
}

// TestUndocumentedSees: the checker finds what it is meant to find, and no more.
func TestUndocumentedSees(t *testing.T) {
	got, err := undocumented(fstest.MapFS{"a/a.go": {Data: []byte(`package a

type T struct{}

// U is said to be.
type U int

func (U) Error() string { return "" }
func (U) Odd()          {}
func F()                {}
func g()                {}

// The words.
const (
	One = 1
	Two = 2
)

var V, w int
`)}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a: package comment is missing", "a/a.go:10: F has no doc comment", "a/a.go:9: U.Odd has no doc comment",
		"a/a.go:3: T has no doc comment", "a/a.go:19: V has no doc comment"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// usual are methods of well-known interfaces; their names say it all.
var usual = []string{"Error", "String", "Unwrap", "Is", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML",
	"UnmarshalYAML", "MarshalCBOR", "UnmarshalCBOR", "MarshalBinary", "UnmarshalBinary", "GoString", "LogValue", "Len", "Less", "Swap", "ServeHTTP", "Write", "Read", "Close",
	"Kind", "Check"} // and of protocol.Message, which explains them

// undocumented lists the exported names without a comment in all packages of a source tree, tests aside.
func undocumented(root fs.FS) (bare []string, err error) {
	files := token.NewFileSet()
	about := map[string]bool{} // package folders, and whether some file has a package comment
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(files, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		about[dir] = about[dir] || f.Doc != nil
		for _, decl := range f.Decls {
			for _, id := range bareNames(decl) {
				bare = append(bare, fmt.Sprintf("%s:%d: %s has no doc comment", name, files.Position(decl.Pos()).Line, id))
			}
		}
		return nil
	})
	for dir, has := range about {
		if !has {
			bare = append(bare, dir+": package comment is missing")
		}
	}
	return bare, err
}

// bareNames are the exported names that a declaration leaves without a comment.
func bareNames(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name, method := d.Name.Name, receiver(d)
		if d.Doc != nil || !d.Name.IsExported() || method != "" && (!ast.IsExported(method) || slices.Contains(usual, name)) {
			return nil
		}
		return []string{strings.TrimPrefix(method+"."+name, ".")}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if id.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of a method's type, empty for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
