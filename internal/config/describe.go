package config

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"sync"
)

// A Setting is one that can be set in the environment.
type Setting struct {
	// Name is the variable's.
	Name string
	// Default is what holds where the variable is missing or empty.
	Default string
	// About is what it is for: the comment on its field.
	About string

	field reflect.StructField
}

// source has the comments on the fields, so that nobody writes them twice.
//
//go:embed *.go
var source embed.FS

// Settings are all of them, in the order of the struct.
var Settings = sync.OnceValue(func() []Setting {
	comments := comments()
	var all []Setting
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if name := field.Tag.Get("env"); name != "" {
			about := comments[field.Name]
			all = append(all, Setting{Name: name, Default: field.Tag.Get("envDefault"), About: about, field: field})
		}
	}
	return all
})

// comments are what the source says on each field of Config, without the name and the verb that Go's
// convention begins a comment with, and without the full stop.
func comments() map[string]string {
	found := map[string]string{}
	files, _ := source.ReadDir(".") // it is in memory
	for _, f := range files {
		text, _ := source.ReadFile(f.Name())
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			panic(err) // it was compiled
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && len(field.Names) == 1 && field.Tag != nil {
				found[field.Names[0].Name] = comment(field)
			}
			return true
		})
	}
	return found
}

func comment(field *ast.Field) string {
	text := strings.Join(strings.Fields(field.Doc.Text()), " ")
	for _, beginning := range []string{field.Names[0].Name + " is ", field.Names[0].Name + " are "} {
		text = strings.TrimPrefix(text, beginning)
	}
	return strings.TrimSuffix(text, ".")
}
