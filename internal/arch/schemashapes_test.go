package arch_test

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// The shapes that the API repeats: mutations, connections, refusals, subscriptions.

func (l *linter) mutation(f *ast.FieldDefinition) {
	at := "Mutation." + f.Name
	name := strings.ToUpper(f.Name[:1]) + f.Name[1:]
	switch len(f.Arguments) {
	case 0:
	case 1:
		if a := f.Arguments[0]; a.Name != "input" || a.Type.String() != name+"Input!" {
			l.miss(f.Position, "Take `input: "+name+"Input!`", "%s takes `%s: %s`", at, a.Name, a.Type)
		}
	default:
		l.miss(f.Position, "Put them into `input: "+name+"Input!`", "%s takes %d arguments", at, len(f.Arguments))
	}
	if f.Type.String() != name+"Payload!" {
		l.miss(f.Position, "Answer "+name+"Payload!", "%s answers %s", at, f.Type)
		return
	}
	l.payload(l.schema.Types[f.Type.Name()])
}

func (l *linter) payload(d *ast.Definition) {
	refusals := false
	for _, f := range d.Fields {
		if f.Name == "userErrors" {
			kind := f.Type.String()
			refusals = strings.HasPrefix(kind, "[") && strings.HasSuffix(kind, "UserError!]!")
			continue
		}
		if of := l.schema.Types[f.Type.Name()]; of.IsCompositeType() && f.Type.Elem == nil && f.Type.NonNull {
			l.miss(f.Position, "Make it nullable: a refused mutation has none", "%s.%s can not be null", d.Name, f.Name)
		}
	}
	if !refusals {
		l.miss(d.Position, "Add `userErrors: [XUserError!]!` with the slice's own type", "%s can not say what was refused", d.Name)
	}
}

func (l *linter) connection(d *ast.Definition) {
	name := strings.TrimSuffix(d.Name, "Connection")
	for field, kind := range map[string]string{
		"edges": "[" + name + "Edge!]!", "nodes": "[" + name + "!]!", "pageInfo": "PageInfo!",
	} {
		if f := d.Fields.ForName(field); f == nil || f.Type.String() != kind {
			l.miss(d.Position, "Every connection looks alike: edges, nodes, pageInfo", "%s has no `%s: %s`", d.Name, field, kind)
		}
	}
	edge := l.schema.Types[name+"Edge"]
	if edge == nil {
		return
	}
	for field, kind := range map[string]string{"node": name + "!", "cursor": "String!"} {
		if f := edge.Fields.ForName(field); f == nil || f.Type.String() != kind {
			l.miss(edge.Position, "Every edge looks alike: node, cursor", "%s has no `%s: %s`", edge.Name, field, kind)
		}
	}
}

func (l *linter) pageArguments(at string, f *ast.FieldDefinition) {
	first, after := f.Arguments.ForName("first"), f.Arguments.ForName("after")
	if first == nil || first.Type.String() != "Int!" || first.DefaultValue == nil || after == nil || after.Type.String() != "String" {
		l.miss(f.Position, "Take `first: Int! = 20` and `after: String`", "%s can not be paged", at)
	}
	if f.Arguments.ForName("last") != nil || f.Arguments.ForName("before") != nil {
		l.miss(f.Position, "Connections go forward only; an `order` turns the list around", "%s goes backward", at)
	}
}

func (l *linter) userError(d *ast.Definition) {
	if !slices.Contains(d.Interfaces, "UserError") {
		l.miss(d.Position, "Write `implements UserError`", "%s is no UserError", d.Name)
	}
	want := strings.TrimSuffix(d.Name, "UserError") + "ErrorCode"
	code := d.Fields.ForName("code")
	if of := l.schema.Types[want]; code == nil || code.Type.String() != want+"!" || of == nil || of.Kind != ast.Enum {
		l.miss(d.Position, "Add `code: "+want+"!` and the enum", "%s has no code for programs", d.Name)
	}
}

func (l *linter) subscription(f *ast.FieldDefinition) {
	at := "Subscription." + f.Name
	if after := f.Arguments.ForName("after"); after == nil || after.Type.String() != "String" {
		l.miss(f.Position, "Take `after: String`", "%s can not be resumed", at)
	}
	of := l.schema.Types[f.Type.Name()]
	if of.Kind != ast.Union || !f.Type.NonNull || !slices.Contains(of.Types, "ResyncRequired") {
		l.miss(f.Position, "Answer a union of what can happen, with ResyncRequired among it", "%s can not say that it lost the thread", at)
	}
}
