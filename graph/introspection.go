package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Introspection lets clients ask for the schema. Without this extension of the executor they may not.
type Introspection struct{}

// ExtensionName implements graphql.HandlerExtension.
func (Introspection) ExtensionName() string { return "Introspection" }

// Validate implements graphql.HandlerExtension.
func (Introspection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (Introspection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = false
	return nil
}
