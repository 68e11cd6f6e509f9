package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Module is the module's path.
const Module = "github.com/convenehq/convene"

// A Tree is the files of a checkout without what git ignores.
type Tree struct {
	// Files are the paths of all files, sorted.
	Files []string
	// Go are the Go files of the module, sorted by path.
	Go   []*GoFile
	text map[string]string
}

// A GoFile is a parsed Go file. Of generated files only the imports are parsed.
type GoFile struct {
	Path, Folder string
	AST          *ast.File
	Fset         *token.FileSet
	Lines        int
	IsGenerated  bool
	IsTest       bool
	// IsIgnored tells a program of its own that `//go:build ignore` keeps out of the package.
	IsIgnored bool
}

// Load reads a tree.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{text: map[string]string{}}
	ignore := readIgnore(fsys)
	var otherModules []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignore.folder(name):
			return fs.SkipDir
		case d.IsDir() || ignore.file(name):
			return nil
		}
		t.Files = append(t.Files, name)
		if path.Base(name) == "go.mod" && name != "go.mod" {
			otherModules = append(otherModules, path.Dir(name)+"/")
		}
		if !isText(name) {
			return nil
		}
		body, err := fs.ReadFile(fsys, name)
		t.text[name] = string(body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	slices.Sort(t.Files)
	for _, name := range t.Files {
		other := slices.ContainsFunc(otherModules, func(m string) bool { return strings.HasPrefix(name, m) })
		if path.Ext(name) != ".go" || other || strings.Contains(name, "testdata/") {
			continue
		}
		f, err := parse(name, t.text[name])
		if err != nil {
			return nil, fmt.Errorf("parse the tree: %w", err)
		}
		t.Go = append(t.Go, f)
	}
	return t, nil
}

// Text is a file's text; ok is false if there is no such file.
func (t *Tree) Text(name string) (text string, ok bool) {
	text, ok = t.text[name]
	return text, ok
}

// Has tells whether a file exists.
func (t *Tree) Has(name string) bool {
	_, found := slices.BinarySearch(t.Files, name)
	return found
}

// Find is the Go file of this path; nil if there is none.
func (t *Tree) Find(name string) *GoFile {
	i, found := slices.BinarySearchFunc(t.Go, name, func(f *GoFile, n string) int { return strings.Compare(f.Path, n) })
	if !found {
		return nil
	}
	return t.Go[i]
}

// Packages are the Go files that are part of a package, by folder.
func (t *Tree) Packages() map[string][]*GoFile {
	packages := map[string][]*GoFile{}
	for _, f := range t.Go {
		if !f.IsIgnored {
			packages[f.Folder] = append(packages[f.Folder], f)
		}
	}
	return packages
}

func isText(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".graphqls", ".yml", ".mod":
		return true
	}
	return false
}

var (
	generatedMark = regexp.MustCompile(`(?m)^// Code generated .*DO NOT EDIT\.$`)
	ignoredMark   = regexp.MustCompile(`(?m)^//go:build ignore$`)
)

type parsed struct {
	body string
	file *GoFile
}

// cache keeps what was parsed: the tests plant one file at a time in an otherwise equal tree.
var cache sync.Map

func parse(name, body string) (*GoFile, error) {
	if c, ok := cache.Load(name); ok && c.(parsed).body == body {
		return c.(parsed).file, nil
	}
	head, _, _ := strings.Cut(body, "\npackage ")
	f := &GoFile{
		Path:        name,
		Folder:      path.Dir(name),
		Fset:        token.NewFileSet(),
		Lines:       strings.Count(body, "\n"),
		IsGenerated: generatedMark.MatchString(head),
		IsTest:      strings.HasSuffix(name, "_test.go") || path.Dir(name) == "internal/testkit" || path.Dir(name) == "internal/testkit/node",
		IsIgnored:   ignoredMark.MatchString(head),
	}
	mode := parser.ParseComments | parser.SkipObjectResolution
	if f.IsGenerated {
		mode = parser.ImportsOnly
	}
	var err error
	if f.AST, err = parser.ParseFile(f.Fset, name, body, mode); err != nil {
		return nil, err
	}
	cache.LoadOrStore(name, parsed{body, f})
	return f, nil
}

// line is the line of a node.
func (f *GoFile) line(n ast.Node) int { return f.Fset.Position(n.Pos()).Line }

// in tells whether a folder is one of the others or lies in one of them.
func in(folder string, others ...string) bool {
	return slices.ContainsFunc(others, func(o string) bool {
		return folder == o || strings.HasPrefix(folder, o+"/")
	})
}
