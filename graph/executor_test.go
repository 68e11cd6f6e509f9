package graph_test

import (
	"testing"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func TestTheSchemaIsNotShownInProduction(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for name, query := range map[string]string{
		"asked for":            `{ __schema { queryType { name } } }`,
		"under another name":   `{ x: __type(name: "Query") { name } }`,
		"inside of a fragment": `query { ...f } fragment f on Query { ... { __schema { types { name } } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := a.do(t.Context(), t, viewer.Viewer{}, query, nil); got.code(t) != fault.CodeValidationFailed {
				t.Fatalf("got %v", got.Errors)
			}
		})
	}
	t.Run("names of types are", func(t *testing.T) {
		t.Parallel()
		if got := a.ok(t, viewer.Viewer{}, `{ __typename }`, nil); got["__typename"] != "Query" {
			t.Fatalf("got %v", got)
		}
	})
}
