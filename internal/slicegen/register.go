package main

import (
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/convenehq/convene/internal/arch"
)

// An entry is a line that makes a slice known somewhere. It goes behind the last line that fits.
type entry struct {
	file string
	// last fits the lines behind one of which the new one goes.
	last *regexp.Regexp
	line string
}

func entries(name string) []entry {
	return []entry{
		{
			"gqlgen.yml", regexp.MustCompile(`^  - ` + regexp.QuoteMeta(arch.Module) + `/internal/\w+$`),
			"  - " + arch.Module + "/internal/" + name,
		},
		{
			"schema.graphqls", regexp.MustCompile(`^#   graph/\w+\.graphqls `),
			"#   graph/" + name + ".graphqls   what it is about",
		},
		{
			"graph/resolver.go", regexp.MustCompile(`^\t"` + regexp.QuoteMeta(arch.Module) + `/internal/\w+"$`),
			"\t\"" + arch.Module + "/internal/" + name + "\"",
		},
		{
			"graph/resolver.go", regexp.MustCompile(`^\t\w+ +\*\w+\.Service$`),
			"\t" + strings.ToUpper(name[:1]) + name[1:] + " *" + name + ".Service",
		},
		{
			"ARCHITECTURE.md", sliceLine,
			fmt.Sprintf("%-24s what it is about", "internal/"+name+"/"),
		},
	}
}

// sliceLine is a slice's line in the tree of ARCHITECTURE.md.
var sliceLine = regexp.MustCompile(`^internal/(\w+)/\s`)

// register makes the slice known to gqlgen, to the resolvers and to whoever reads about the whole.
func register(root, name string) error {
	for _, e := range entries(name) {
		path := filepath.Join(root, e.file)
		body, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("make the slice known: %w", err)
		}
		text, err := e.insert(string(body))
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("make the slice known: %w", err)
		}
	}
	return nil
}

func (e entry) insert(text string) ([]byte, error) {
	lines := strings.Split(text, "\n")
	at := -1
	for i, line := range lines {
		m := e.last.FindStringSubmatch(line)
		if m == nil || len(m) == 2 && !arch.IsSlice(m[1]) {
			continue
		}
		at = i
	}
	if at < 0 {
		return nil, fmt.Errorf("%s has no line of a slice behind which to put %q", e.file, e.line)
	}
	lines = append(lines[:at+1], append([]string{e.line}, lines[at+1:]...)...)
	out := []byte(strings.Join(lines, "\n"))
	if !strings.HasSuffix(e.file, ".go") {
		return out, nil
	}
	out, err := format.Source(out)
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", e.file, err)
	}
	return out, nil
}
