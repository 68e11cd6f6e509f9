package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport/wall"
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
	if i.isOn || !wall.Finds(op.Operation.SelectionSet, op.Doc.Fragments, wall.IsIntrospection) {
		return nil
	}
	return &gqlerror.Error{
		Message:    "The schema is not shown here.",
		Extensions: map[string]any{"code": fault.CodeValidationFailed},
	}
}
