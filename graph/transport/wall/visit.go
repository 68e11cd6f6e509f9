package wall

import "github.com/vektah/gqlparser/v2/ast"

// A Step is where a visit goes from a selection.
type Step int

// The steps there are.
const (
	// Into goes on with what the selection holds.
	Into Step = iota
	// Over goes on behind it.
	Over
	// Stop ends the visit.
	Stop
)

// Visit goes through what a set selects, in the order of the document, and into each fragment once, however often
// it is spread. see gets each selection with the fields that it stands in, which it must not keep, and says where to
// go from there.
func Visit(set ast.SelectionSet, fragments ast.FragmentDefinitionList, see func(s ast.Selection, in []*ast.Field) Step) {
	v := visitor{fragments: fragments, see: see}
	v.visit(set)
}

type visitor struct {
	fragments ast.FragmentDefinitionList
	see       func(ast.Selection, []*ast.Field) Step
	in        []*ast.Field
	entered   map[string]bool
}

// visit tells whether to go on.
func (v *visitor) visit(set ast.SelectionSet) bool {
	for _, s := range set {
		switch v.see(s, v.in) {
		case Stop:
			return false
		case Into:
			if !v.enter(s) {
				return false
			}
		case Over:
		}
	}
	return true
}

func (v *visitor) enter(s ast.Selection) bool {
	switch s := s.(type) {
	case *ast.Field:
		v.in = append(v.in, s)
		goOn := v.visit(s.SelectionSet)
		v.in = v.in[:len(v.in)-1]
		return goOn
	case *ast.InlineFragment:
		return v.visit(s.SelectionSet)
	case *ast.FragmentSpread:
		if v.entered[s.Name] {
			return true
		}
		if v.entered == nil {
			v.entered = map[string]bool{}
		}
		v.entered[s.Name] = true
		// A document that has not been validated may spread what does not exist.
		if fragment := v.fragments.ForName(s.Name); fragment != nil {
			return v.visit(fragment.SelectionSet)
		}
	}
	return true
}

// Finds tells whether a set selects something, in itself or in a fragment.
func Finds(set ast.SelectionSet, fragments ast.FragmentDefinitionList, is func(ast.Selection) bool) bool {
	found := false
	Visit(set, fragments, func(s ast.Selection, _ []*ast.Field) Step {
		if found = is(s); found {
			return Stop
		}
		return Into
	})
	return found
}

// IsIntrospection tells whether a selection asks for the schema.
func IsIntrospection(s ast.Selection) bool {
	field, ok := s.(*ast.Field)
	return ok && (field.Name == "__schema" || field.Name == "__type")
}

// IsDeferred tells whether a selection is to be delivered later.
func IsDeferred(s ast.Selection) bool {
	switch s := s.(type) {
	case *ast.InlineFragment:
		return s.Directives.ForName("defer") != nil
	case *ast.FragmentSpread:
		return s.Directives.ForName("defer") != nil
	}
	return false
}
