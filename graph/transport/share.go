package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport/wall"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/viewer"
)

// Shared starts subscriptions whose rendering is shared. Each subscriber's own resolver runs once, to
// check the arguments and the right to subscribe; what it wants is then served by the plan.
type Shared struct {
	exec *executor.Executor
	hub  *live.Hub
}

// NewShared makes the shared execution over a hub.
func NewShared(exec *executor.Executor, hub *live.Hub) *Shared {
	return &Shared{exec: exec, hub: hub}
}

// Subscribe implements Subscriptions.
func (s *Shared) Subscribe(ctx context.Context, op *graphql.OperationContext, to Subscriber) {
	probe := &live.Probe{}
	handler, probeCtx := s.exec.DispatchOperation(live.WithProbe(ctx, probe), again(op))
	if probe.Intent == nil {
		to.Error(refusal(handler(probeCtx)))
		return
	}
	intent := probe.Intent
	request, err := s.request(ctx, op, intent)
	if err != nil {
		to.Error(s.present(ctx, op, err))
		return
	}
	me := viewer.From(ctx)
	member := &live.Member{
		Account:  intent.Account,
		Sees:     intent.Sees,
		Ends:     intent.Ends,
		Hears:    intent.Hears,
		Attached: intent.Attached,
		Apart:    intent.Apart,
		Own:      func() (live.Renderer, error) { return newPlan(s.exec, op, me, me) },
		Deliver:  to.Next,
		// Whoever resumes by its cursor gets the update rendered anew.
		Fail: func(err error) { to.Error(s.present(ctx, op, err)) },
	}
	if o, ok := to.(Offerer); ok {
		member.Offer = o.Offer
	}
	detach, err := s.hub.Attach(ctx, request, member)
	if err != nil {
		to.Error(s.present(ctx, op, err))
		return
	}
	context.AfterFunc(ctx, detach)
}

// request is what the hub is asked for: a plan of the audience, or one of the viewer's own if the
// document selects a field that depends on who asks.
func (s *Shared) request(ctx context.Context, op *graphql.OperationContext, intent *live.Intent) (live.Request, error) {
	others, author := viewer.OfAudience(intent.Key.ID, false), viewer.OfAudience(intent.Key.ID, true)
	only := viewer.Viewer{}
	isExclusive := s.hub.IsPersonal(intent.Key.Kind) || perViewerField(op) != nil
	if isExclusive {
		only = viewer.From(ctx)
		others, author = only, only
	}
	key, err := planKey(op, cursorVariable(op), only)
	if err != nil {
		return live.Request{}, err
	}
	return live.Request{
		Key: intent.Key, After: intent.After, From: intent.From, Judged: intent.Judged, Greets: intent.Greets,
		Plan: key, Exclusive: isExclusive,
		Renderer: func() (live.Renderer, error) { return newPlan(s.exec, op, others, author) },
	}, nil
}

// perViewerField is the path of a selected field that depends on who asks; nil if there is none.
func perViewerField(op *graphql.OperationContext) (path []string) {
	wall.Visit(op.Operation.SelectionSet, op.Doc.Fragments, func(s ast.Selection, in []*ast.Field) wall.Step {
		field, ok := s.(*ast.Field)
		if !ok || field.Definition == nil || field.Definition.Directives.ForName("perViewer") == nil {
			return wall.Into
		}
		for _, f := range append(slices.Clip(in), field) {
			path = append(path, f.Alias)
		}
		return wall.Stop
	})
	return path
}

// cursorVariable is the variable that holds the cursor to resume behind; empty if it stands in the
// document itself.
func cursorVariable(op *graphql.OperationContext) string {
	for _, selection := range op.Operation.SelectionSet {
		field, ok := selection.(*ast.Field)
		if !ok {
			continue
		}
		if after := field.Arguments.ForName("after"); after != nil && after.Value != nil && after.Value.Kind == ast.Variable {
			return after.Value.Raw
		}
	}
	return ""
}

func (s *Shared) present(ctx context.Context, op *graphql.OperationContext, err error) gqlerror.List {
	var list gqlerror.List
	if errors.As(err, &list) {
		return list
	}
	if errors.Is(err, live.ErrTooManyExclusive) {
		path := perViewerField(op)
		err = &fault.Error{Code: fault.CodeTooComplex, Argument: path, Message: fmt.Sprintf(
			"This subscription selects a field that depends on who asks, which at most %d subscribers of a stream may, and at most %d of one account.",
			live.MaxExclusive, live.MaxOwnExclusive)}
	}
	if errors.Is(err, live.ErrTooManyPlans) {
		err = &fault.Error{Code: fault.CodeTooComplex, Message: fmt.Sprintf(
			"You follow this with %d different documents or variables already: subscribe with one of those, or end one first.", live.MaxOwnPlans)}
	}
	response := s.exec.DispatchError(graphql.WithOperationContext(ctx, op), gqlerror.List{gqlerror.Wrap(err)})
	return response.Errors
}

func refusal(response *graphql.Response) gqlerror.List {
	if response == nil || len(response.Errors) == 0 {
		return errNoSubscription
	}
	return response.Errors
}
