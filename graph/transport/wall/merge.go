package wall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"

	"github.com/convenehq/convene/internal/fault"
)

// mergeRule is the specification's rule that fields of one name in the answer can be merged. gqlparser's own compares
// each with each other, which takes a second for a few kilobytes. Being the same is transitive, so that here all of
// one name are held to the first of them, and then what they hold is looked at as one set.
var mergeRule = core.Rule{
	Name: "OverlappingFieldsCanBeMerged",
	RuleFunc: func(observers *core.Events, addError core.AddErrFunc) {
		observers.OnOperation(func(w *core.Walker, op *ast.OperationDefinition) {
			m := merging{schema: w.Schema, fragments: w.Document.Fragments, left: mostMergeSteps}
			conflict := m.within(m.collect([]ast.SelectionSet{op.SelectionSet}), m.shapes)
			if conflict == nil {
				conflict = m.within(m.collect([]ast.SelectionSet{op.SelectionSet}), m.meanings)
			}
			switch {
			case m.left < 0:
				addError(core.Message("It takes too long to tell whether the fields can be merged: use fewer fragments."), withCode(fault.CodeTooComplex), core.At(op.Position))
			case conflict != nil:
				addError(core.Message(
					"Fields %q conflict because %s. Use different aliases on the fields to fetch both if this was intentional.",
					conflict.field.Alias, conflict.why), core.At(conflict.field.Position))
			}
		})
	},
}

// mostMergeSteps is far more than any document takes that has passed the wall, unless somebody looked for it.
const mostMergeSteps = 100_000

func withCode(code fault.Code) core.ErrorOption {
	return func(err *gqlerror.Error) { err.Extensions = map[string]any{"code": code} }
}

type merging struct {
	schema    *ast.Schema
	fragments ast.FragmentDefinitionList
	left      int // steps
}

// A conflict is a field that can not be merged with another one.
type conflict struct {
	field *ast.Field
	why   string
}

// named are the fields of one name in the answer.
type named struct {
	alias  string
	fields []*ast.Field
}

// collect is what sets select together, by the names in the answer, with the fields of their fragments.
func (m *merging) collect(sets []ast.SelectionSet) (all []named) {
	places, entered := map[string]int{}, map[string]bool{}
	var add func(set ast.SelectionSet)
	add = func(set ast.SelectionSet) {
		for _, s := range set {
			if m.left--; m.left < 0 {
				return
			}
			switch s := s.(type) {
			case *ast.Field:
				at, known := places[s.Alias]
				if !known {
					at = len(all)
					places[s.Alias] = at
					all = append(all, named{alias: s.Alias})
				}
				all[at].fields = append(all[at].fields, s)
			case *ast.InlineFragment:
				add(s.SelectionSet)
			case *ast.FragmentSpread:
				if s.Definition != nil && !entered[s.Name] {
					entered[s.Name] = true
					add(s.Definition.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		add(set)
	}
	return all
}

// within holds all fields of each name to a rule.
func (m *merging) within(all []named, rule func(named) *conflict) *conflict {
	for _, n := range all {
		if m.left < 0 {
			return nil
		}
		if c := rule(n); c != nil {
			return c
		}
	}
	return nil
}

// shapes wants fields to have values of one shape, whatever they stand in: a reader of the answer can not tell.
func (m *merging) shapes(n named) *conflict {
	var first *ast.Type
	for _, f := range n.fields {
		switch {
		case f.Definition == nil: // another rule says so
		case first == nil:
			first = f.Definition.Type
		case !m.isSameShape(first, f.Definition.Type):
			return &conflict{f, fmt.Sprintf("they return conflicting types %q and %q", first.String(), f.Definition.Type.String())}
		}
	}
	return m.below(n.fields, m.shapes)
}

func (m *merging) isSameShape(a, b *ast.Type) bool {
	if a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return m.isSameShape(a.Elem, b.Elem)
	}
	of, other := m.schema.Types[a.NamedType], m.schema.Types[b.NamedType]
	if of == nil || other == nil || of.IsCompositeType() && other.IsCompositeType() {
		return true
	}
	return a.NamedType == b.NamedType
}

// meanings wants fields that can stand in the same object to be the same field with the same arguments.
func (m *merging) meanings(n named) *conflict {
	var anywhere []*ast.Field // of an interface
	var types []string
	of := map[string][]*ast.Field{}
	for _, f := range n.fields {
		if f.ObjectDefinition == nil || f.ObjectDefinition.Kind != ast.Object {
			anywhere = append(anywhere, f)
			continue
		}
		name := f.ObjectDefinition.Name
		if of[name] == nil {
			types = append(types, name)
		}
		of[name] = append(of[name], f)
	}
	if len(types) == 0 {
		return m.same(anywhere)
	}
	for _, name := range types {
		if c := m.same(slices.Concat(of[name], anywhere)); c != nil {
			return c
		}
	}
	return nil
}

func (m *merging) same(fields []*ast.Field) *conflict {
	first := fields[0]
	var arguments string
	for i, f := range fields {
		m.left--
		if f.Name != first.Name {
			return &conflict{f, fmt.Sprintf("%q and %q are different fields", first.Name, f.Name)}
		}
		if i > 0 && len(f.Arguments) == 0 && len(first.Arguments) == 0 {
			continue
		}
		if text := argumentsOf(f); i == 0 {
			arguments = text
		} else if text != arguments {
			return &conflict{f, "they have differing arguments"}
		}
	}
	return m.below(fields, m.meanings)
}

// argumentsOf is the same for the same arguments, in whatever order.
func argumentsOf(f *ast.Field) string {
	if len(f.Arguments) == 0 {
		return ""
	}
	parts := make([]string, 0, len(f.Arguments))
	for _, a := range f.Arguments {
		parts = append(parts, a.Name+":"+a.Value.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// below holds what fields hold to a rule, as one set.
func (m *merging) below(fields []*ast.Field, rule func(named) *conflict) *conflict {
	var sets []ast.SelectionSet
	for _, f := range fields {
		if len(f.SelectionSet) > 0 {
			sets = append(sets, f.SelectionSet)
		}
	}
	if len(sets) == 0 {
		return nil
	}
	return m.within(m.collect(sets), rule)
}
