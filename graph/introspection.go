package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// introspection is an extension of the executor that says whether clients may ask for the schema.
type introspection struct{ isOn bool }

// ExtensionName implements graphql.HandlerExtension.
func (introspection) ExtensionName() string { return "Introspection" }

// Validate implements graphql.HandlerExtension.
func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (i introspection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = false
	if i.isOn || !asksForSchema(op.Operation.SelectionSet, map[string]bool{}) {
		return nil
	}
	return &gqlerror.Error{
		Message:    "The schema is not shown here.",
		Extensions: map[string]any{"code": fault.CodeValidationFailed},
	}
}

// asksForSchema tells whether a root selects the schema. Each fragment is looked into once.
func asksForSchema(set ast.SelectionSet, seen map[string]bool) bool {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if selection.Name == "__schema" || selection.Name == "__type" {
				return true
			}
		case *ast.InlineFragment:
			if asksForSchema(selection.SelectionSet, seen) {
				return true
			}
		case *ast.FragmentSpread:
			if seen[selection.Name] {
				continue
			}
			seen[selection.Name] = true
			if asksForSchema(selection.Definition.SelectionSet, seen) {
				return true
			}
		}
	}
	return false
}
