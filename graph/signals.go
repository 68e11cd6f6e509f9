package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// signalTypes are the members of unions of updates that have no cursor.
var signalTypes = []string{"Typing", "PresenceChanged"}

// askedSignals are those of which the present subscription selects a field: the others are not sent to it. A client
// from before there were any keeps the cursor of each update, and would take the lack of one for a new beginning.
func askedSignals(ctx context.Context) (names []string) {
	op, field := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field
	union := field.Definition.Type.Name()
	always := len(graphql.CollectFields(op, field.Selections, []string{union}))
	for _, name := range signalTypes {
		if len(graphql.CollectFields(op, field.Selections, []string{union, name})) > always {
			names = append(names, name)
		}
	}
	return names
}
