package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/convenehq/convene/internal/arch"
)

//go:embed templates
var templates embed.FS

// files are what a slice begins with: where each goes, and the template it is made of.
var files = []struct{ path, template string }{
	{"internal/NAME/doc.go", "doc.go.tmpl"},
	{"internal/NAME/NAME.go", "slice.go.tmpl"},
	{"internal/NAME/api.go", "api.go.tmpl"},
	{"internal/NAME/errors.go", "errors.go.tmpl"},
	{"internal/NAME/try.go", "try.go.tmpl"},
	{"internal/NAME/NAME_test.go", "slice_test.go.tmpl"},
	{"graph/NAME.graphqls", "schema.graphqls.tmpl"},
	{"graph/NAME.resolvers.go", "resolvers.go.tmpl"},
	{"graph/NAME_test.go", "graph_test.go.tmpl"},
}

var wellNamed = regexp.MustCompile(`^[a-z]{3,20}$`)

// check refuses names that can not become a slice.
func check(root, name string) error {
	switch {
	case !wellNamed.MatchString(name):
		return errors.New("a slice has the name of a noun of docs/glossary.md: 3 to 20 lower-case letters")
	case token.IsKeyword(name) || !arch.IsSlice(name):
		return errors.New("the name is taken by something that is no slice")
	}
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(root, place(f.path, name))); err == nil {
			return fmt.Errorf("%s exists", place(f.path, name))
		}
	}
	return nil
}

// write writes the slice's own files.
func write(root, name string) error {
	all, err := template.ParseFS(templates, "templates/*.tmpl")
	if err != nil {
		return fmt.Errorf("read the templates: %w", err)
	}
	for _, f := range files {
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, f.template, words(name)); err != nil {
			return fmt.Errorf("fill in %s: %w", f.template, err)
		}
		text := out.Bytes()
		if strings.HasSuffix(f.path, ".go") {
			if text, err = format.Source(text); err != nil {
				return fmt.Errorf("format %s: %w", f.template, err)
			}
		}
		target := filepath.Join(root, place(f.path, name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("make the slice's folder: %w", err)
		}
		if err := os.WriteFile(target, text, 0o644); err != nil {
			return fmt.Errorf("write the slice: %w", err)
		}
	}
	return nil
}

// explain says what is left to do.
func explain(to io.Writer, name string) error {
	all, err := template.ParseFS(templates, "templates/next.tmpl")
	if err != nil {
		return err
	}
	return all.Execute(to, words(name))
}

func place(pattern, name string) string { return strings.ReplaceAll(pattern, "NAME", name) }

// words are the forms of the name that the templates use.
func words(name string) any {
	return struct{ Module, Name, Title, Upper string }{
		arch.Module, name, strings.ToUpper(name[:1]) + name[1:], strings.ToUpper(name),
	}
}
