package transport

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport/wall"
	"github.com/convenehq/convene/internal/fault"
)

// prepare finds or reads the document of a request, lets it through the wall, validates it, reads the variables and
// weighs what that costs. The context that it returns is the one to execute with.
func (h *Handler) prepare(
	ctx context.Context, over carrier, r *request,
) (_ context.Context, op *graphql.OperationContext, errs gqlerror.List) {
	defer func() {
		if len(errs) > 0 {
			countOperation(over, "none", outcome(errs))
		}
	}()
	ctx = graphql.StartOperationTrace(ctx)
	defer func() {
		if cause := recover(); cause != nil {
			errs = h.recovered(ctx, cause)
		}
	}()
	start := graphql.GetStartTime(ctx)
	r.ReadTime = graphql.TraceTiming{Start: start, End: start}
	doc, errs := h.document(ctx, r)
	if len(errs) > 0 {
		return ctx, nil, h.requestErrors(ctx, &graphql.OperationContext{}, errs)
	}
	if named := doc.Operations.ForName(r.OperationName); named != nil {
		if err := wall.CheckVariables(h.documents.schema, named, r.Variables); err != nil {
			return ctx, nil, gqlerror.List{withArgument(err)}
		}
	}
	op, errs = h.Executor.CreateOperationContext(withDocument(ctx, doc), &r.RawParams)
	if len(errs) > 0 {
		return ctx, op, h.requestErrors(ctx, op, errs)
	}
	// Counted with what @skip leaves: the validator counts the document's, and gqlgen would panic.
	if op.Operation.Operation == ast.Subscription && len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		return ctx, op, gqlerror.List{shown(&fault.Error{
			Code: fault.CodeValidationFailed, Message: "A subscription selects exactly one field.",
		})}
	}
	return graphql.WithOperationContext(ctx, op), op, nil
}

// execute runs a query or a mutation.
func (h *Handler) execute(ctx context.Context, over carrier, op *graphql.OperationContext) (response *graphql.Response) {
	ctx, m := measure(ctx, over, op)
	defer func() {
		announce(response, op)
		m.end(outcome(response.Errors))
	}()
	ctx, cancel := context.WithTimeout(ctx, h.Limits.Query)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			response = &graphql.Response{Errors: h.recovered(ctx, cause)}
		}
	}()
	next, ctx := h.Executor.DispatchOperation(ctx, op)
	if response = next(ctx); response != nil {
		return response
	}
	// The executor answers nothing once the time is up.
	return &graphql.Response{Errors: gqlerror.List{shown(&fault.Error{
		Code: fault.CodeTimeout, Message: "This took too long and was given up.",
	})}}
}

// announce tells what an operation cost.
func announce(response *graphql.Response, op *graphql.OperationContext) {
	if known := op.Stats.GetExtension(costKey); known != nil {
		if response.Extensions == nil {
			response.Extensions = map[string]any{}
		}
		response.Extensions[costKey] = known
	}
}

// A recipient takes the results of any operation.
type recipient interface {
	Subscriber
	// answer takes the only result of a query or a mutation. It may wait for the client.
	answer(result []byte)
	// stands is called when a subscription stands: what came before was owed to it. It answers the code of
	// the error by which the subscription was refused instead; empty if it was not.
	stands() fault.Code
}

// perform runs any operation for a recipient.
func (h *Handler) perform(ctx context.Context, over carrier, op *graphql.OperationContext, to recipient) {
	defer h.rescue(ctx, to)
	if op.Operation.Operation == ast.Subscription {
		ctx, m := measure(ctx, over, op)
		h.subscribe(ctx, op, to)
		m.end(to.stands())
		return
	}
	response := h.execute(ctx, over, op)
	if response.Data == nil && len(response.Errors) > 0 {
		to.Error(response.Errors)
		return
	}
	to.answer(encode(response))
}

func (h *Handler) subscribe(ctx context.Context, op *graphql.OperationContext, to recipient) {
	defer h.rescue(ctx, to)
	if h.Subscriptions == nil {
		to.Error(gqlerror.List{shown(fault.BadRequest(nil, "Subscriptions are not served here."))})
		return
	}
	h.Subscriptions.Subscribe(ctx, op, to)
}

// rescue is deferred: a panic ends the operation and nothing else.
func (h *Handler) rescue(ctx context.Context, to recipient) {
	if cause := recover(); cause != nil {
		to.Error(h.recovered(ctx, cause))
	}
}
