package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// An entity is a type of ent/schema.
type entity struct {
	name, file string
	// table is its table in PostgreSQL; empty if nothing has been generated for it yet.
	table string
}

var tableConst = regexp.MustCompile(`(?m)^\tTable = "(\w+)"$`)

func (t *Tree) entities() []entity {
	var all []entity
	for _, f := range t.Go {
		if f.Folder != "ent/schema" || f.IsTest {
			continue
		}
		for name := range structsWith(f, "ent", "Schema") {
			e := entity{name: name, file: f.Path}
			lower := strings.ToLower(name)
			text, _ := t.Text(path.Join("ent", lower, lower+".go"))
			if m := tableConst.FindStringSubmatch(text); m != nil {
				e.table = m[1]
			}
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b entity) int { return strings.Compare(a.name, b.name) })
	return all
}

// structsWith are the structs of a file that embed pkg.name.
func structsWith(f *GoFile, pkg, name string) map[string]*ast.StructType {
	found := map[string]*ast.StructType{}
	for _, d := range f.AST.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.TypeSpec)
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range st.Fields.List {
				if len(field.Names) == 0 && isSelector(field.Type, pkg, name) {
					found[spec.Name.Name] = st
				}
			}
		}
	}
	return found
}

func isSelector(e ast.Expr, x, sel string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != sel {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && id.Name == x
}

var ownsLine = regexp.MustCompile(`(?ms)^Owns:\s*(.*?)\.?\s*(?:\n\n|\z)`)

// owned are the entities that a package's doc.go says it owns; ok is false if it does not say.
func owned(doc *GoFile) (names []string, ok bool) {
	if doc == nil {
		return nil, false
	}
	m := ownsLine.FindStringSubmatch(doc.AST.Doc.Text())
	if m == nil {
		return nil, false
	}
	for _, name := range strings.Split(m[1], ",") {
		if name = strings.TrimSpace(name); name != "nothing" {
			names = append(names, name)
		}
	}
	return names, true
}

// owners are the folders that own each entity.
func (t *Tree) owners() map[string][]string {
	owners := map[string][]string{}
	for _, f := range t.Go {
		if path.Base(f.Path) != "doc.go" {
			continue
		}
		names, _ := owned(f)
		for _, name := range names {
			owners[name] = append(owners[name], f.Folder)
		}
	}
	return owners
}

// everyEntityOwned wants exactly one owner for each entity, and no owner of what is none.
func everyEntityOwned(t *Tree) []Violation {
	var found []Violation
	owners := t.owners()
	for _, e := range t.entities() {
		switch by := owners[e.name]; len(by) {
		case 0:
			found = append(found, Violation{
				File: e.file, What: "nobody owns " + e.name,
				Remedy: "Name it behind `Owns:` in the doc.go of the one package that writes it",
			})
		case 1:
		default:
			found = append(found, Violation{
				File: e.file, What: fmt.Sprintf("%s is owned by %s", e.name, strings.Join(by, " and ")),
				Remedy: "Leave it to one of them; the others call that one",
			})
		}
		delete(owners, e.name)
	}
	for name, folders := range owners {
		found = append(found, Violation{
			File: folders[0] + "/doc.go", What: fmt.Sprintf("owns %s, which is no entity of ent/schema", name),
			Remedy: "Correct the line `Owns:`",
		})
	}
	return found
}
