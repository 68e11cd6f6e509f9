package arch_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/convenehq/convene/internal/arch"
)

// booleans are the names of flags that need no `is`, each with its reason.
var booleans = map[string]string{
	"RegisterInput.cookie":      "it chooses a mode, it does not describe anything",
	"ResetPasswordInput.cookie": "it chooses a mode, it does not describe anything",
	"SignInInput.reactivate":    "it says what to do, it does not describe anything",
	"SignInInput.cookie":        "it chooses a mode, it does not describe anything",
}

// gaps are the lists that may be null or have nulls in them, each with its reason.
var gaps = map[string]string{
	"Conversation.onlineMembers": "nobody can tell while Redis is away",
	"Query.nodes":                "an id that one may not see leaves its place empty",
	"UserError.field":            "not every refusal is about one field of the input",
}

var (
	pascal    = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	camel     = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	upper     = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	flag      = regexp.MustCompile(`^(is|can|has)[A-Z]`)
	accessor  = regexp.MustCompile(`^(get|list|fetch)([A-Z]|$)`)
	acting    = regexp.MustCompile(`(?i)^(actor|user|account|viewer|caller|me|self|by|onBehalfOf|actAs|asUser)(Id)?$`)
	day       = regexp.MustCompile(`\b20\d\d-[01]\d-[0-3]\d\b`)
	backticks = regexp.MustCompile("`[^`]+`")
)

// A linter collects what is wrong with a schema.
type linter struct {
	schema *ast.Schema
	found  []arch.Violation
}

func lintSchema(schema *ast.Schema) []arch.Violation {
	l := &linter{schema: schema}
	for _, d := range schema.Types {
		if !d.BuiltIn {
			l.definition(d)
		}
	}
	for _, d := range schema.Directives {
		if d.Position == nil || d.Position.Src.BuiltIn {
			continue
		}
		at := "directive @" + d.Name
		l.described(d.Position, at, d.Description)
		l.named(d.Position, at, d.Name, camel)
		l.arguments("@"+d.Name, d.Arguments)
	}
	return l.found
}

func (l *linter) miss(p *ast.Position, remedy, format string, args ...any) {
	v := arch.Violation{Rule: "the schema", File: "schema.graphqls", What: fmt.Sprintf(format, args...), Remedy: remedy}
	if p != nil {
		v.File, v.Line = p.Src.Name, p.Line
	}
	l.found = append(l.found, v)
}

func (l *linter) described(p *ast.Position, what, text string) {
	if strings.TrimSpace(text) == "" {
		l.miss(p, "Say what it means: the schema is the public manual", "%s has no description", what)
	}
}

func (l *linter) named(p *ast.Position, what, name string, style *regexp.Regexp) {
	if !style.MatchString(name) {
		l.miss(p, "Types are PascalCase, fields and arguments camelCase, enum values UPPER_CASE", "%s is named in another style", what)
	}
}

func (l *linter) definition(d *ast.Definition) {
	l.described(d.Position, d.Name, d.Description)
	l.named(d.Position, d.Name, d.Name, pascal)
	for _, v := range d.EnumValues {
		at := d.Name + "." + v.Name
		l.described(v.Position, at, v.Description)
		l.named(v.Position, at, v.Name, upper)
		l.deprecation(v.Position, at, v.Directives)
	}
	for _, f := range d.Fields {
		if !strings.HasPrefix(f.Name, "__") {
			l.field(d, f)
		}
	}
	switch {
	case d.Kind == ast.Scalar && d.Directives.ForName("specifiedBy") == nil && !backticks.MatchString(d.Description):
		l.miss(d.Position, "Add @specifiedBy, or an example of the format in backticks to the description", "nobody knows how %s is written", d.Name)
	case d.Kind == ast.Object && strings.HasSuffix(d.Name, "Connection"):
		l.connection(d)
	case d.Kind == ast.Object && strings.HasSuffix(d.Name, "UserError"):
		l.userError(d)
	case d == l.schema.Mutation:
		for _, f := range d.Fields {
			l.mutation(f)
		}
	case d == l.schema.Subscription:
		for _, f := range d.Fields {
			l.subscription(f)
		}
	}
}

func (l *linter) field(d *ast.Definition, f *ast.FieldDefinition) {
	at := d.Name + "." + f.Name
	l.described(f.Position, at, f.Description)
	l.named(f.Position, at, f.Name, camel)
	l.deprecation(f.Position, at, f.Directives)
	l.arguments(at, f.Arguments)
	l.boolean(f.Position, at, f.Name, f.Type)
	if accessor.MatchString(f.Name) {
		l.miss(f.Position, "Name what it answers", "%s begins with a verb of access", at)
	}
	if d.Kind == ast.InputObject {
		l.actor(f.Position, at, f.Name)
		return
	}
	if f.Type.Elem != nil && (!f.Type.NonNull || !f.Type.Elem.NonNull) && !l.isGap(d, f) {
		l.miss(f.Position, "Write [X!]!, or list it with its reason in gaps (internal/arch/schemalint_test.go)", "%s is a list that may be null or have nulls", at)
	}
	if f.Type.Name() == "ID" && f.Name != "id" && !strings.HasSuffix(d.Name, "Payload") {
		l.miss(f.Position, "Answer the object; only payloads and inputs have ids", "%s is an id in place of an object", at)
	}
	if strings.HasSuffix(f.Type.Name(), "Connection") {
		l.pageArguments(at, f)
	}
}

func (l *linter) isGap(d *ast.Definition, f *ast.FieldDefinition) bool {
	return gaps[d.Name+"."+f.Name] != "" || slices.ContainsFunc(d.Interfaces, func(i string) bool { return gaps[i+"."+f.Name] != "" })
}

func (l *linter) arguments(of string, list ast.ArgumentDefinitionList) {
	for _, a := range list {
		at := of + "(" + a.Name + ":)"
		l.described(a.Position, at, a.Description)
		l.named(a.Position, at, a.Name, camel)
		l.deprecation(a.Position, at, a.Directives)
		l.boolean(a.Position, at, a.Name, a.Type)
		l.actor(a.Position, at, a.Name)
	}
}

func (l *linter) boolean(p *ast.Position, at, name string, kind *ast.Type) {
	if kind.Name() == "Boolean" && !flag.MatchString(name) && booleans[at] == "" {
		l.miss(p, "Begin it with is, can or has, or list it with its reason in booleans (internal/arch/schemalint_test.go)", "the Boolean %s does not ask a question", at)
	}
}

func (l *linter) actor(p *ast.Position, at, name string) {
	if acting.MatchString(name) {
		l.miss(p, "Whoever acts is who is signed in; people are addressed by their profile's id", "%s looks like the acting person", at)
	}
}

func (l *linter) deprecation(p *ast.Position, at string, list ast.DirectiveList) {
	d := list.ForName("deprecated")
	if d == nil {
		return
	}
	reason := d.Arguments.ForName("reason")
	if reason == nil || !day.MatchString(reason.Value.Raw) {
		l.miss(p, "Name the replacement and the date of removal, at least six months away: reason: \"Use x. Goes away on 2027-06-01.\"", "%s is deprecated without a date", at)
	}
}
