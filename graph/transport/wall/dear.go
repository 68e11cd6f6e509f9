package wall

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// TooDear says that an operation costs too much, and where most of that lies.
func (p *Prices) TooDear(doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any, found, allowed int) *gqlerror.Error {
	limit, what := limitCost, "This costs too much"
	if op.Operation == ast.Subscription {
		limit, what = limitUpdateCost, "An update of this costs too much"
	}
	err := exceeded(limit, allowed, found, what+", fields times rows, most of it at the path in the extensions")
	err.Extensions["path"] = p.walk(doc, variables).dearestPath(op)
	return err
}

// dearestPath is the path of the field in which most of an operation's cost lies: it goes down as long as one field
// that holds others has at least half of what is left.
func (w *pricing) dearestPath(op *ast.OperationDefinition) []string {
	path := []string{}
	set, of, page := op.SelectionSet, w.rootType(op), 0
	for whole := w.root(op); ; {
		f, owner, cost := w.dearest(set, of, page)
		if f == nil || len(path) > 0 && (cost*2 < whole || len(f.SelectionSet) == 0) {
			return path
		}
		path = append(path, f.Alias)
		def := owner.Fields.ForName(f.Name)
		if def == nil || IsIntrospection(f) {
			return path
		}
		rows, inner := w.rows(f, def, page)
		set, of, page = f.SelectionSet, w.schema.Types[def.Type.Name()], inner
		whole = cost / max(rows, 1)
	}
}

// dearest is the field of a set that costs most of one row, and the type that has it.
func (w *pricing) dearest(set ast.SelectionSet, of *ast.Definition, page int) (best *ast.Field, owner *ast.Definition, cost int) {
	if of == nil {
		return nil, nil, 0
	}
	types := []*ast.Definition{of}
	if of.Kind != ast.Object {
		types = w.schema.GetPossibleTypes(of)
	}
	for _, t := range types {
		Visit(set, w.fragments, func(s ast.Selection, _ []*ast.Field) Step {
			switch s := s.(type) {
			case *ast.Field:
				if c := w.field(s, t, page); c > cost {
					best, owner, cost = s, t, c
				}
				return Over
			case *ast.InlineFragment:
				return map[bool]Step{true: Into, false: Over}[w.applies(s.TypeCondition, t)]
			case *ast.FragmentSpread:
				return map[bool]Step{true: Into, false: Over}[s.Definition != nil && w.applies(s.Definition.TypeCondition, t)]
			}
			return Over
		})
	}
	return best, owner, cost
}
