package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// writes are the methods of an ent client that begin a write.
var writes = []string{
	"Create", "CreateBulk", "MapCreateBulk", "Update", "UpdateOne", "UpdateOneID", "Delete", "DeleteOne", "DeleteOneID",
}

var sqlWrite = regexp.MustCompile(`(?i)\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE|COPY)\s+(?:ONLY\s+)?"?(\w+)`)

// oneWriter holds each write of an entity, through ent or by hand, to the package that owns the entity.
// Tests may set up what they need.
func oneWriter(t *Tree) []Violation {
	w := writer{owners: t.owners(), tables: map[string]string{}, listed: map[string]bool{}}
	for _, e := range t.entities() {
		w.names = append(w.names, e.name)
		if e.table != "" {
			w.tables[e.table] = e.name
		}
	}
	for _, f := range t.Go {
		if f.IsTest || f.IsGenerated || in(f.Folder, "ent") {
			continue
		}
		handled := map[ast.Node]bool{}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			w.look(f, n, handled)
			return true
		})
	}
	for name := range writersElse {
		if !w.listed[name] {
			w.found = append(w.found, Violation{
				File: "internal/arch/listed.go", What: "writersElse lists " + name + ", which does not need it", Remedy: "Take the line out",
			})
		}
	}
	return w.found
}

type writer struct {
	names  []string
	tables map[string]string
	owners map[string][]string
	found  []Violation
	// listed are the files of writersElse that do write.
	listed map[string]bool
}

func (w *writer) look(f *GoFile, n ast.Node, handled map[ast.Node]bool) {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		client, ok := n.X.(*ast.SelectorExpr)
		switch {
		case ok && slices.Contains(w.names, client.Sel.Name):
			handled[client] = true
			if slices.Contains(writes, n.Sel.Name) {
				w.write(f, n.Sel, client.Sel.Name, "writes "+client.Sel.Name)
			}
		case !handled[n] && slices.Contains(w.names, n.Sel.Name) && isClient(n.X):
			w.found = append(w.found, Violation{
				File: f.Path, Line: f.line(n.Sel), What: "gives the client of " + n.Sel.Name + " away",
				Remedy: "Call its methods where it stands, so that one sees who writes",
			})
		}
	case *ast.CallExpr:
		// row.Update().Set…: which entity the row is can not be told from here.
		chain, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || !isBuilderStep(chain.Sel.Name) {
			return
		}
		call, ok := chain.X.(*ast.CallExpr)
		if !ok || len(call.Args) > 0 {
			return
		}
		update, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || update.Sel.Name != "Update" {
			return
		}
		if client, ok := update.X.(*ast.SelectorExpr); ok && slices.Contains(w.names, client.Sel.Name) {
			return
		}
		w.found = append(w.found, Violation{
			File: f.Path, Line: f.line(update.Sel), What: "updates through a row",
			Remedy: "Write `tx.Entity.UpdateOne(row)`, so that one sees which entity is written",
		})
	case *ast.BasicLit:
		if n.Kind != token.STRING {
			return
		}
		for _, m := range sqlWrite.FindAllStringSubmatch(n.Value, -1) {
			if name, ok := w.tables[strings.ToLower(m[1])]; ok {
				w.write(f, n, name, fmt.Sprintf("writes %s by hand", name))
			}
		}
	}
}

func (w *writer) write(f *GoFile, at ast.Node, name, what string) {
	if slices.Contains(w.owners[name], unit(f.Folder)) {
		return
	}
	if writersElse[f.Path] != "" {
		w.listed[f.Path] = true
		return
	}
	w.found = append(w.found, Violation{
		File: f.Path, Line: f.line(at), What: what,
		Remedy: fmt.Sprintf("Only its owner does (%s): call a use case of that package", either(w.owners[name], "named in a doc.go behind `Owns:`")),
	})
}

// isClient tells an ent client or transaction by its usual names.
func isClient(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "tx" || e.Name == "client"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Ent"
	case *ast.CallExpr:
		s, ok := e.Fun.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "Client"
	}
	return false
}

func isBuilderStep(name string) bool {
	return name == "Save" || name == "Exec" || name == "Where" || strings.HasPrefix(name, "Set") ||
		strings.HasPrefix(name, "Add") || strings.HasPrefix(name, "Clear") || strings.HasPrefix(name, "Append")
}
