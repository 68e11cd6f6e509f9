// Command printschema writes the whole schema to one file, sorted, with its descriptions: for clients that
// generate code from it, and for reviewers, who see every change of the API in one place.
//
//	go run ./graph/printschema
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

//go:generate go run . ../..

// output is the one file, from the root of the module.
const output = "graph/generated/schema.graphqls"

func main() {
	log.SetFlags(0)
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	text, err := printed(root)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, output), text, 0o644)
	}
	if err != nil {
		log.Fatalf("print the schema: %v", err)
	}
}

// printed is the whole schema of the module at root.
func printed(root string) ([]byte, error) {
	names, err := filepath.Glob(filepath.Join(root, "graph", "*.graphqls"))
	if err != nil {
		return nil, err
	}
	var sources []*ast.Source
	for _, name := range append([]string{filepath.Join(root, "schema.graphqls")}, names...) {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(body)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		return nil, err
	}
	sortSchema(schema)
	var out bytes.Buffer
	fmt.Fprintln(&out, "# Printed by graph/printschema from schema.graphqls and graph/*.graphqls: edit those.")
	formatter.NewFormatter(&out, formatter.WithIndent("  ")).FormatSchema(schema)
	return out.Bytes(), nil
}

// sortSchema puts everything into the order of names, so that moving a field changes nothing.
func sortSchema(schema *ast.Schema) {
	for _, d := range schema.Types {
		slices.SortFunc(d.Fields, func(a, b *ast.FieldDefinition) int { return cmp.Compare(a.Name, b.Name) })
		for _, f := range d.Fields {
			sortArguments(f.Arguments)
		}
		slices.SortFunc(d.EnumValues, func(a, b *ast.EnumValueDefinition) int { return cmp.Compare(a.Name, b.Name) })
		slices.Sort(d.Interfaces)
		slices.Sort(d.Types)
	}
	for _, d := range schema.Directives {
		sortArguments(d.Arguments)
	}
}

func sortArguments(list ast.ArgumentDefinitionList) {
	slices.SortFunc(list, func(a, b *ast.ArgumentDefinition) int { return cmp.Compare(a.Name, b.Name) })
}
