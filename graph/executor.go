package graph

import (
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/convenehq/convene/graph/generated"
)

// NewExecutor makes what reads, validates and runs operations on the slices, for whatever transport. With
// showsSchema clients may ask for the schema.
func NewExecutor(r *Resolver, showsSchema bool) *executor.Executor {
	exec := executor.New(generated.NewExecutableSchema(generated.Config{Resolvers: r}))
	exec.SetErrorPresenter(PresentError)
	exec.SetRecoverFunc(Recover)
	exec.Use(introspection{isOn: showsSchema})
	exec.SetDisableSuggestion(!showsSchema) // "did you mean" is the schema, word by word
	return exec
}
