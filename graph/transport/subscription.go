package transport

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// A Subscriber takes the results of one subscription, from whichever transport. None of its methods
// blocks: they are called while a whole stream waits.
type Subscriber interface {
	// Next takes one result: the JSON of an execution result, shared with other subscribers and not to
	// be changed. cursor is where the client resumes behind it; empty if the result has none.
	Next(result []byte, cursor string)
	// Error ends the subscription with errors.
	Error(errs gqlerror.List)
	// Complete ends the subscription.
	Complete()
}

// isTooLarge ends an operation whose result is too large for a queue: no client would get far with it, and
// everything else that its connection carries would wait behind it.
func (h *Handler) isTooLarge(over carrier, result []byte, to Subscriber) bool {
	if len(result) <= h.Limits.Result {
		return false
	}
	tooLarge.WithLabelValues(string(over)).Inc()
	to.Error(gqlerror.List{shown(&fault.Error{
		Code: fault.CodeTooComplex, Message: fmt.Sprintf("The result has more than %d bytes: ask for less at once.", h.Limits.Result),
	})})
	return true
}

// Subscriptions starts subscriptions.
type Subscriptions interface {
	// Subscribe delivers to the subscriber until the context ends or the subscription does. It returns
	// when the subscription stands, or has been refused by an Error.
	Subscribe(ctx context.Context, op *graphql.OperationContext, to Subscriber)
}
