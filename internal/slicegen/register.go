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
	// isSorted tells that the lines stand in their order: the new one goes behind the last that is lower.
	isSorted bool
}

func entries(name string) []entry {
	return []entry{
		{
			file: "gqlgen.yml",
			last: regexp.MustCompile(`^  - ` + regexp.QuoteMeta(arch.Module) + `/internal/\w+$`),
			line: "  - " + arch.Module + "/internal/" + name,
		},
		{
			file: "schema.graphqls",
			last: regexp.MustCompile(`^#   graph/\w+\.graphqls `),
			line: fmt.Sprintf("#   %-26s what it is about", "graph/"+name+".graphqls"),
		},
		{
			file: "graph/resolver.go",
			last: regexp.MustCompile(`^\t"` + regexp.QuoteMeta(arch.Module) + `/internal/\w+"$`),
			line: "\t\"" + arch.Module + "/internal/" + name + "\"",
		},
		{
			file: "graph/resolver.go",
			last: regexp.MustCompile(`^\t\w+ +\*\w+\.Service$`),
			line: "\t" + strings.ToUpper(name[:1]) + name[1:] + " *" + name + ".Service",
		},
		{
			file: "graph/connect.go",
			last: regexp.MustCompile(`^\t"` + regexp.QuoteMeta(arch.Module) + `/internal/\w+"$`),
			line: "\t\"" + arch.Module + "/internal/" + name + "\"",
		},
		{
			file: "graph/connect.go",
			last: regexp.MustCompile(`^\tr\.\w+ = \w+\.New\(`),
			line: "\tr." + strings.ToUpper(name[:1]) + name[1:] + " = " + name + ".New(b.DB)",
		},
		{
			file: "ARCHITECTURE.md", isSorted: true,
			last: regexp.MustCompile(`^(internal|graph/transport)/\S*\s{2}`), // what stands above the first slice fits too
			line: fmt.Sprintf("%-31s slice: what it is about", "internal/"+name+"/"),
		},
	}
}

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
		if e.last.MatchString(line) && (!e.isSorted || line < e.line) {
			at = i
		}
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
