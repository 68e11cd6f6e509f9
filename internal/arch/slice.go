package arch

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// sliceShape wants the same files in every slice, and for each slice its three files at the edge.
func sliceShape(t *Tree) []Violation {
	names := t.Slices()
	var found []Violation
	for _, name := range names {
		found = append(found, oneSlice(t, name)...)
	}
	for _, file := range t.Files {
		base, ok := strings.CutSuffix(file, ".graphqls")
		if !ok || path.Dir(file) != "graph" {
			continue
		}
		// A slice that outgrows one file splits by noun: messaging_reactions.graphqls.
		name, _, _ := strings.Cut(path.Base(base), "_")
		if !slices.Contains(names, name) {
			found = append(found, Violation{
				File: file, What: fmt.Sprintf("there is no slice internal/%s", name),
				Remedy: "Name the file after its slice, with `_noun` behind it if the slice has several",
			})
		}
	}
	return found
}

func oneSlice(t *Tree, name string) []Violation {
	var found []Violation
	folder := "internal/" + name
	miss := func(file, what, remedy string) {
		found = append(found, Violation{File: file, What: what, Remedy: remedy})
	}
	const orKit = "`make slice name=…` writes a whole slice; what is no slice is named in ladder (internal/arch/ladder.go)"

	for _, file := range []string{
		folder + "/doc.go", folder + "/" + name + ".go", folder + "/" + name + "_test.go",
		"graph/" + name + ".graphqls", "graph/" + name + ".resolvers.go", "graph/" + name + "_test.go",
	} {
		if !t.Has(file) {
			miss(file, fmt.Sprintf("the slice %s lacks this file", name), orKit)
		}
	}
	// Only who changes something is refused something.
	if schema, _ := t.Text("graph/" + name + ".graphqls"); strings.Contains(schema, "extend type Mutation") && !t.Has(folder+"/errors.go") {
		miss(folder+"/errors.go", fmt.Sprintf("the slice %s lacks this file", name), orKit)
	}
	if doc := t.Find(folder + "/doc.go"); doc != nil {
		if _, ok := owned(doc); !ok {
			miss(doc.Path, "does not say what the slice owns", "Add a paragraph `Owns: Entity, Entity.` or `Owns: nothing.` to the package comment")
		}
	}
	if main := t.Find(folder + "/" + name + ".go"); main != nil {
		if !declares(main, "Service") {
			miss(main.Path, "has no type Service", "The slice's use cases are methods of Service, declared here")
		}
		if !declares(main, "New") {
			miss(main.Path, "has no function New", "New makes the slice's Service, here")
		}
	}
	if config, _ := t.Text("gqlgen.yml"); !hasLine(config, "- "+Module+"/"+folder) {
		miss("gqlgen.yml", "autobind lacks the slice "+name, fmt.Sprintf("Add the line `  - %s/%s`", Module, folder))
	}
	if front, _ := t.Text("schema.graphqls"); !strings.Contains(front, "graph/"+name+".graphqls") {
		miss("schema.graphqls", "the list at its top lacks the slice "+name, fmt.Sprintf("Add a line for graph/%s.graphqls", name))
	}
	if resolver, _ := t.Text("graph/resolver.go"); !strings.Contains(resolver, "*"+name+".Service") {
		miss("graph/resolver.go", "Resolver lacks the slice "+name, fmt.Sprintf("Add a field of type *%s.Service", name))
	}
	return found
}

// declares tells whether a file declares a type or a function (not a method) of this name.
func declares(f *GoFile, name string) bool {
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == name {
				return true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Name == name {
					return true
				}
			}
		}
	}
	return false
}

func hasLine(text, line string) bool {
	for l := range strings.Lines(text) {
		if strings.TrimSpace(l) == line {
			return true
		}
	}
	return false
}

// actors are names that an argument for the acting person would have.
var actors = []string{
	"actor", "actorid", "by", "byid", "caller", "callerid", "me", "self", "user", "userid", "viewer", "viewerid",
	"asuser", "actingas", "onbehalfof",
}

// noActor refuses use cases that take the acting person: who asks is in the context.
func noActor(t *Tree) []Violation {
	var found []Violation
	names := t.Slices()
	for _, f := range t.Go {
		if f.IsTest || !slices.Contains(names, strings.TrimPrefix(f.Folder, "internal/")) {
			continue
		}
		for _, d := range f.AST.Decls {
			method, ok := d.(*ast.FuncDecl)
			if !ok || !method.Name.IsExported() || !isMethodOf(method, "Service") {
				continue
			}
			for _, p := range method.Type.Params.List {
				if name := actorOf(p); name != "" {
					found = append(found, Violation{
						File: f.Path, Line: f.line(p), What: fmt.Sprintf("%s takes the acting person as %s", method.Name.Name, name),
						Remedy: "Ask viewer.From(ctx)",
					})
				}
			}
		}
	}
	return found
}

func actorOf(p *ast.Field) string {
	for _, name := range p.Names {
		if slices.Contains(actors, strings.ToLower(name.Name)) {
			return name.Name
		}
	}
	kind := p.Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if isSelector(kind, "viewer", "Viewer") {
		return "a viewer.Viewer"
	}
	return ""
}

func isMethodOf(d *ast.FuncDecl, name string) bool {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return false
	}
	kind := d.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	id, ok := kind.(*ast.Ident)
	return ok && id.Name == name
}
