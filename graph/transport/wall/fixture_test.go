package wall_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport/wall"
)

var defaults = wall.Limits{}.WithDefaults()

// schema is the API's own.
var schema = sync.OnceValue(func() *ast.Schema {
	text, err := os.ReadFile("../../generated/schema.graphqls")
	if err != nil {
		panic(err)
	}
	return gqlparser.MustLoadSchema(&ast.Source{Input: string(text)})
})

// parse is a document that has to pass the wall.
func parse(t testing.TB, text string) *ast.QueryDocument {
	t.Helper()
	doc, _, err := wall.Parse(text, defaults)
	if err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return doc
}

// valid is a document that has to be valid besides.
func valid(t testing.TB, of *ast.Schema, text string) *ast.QueryDocument {
	t.Helper()
	doc := parse(t, text)
	if errs := wall.NewRules(true).Validate(of, doc); len(errs) > 0 {
		t.Fatalf("%.200s: %v", text, errs)
	}
	return doc
}

// limitOf is the limit that an error names; empty if it names none.
func limitOf(err *gqlerror.Error) string {
	if err == nil {
		return ""
	}
	limit, _ := err.Extensions["limit"].(string)
	return limit
}

var repeat = strings.Repeat
