package arch_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// A constant of JavaScript that holds GraphQL, and where one is put into another.
var (
	jsText  = regexp.MustCompile("(?s)const (\\w+) = `([^`]*)`")
	jsPutIn = regexp.MustCompile(`\$\{(\w+)\}`)
)

// The pages are plain JavaScript that no compiler has looked at: what they ask of the API is checked here.
func TestOperationsOfThePagesFitTheSchema(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for name, want := range map[string]int{
		"internal/server/pages/demo/documents.js": 11,
		"internal/server/pages/graphiql/tabs.js":  4,
	} {
		source, err := fs.ReadFile(os.DirFS(root), name)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		operations := 0
		for _, match := range jsText.FindAllStringSubmatch(string(source), -1) {
			text := jsPutIn.ReplaceAllStringFunc(match[2], func(s string) string { return texts[s[2:len(s)-1]] })
			texts[match[1]] = text
			if strings.HasPrefix(text, "fragment") {
				continue
			}
			operations++
			if _, errs := gqlparser.LoadQueryWithRules(schema, text, rules.NewDefaultRules()); len(errs) > 0 {
				t.Errorf("%s: %s: %v", name, match[1], errs)
			}
		}
		if operations != want {
			t.Errorf("%s: found %d operations, want %d", name, operations, want)
		}
	}
}
