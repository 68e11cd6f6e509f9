package arch_test

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/arch"
)

// A document is GraphQL that stands somewhere in the tree.
type document struct{ file, text string }

var (
	// A constant of JavaScript that holds text, and where one is put into another.
	jsText  = regexp.MustCompile("(?s)const (\\w+) = `([^`]*)`")
	jsPutIn = regexp.MustCompile(`\$\{(\w+)\}`)
	// The ways in which documents stand in pages: as a block, in a request's JSON, in a URL's parameter, and quoted
	// for a shell.
	mdBlock = regexp.MustCompile("(?s)```graphql\n(.*?)```")
	mdJSON  = regexp.MustCompile(`"query": ("(?:[^"\\]|\\.)*")`)
	mdParam = regexp.MustCompile(`query=([^']*)'`)
	mdQuote = regexp.MustCompile(`(?:gql |=)'([^']*)'`)
	// What an operation begins with.
	operation = regexp.MustCompile(`^(?:\s|#.*\n)*(?:(?:query|mutation|subscription)\b|\{\s*[^"\s])`)
)

// shown are the documents of what people read and copy: the pages, the examples, and the development pages.
func shown(t *testing.T) []document {
	t.Helper()
	var all []document
	tree := files(t)
	for _, name := range tree.Files {
		folder := path.Dir(name)
		isPage := path.Ext(name) == ".md" && (folder == "." || folder == "docs")
		isCode := path.Ext(name) == ".js" && (strings.HasPrefix(folder, "docs/examples") || strings.HasPrefix(folder, "internal/server/pages")) &&
			!strings.Contains(folder, "/npm")
		if !isPage && !isCode {
			continue
		}
		body, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		texts := inPage(string(body))
		if isCode {
			texts = inJavaScript(string(body))
		}
		for _, text := range texts {
			if operation.MatchString(text) {
				all = append(all, document{name, text})
			}
		}
	}
	return all
}

func inJavaScript(source string) []string {
	var all []string
	known := map[string]string{}
	for _, match := range jsText.FindAllStringSubmatch(source, -1) {
		text := jsPutIn.ReplaceAllStringFunc(match[2], func(s string) string { return known[s[2:len(s)-1]] })
		known[match[1]] = text
		all = append(all, text)
	}
	return all
}

func inPage(page string) []string {
	var all []string
	for _, match := range mdJSON.FindAllStringSubmatch(page, -1) {
		var text string
		if json.Unmarshal([]byte(match[1]), &text) == nil {
			all = append(all, text)
		}
	}
	for _, form := range []*regexp.Regexp{mdBlock, mdParam, mdQuote} {
		for _, match := range form.FindAllStringSubmatch(page, -1) {
			all = append(all, match[1])
		}
	}
	return all
}

// tested are the texts in the tests of the API that may be documents; some are wrong on purpose.
func tested(t *testing.T) []document {
	t.Helper()
	var sources []*arch.GoFile
	for _, f := range files(t).Go {
		if f.Folder == "graph" && f.IsTest {
			sources = append(sources, f)
		}
	}
	constants := map[string]ast.Expr{}
	for _, f := range sources {
		for _, d := range f.AST.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
				for _, s := range d.Specs {
					if s := s.(*ast.ValueSpec); len(s.Names) == 1 && len(s.Values) == 1 {
						constants[s.Names[0].Name] = s.Values[0]
					}
				}
			}
		}
	}
	var all []document
	for _, f := range sources {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := textOf(e, constants)
			if ok && operation.MatchString(text) {
				all = append(all, document{f.Path, text})
			}
			return !ok // the parts of a sum are no documents
		})
	}
	return all
}

// textOf is the text that literals and constants add up to.
func textOf(e ast.Expr, constants map[string]ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		if value, ok := constants[e.Name]; ok {
			return textOf(value, constants)
		}
	case *ast.BinaryExpr:
		x, ok := textOf(e.X, constants)
		y, also := textOf(e.Y, constants)
		return x + y, ok && also && e.Op == token.ADD
	}
	return "", false
}

func files(t *testing.T) *arch.Tree {
	t.Helper()
	tree, err := arch.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
