package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

const (
	executable    = "graph/generated/generated.go"
	personalTable = "ent/personal_fields.go"
	anyRowReader  = "whoever reads the row"
)

var (
	// The function by which gqlgen resolves a field of an entity, and what it answers.
	entityField = regexp.MustCompile(`(?m)^func \(ec \*executionContext\) _(\w+?)_(\w+)\(ctx context\.Context, field graphql\.CollectedField, obj \*ent\.(\w+)\)`)
	boundTo     = regexp.MustCompile(`\breturn obj\.(\w+)(\()?`)
	resolved    = regexp.MustCompile(`ec\.Resolvers\.`)
	fieldConst  = regexp.MustCompile(`(?m)^\tField(\w+) = "(\w+)"$`)
)

// boundMethods are methods of entities that the API may show as they are.
var boundMethods = map[string]string{
	"GlobalID": "the name of the row, as clients see it",
}

// boundFields lets the API show a field of an entity as it is only if whoever reads the row may read the
// field: rows are guarded by policies, fields are not.
func boundFields(t *Tree) []Violation {
	text, ok := t.Text(executable)
	if !ok {
		return nil
	}
	readers, err := readers(t)
	if err != nil {
		return []Violation{{File: personalTable, What: err.Error(), Remedy: "Run `make generate`"}}
	}
	var found []Violation
	for _, at := range entityField.FindAllStringSubmatchIndex(text, -1) {
		object, field, name := text[at[2]:at[3]], text[at[4]:at[5]], text[at[6]:at[7]]
		body, _, _ := strings.Cut(text[at[1]:], "\n}\n")
		bound := boundTo.FindStringSubmatch(body)
		if bound == nil || resolved.MatchString(body) {
			continue
		}
		line := strings.Count(text[:at[0]], "\n") + 1
		switch goName, isMethod := bound[1], bound[2] != ""; {
		case isMethod && boundMethods[goName] == "":
			found = append(found, Violation{
				File: executable, Line: line, What: fmt.Sprintf("%s.%s shows what %s.%s() answers", object, field, name, goName),
				Remedy: "Give the field a resolver, or list the method with its reason in boundMethods (internal/arch/fields.go)",
			})
		case !isMethod:
			column := columnOf(t, name, goName)
			if reader := readers[name+"."+column]; reader != anyRowReader {
				found = append(found, Violation{
					File: executable, Line: line,
					What:   fmt.Sprintf("%s.%s shows %s.%s, whose reader is %q", object, field, name, column, reader),
					Remedy: "Give the field a resolver (`resolver: true` in gqlgen.yml) that decides who reads it",
				})
			}
		}
	}
	return found
}

// columnOf is the ent name of a Go field of an entity.
func columnOf(t *Tree, name, goName string) string {
	lower := strings.ToLower(name)
	text, _ := t.Text(path.Join("ent", lower, lower+".go"))
	for _, m := range fieldConst.FindAllStringSubmatch(text, -1) {
		if m[1] == goName {
			return m[2]
		}
	}
	return goName
}

// readers are the declared readers of all fields, by "Entity.field", as ent's generator wrote them down.
func readers(t *Tree) (map[string]string, error) {
	text, ok := t.Text(personalTable)
	if !ok {
		return nil, fmt.Errorf("there is no table of who reads which field")
	}
	f, err := parser.ParseFile(token.NewFileSet(), personalTable, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		entry, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, ok := entry.Key.(*ast.BasicLit)
		declared, isField := entry.Value.(*ast.CompositeLit)
		if !ok || !isField {
			return true
		}
		name, _ := strconv.Unquote(key.Value)
		for _, e := range declared.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			if id, ok := kv.Key.(*ast.Ident); !ok || id.Name != "Reader" {
				continue
			}
			if lit, ok := kv.Value.(*ast.BasicLit); ok {
				all[name], _ = strconv.Unquote(lit.Value)
			}
		}
		return false
	})
	return all, nil
}

var typeDeclaration = regexp.MustCompile(`(?m)^(?:type (\w+)|\t(\w+) (?:struct|string|interface)\b)`)

// noUnboundTypes wants every GraphQL type to find its Go type: what finds none lands in this file.
func noUnboundTypes(t *Tree) []Violation {
	const file = "graph/generated/unbound.go"
	text, _ := t.Text(file)
	var found []Violation
	for _, at := range typeDeclaration.FindAllStringSubmatchIndex(text, -1) {
		name := text[max(at[2], at[4]):max(at[3], at[5])]
		found = append(found, Violation{
			File: file, Line: strings.Count(text[:at[0]], "\n") + 1, What: name + " has no Go type",
			Remedy: "Declare it under this name in its slice's api.go and look at `autobind` in gqlgen.yml",
		})
	}
	return found
}
