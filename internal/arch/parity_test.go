package arch_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// What people read and copy is looked at by no compiler.
func TestDocumentsFitTheSchema(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	found := map[string]int{}
	for _, d := range shown(t) {
		found[d.file]++
		if _, errs := check(schema, d.text); len(errs) > 0 {
			t.Errorf("%s: this does not fit the schema: %v\n%s", d.file, errs, d.text)
		}
	}
	// Not finding any would mean not looking.
	want := map[string]int{
		"README.md": 9, "docs/clients.md": 5, "docs/examples/client/operations.js": 8,
		"internal/server/pages/demo/documents.js": 11, "internal/server/pages/graphiql/tabs.js": 4,
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if found[name] < want[name] {
			t.Errorf("%s: found %d documents, there were %d", name, found[name], want[name])
		}
	}
}

// Everything that can be asked for is asked for somewhere: by a test that goes through the API, or by an example.
func TestEveryOperationIsExercised(t *testing.T) {
	t.Parallel()
	all := slices.Concat(tested(t), shown(t))
	for _, missing := range unexercised(loadSchema(t), all) {
		t.Errorf("nothing asks for %s: do so in a test of graph, or show it in docs/examples or docs/clients.md", missing)
	}

	t.Run("also what was added just now", func(t *testing.T) {
		t.Parallel()
		more := &ast.Source{Name: "graph/zebra.graphqls", Input: `
			extend type Query { zebra: Int! } extend type Mutation { feedZebra: Int! }
			extend type Subscription { zebras: Int! } extend type Viewer { zebra: Int! }`}
		want := []string{"Query.zebra", "Mutation.feedZebra", "Subscription.zebras", "Viewer.zebra"}
		schema := loadSchema(t, more)
		if got := unexercised(schema, all); !slices.Equal(got, want) {
			t.Errorf("missed %v, want %v", got, want)
		}
		shownToo := append(slices.Clone(all), document{text: "{ zebra viewer { ...V } } fragment V on Viewer { zebra }"})
		if got := unexercised(schema, shownToo); !slices.Equal(got, want[1:3]) {
			t.Errorf("missed %v, want %v", got, want[1:3])
		}
	})
}

// unexercised are the fields of the roots and of Viewer that no valid document selects.
func unexercised(schema *ast.Schema, documents []document) []string {
	selected := map[string]bool{}
	for _, d := range documents {
		query, errs := check(schema, d.text)
		if len(errs) > 0 {
			continue // wrong on purpose, or TestDocumentsFitTheSchema says so
		}
		for _, o := range query.Operations {
			note(selected, o.SelectionSet)
		}
	}
	var missing []string
	for _, name := range []string{"Query", "Mutation", "Subscription", "Viewer"} {
		for _, field := range schema.Types[name].Fields {
			if at := name + "." + field.Name; !selected[at] && !strings.HasPrefix(field.Name, "__") {
				missing = append(missing, at)
			}
		}
	}
	return missing
}

func note(selected map[string]bool, set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			selected[s.ObjectDefinition.Name+"."+s.Name] = true
			note(selected, s.SelectionSet)
		case *ast.InlineFragment:
			note(selected, s.SelectionSet)
		case *ast.FragmentSpread:
			note(selected, s.Definition.SelectionSet)
		}
	}
}

func check(schema *ast.Schema, text string) (*ast.QueryDocument, gqlerror.List) {
	return gqlparser.LoadQueryWithRules(schema, text, rules.NewDefaultRules())
}
