package wall

import (
	"math"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// mostRows is how many rows a page or a list of ids has at most.
	mostRows = 100
	// usualRows is what a list of objects is taken to have where nothing says how many: such lists are short,
	// as those of userErrors are.
	usualRows = 10
	// introspectionDiscount is how many fields of the schema cost as much as one of a row: they are answered from memory.
	introspectionDiscount = 40
)

// Prices knows what the fields of a schema cost.
type Prices struct {
	schema *ast.Schema
	// sizes are how many rows the lists of introspection have.
	sizes map[string]int
}

// NewPrices learns them of the schema.
func NewPrices(schema *ast.Schema) *Prices {
	return &Prices{schema: schema, sizes: introspectionSizes(schema)}
}

// rows is how many rows a field has. A connection has one, and the rows of its page are inner.
func (w *pricing) rows(f *ast.Field, def *ast.FieldDefinition, page int) (rows, inner int) {
	if def.Type.Elem == nil {
		if def.Arguments.ForName("first") == nil {
			return 1, 0
		}
		return 1, w.first(f, def)
	}
	switch {
	case page > 0 && (f.Name == "edges" || f.Name == "nodes"):
		return page, 0
	case def.Arguments.ForName("first") != nil:
		return w.first(f, def), 0
	case def.Arguments.ForName("ids") != nil:
		return w.length(f, "ids"), 0
	case len(f.SelectionSet) == 0:
		return 1, 0
	default:
		return usualRows, 0
	}
}

// first is how many rows a page has at most.
func (w *pricing) first(f *ast.Field, def *ast.FieldDefinition) int {
	given := w.value(f.Arguments.ForName("first"))
	if given == nil {
		if fallback := def.Arguments.ForName("first").DefaultValue; fallback != nil {
			given, _ = fallback.Value(nil)
		}
	}
	switch n := given.(type) {
	case int64:
		return int(min(max(n, 1), mostRows))
	case float64:
		return int(min(max(math.Trunc(n), 1), mostRows))
	default:
		return mostRows
	}
}

// length is how many elements the list in an argument has. What is no list stands for a list of one.
func (w *pricing) length(f *ast.Field, name string) int {
	if list, ok := w.value(f.Arguments.ForName(name)).([]any); ok {
		return min(max(len(list), 1), mostRows)
	}
	return 1
}

// introspection is how many fields of the schema a field asks for, which lists taken to be as long as they are in
// this schema on average.
func (w *pricing) introspection(f *ast.Field, of *ast.Definition) int {
	sum := 1
	for _, s := range f.SelectionSet {
		sum = add(sum, w.introspected(s, of))
	}
	rows := 1
	if n := w.sizes[f.Name]; n > 0 {
		rows = n
	}
	return times(rows, sum)
}

func (w *pricing) introspected(s ast.Selection, of *ast.Definition) (cost int) {
	switch s := s.(type) {
	case *ast.Field:
		var inner *ast.Definition
		if def := of.Fields.ForName(s.Name); def != nil {
			inner = w.schema.Types[def.Type.Name()]
		}
		return w.introspection(s, inner)
	case *ast.InlineFragment:
		for _, inner := range s.SelectionSet {
			cost = add(cost, w.introspected(inner, of))
		}
	case *ast.FragmentSpread:
		return w.once(priced{fragment: s.Name, of: of}, func() (cost int) {
			if fragment := w.fragments.ForName(s.Name); fragment != nil {
				for _, inner := range fragment.SelectionSet {
					cost = add(cost, w.introspected(inner, of))
				}
			}
			return cost
		})
	}
	return cost
}

// introspectionSizes are how long the lists of a schema's introspection are on average, of those that have any.
func introspectionSizes(schema *ast.Schema) map[string]int {
	var fields, args, inputs, values, possible, interfaces tally
	for _, t := range schema.Types {
		switch t.Kind {
		case ast.Object, ast.Interface:
			fields.note(len(t.Fields))
			for _, f := range t.Fields {
				args.sum, args.n = args.sum+len(f.Arguments), args.n+1 // most fields have none
			}
			interfaces.note(len(t.Interfaces))
		case ast.InputObject:
			inputs.note(len(t.Fields))
		case ast.Enum:
			values.note(len(t.EnumValues))
		}
		if t.IsAbstractType() {
			possible.note(len(schema.GetPossibleTypes(t)))
		}
	}
	return map[string]int{
		"types": len(schema.Types), "directives": len(schema.Directives), "fields": fields.mean(), "args": args.mean(),
		"inputFields": inputs.mean(), "enumValues": values.mean(), "possibleTypes": possible.mean(), "interfaces": interfaces.mean(),
	}
}

type tally struct{ sum, n int }

func (t *tally) note(length int) {
	if length > 0 {
		t.sum, t.n = t.sum+length, t.n+1
	}
}

func (t *tally) mean() int {
	if t.n == 0 {
		return 1
	}
	return (t.sum + t.n - 1) / t.n
}
