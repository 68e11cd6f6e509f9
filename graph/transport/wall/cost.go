package wall

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// An Estimate is what an operation costs at most: each field counts one, for each row that it is asked of.
type Estimate struct {
	// Cost is the sum.
	Cost int
	// Varies is whether other variables may make another sum.
	Varies bool
}

// Estimate adds up what a valid operation costs with its variables, as gqlparser has coerced them. Where a field can
// be of several types, the dearest of them counts.
func (p *Prices) Estimate(doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any) Estimate {
	w := p.walk(doc, variables)
	return Estimate{Cost: w.root(op), Varies: w.varies}
}

// pricing is one walk through a valid document.
type pricing struct {
	*Prices
	fragments ast.FragmentDefinitionList
	variables map[string]any
	varies    bool
	memo      map[priced]int
}

// priced is a field or a fragment as it stands in a row of some type. What it costs depends on nothing else.
type priced struct {
	field    *ast.Field
	fragment string
	of       *ast.Definition
	page     int
}

// once works a price out if it is not known yet.
func (w *pricing) once(key priced, cost func() int) int {
	known, ok := w.memo[key]
	if !ok {
		known = cost()
		if w.memo == nil {
			w.memo = map[priced]int{}
		}
		w.memo[key] = known
	}
	return known
}

func (p *Prices) walk(doc *ast.QueryDocument, variables map[string]any) *pricing {
	return &pricing{Prices: p, fragments: doc.Fragments, variables: variables}
}

func (w *pricing) root(op *ast.OperationDefinition) int {
	return w.row(op.SelectionSet, w.rootType(op), 0)
}

func (w *pricing) rootType(op *ast.OperationDefinition) *ast.Definition {
	switch op.Operation {
	case ast.Mutation:
		return w.schema.Mutation
	case ast.Subscription:
		return w.schema.Subscription
	default:
		return w.schema.Query
	}
}

// row is what a set costs of one row. Of a connection, page is how many rows its edges and nodes have.
func (w *pricing) row(set ast.SelectionSet, of *ast.Definition, page int) int {
	if len(set) == 0 || of == nil {
		return 0
	}
	if of.Kind == ast.Object || !slices.ContainsFunc(set, isFragment) {
		return w.sum(set, of, page)
	}
	dearest := 0
	for _, t := range w.schema.GetPossibleTypes(of) {
		dearest = max(dearest, w.sum(set, t, page))
	}
	return dearest
}

func isFragment(s ast.Selection) bool {
	_, isField := s.(*ast.Field)
	return !isField
}

// sum adds up what a set selects of a row of a type.
func (w *pricing) sum(set ast.SelectionSet, of *ast.Definition, page int) (cost int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			cost = add(cost, w.field(s, of, page))
		case *ast.InlineFragment:
			if w.isIncluded(s.Directives) && w.applies(s.TypeCondition, of) {
				cost = add(cost, w.sum(s.SelectionSet, of, page))
			}
		case *ast.FragmentSpread:
			if w.isIncluded(s.Directives) {
				cost = add(cost, w.fragment(s.Name, of, page))
			}
		}
	}
	return cost
}

func (w *pricing) fragment(name string, of *ast.Definition, page int) int {
	fragment := w.fragments.ForName(name)
	if fragment == nil || !w.applies(fragment.TypeCondition, of) {
		return 0
	}
	return w.once(priced{fragment: name, of: of, page: page}, func() int { return w.sum(fragment.SelectionSet, of, page) })
}

// applies tells whether a row of a type is what a fragment is about. Of an interface, whose fields were all that was
// asked, every fragment may be.
func (w *pricing) applies(condition string, of *ast.Definition) bool {
	if condition == "" || condition == of.Name || of.Kind != ast.Object {
		return true
	}
	return slices.Contains(w.schema.PossibleTypes[condition], of)
}

// field is what a field costs of one row.
func (w *pricing) field(f *ast.Field, of *ast.Definition, page int) int {
	if !w.isIncluded(f.Directives) {
		return 0
	}
	def := of.Fields.ForName(f.Name)
	if def == nil {
		return 1 // __typename
	}
	if IsIntrospection(f) {
		return (w.introspection(f, w.schema.Types[def.Type.Name()]) + introspectionDiscount - 1) / introspectionDiscount
	}
	// Only what holds something is worth remembering: it is asked of each type that its parent may be.
	if len(f.SelectionSet) == 0 {
		rows, _ := w.rows(f, def, page)
		return rows
	}
	return w.once(priced{field: f, of: of, page: page}, func() int {
		rows, inner := w.rows(f, def, page)
		return times(rows, add(1, w.row(f.SelectionSet, w.schema.Types[def.Type.Name()], inner)))
	})
}

// isIncluded tells whether @skip and @include leave something in.
func (w *pricing) isIncluded(directives ast.DirectiveList) bool {
	for _, d := range directives {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		condition, _ := w.value(d.Arguments.ForName("if")).(bool)
		if condition == (d.Name == "skip") {
			return false
		}
	}
	return true
}

// value is what stands in an argument.
func (w *pricing) value(a *ast.Argument) any {
	if a == nil || a.Value == nil {
		return nil
	}
	w.varies = w.varies || holdsVariable(a.Value)
	value, err := a.Value.Value(w.variables)
	if err != nil {
		return nil
	}
	return value
}

func holdsVariable(v *ast.Value) bool {
	return v.Kind == ast.Variable || slices.ContainsFunc(v.Children, func(c *ast.ChildValue) bool { return holdsVariable(c.Value) })
}
