package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	json "github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/viewer"
)

// A plan renders the updates of a stream for everybody who subscribed with the same document, operation
// and variables: one execution an update instead of one a subscriber. It is the live.Renderer of such a
// group.
//
// The execution is gqlgen's own: one subscription whose resolver is fed item by item. It runs for an
// audience, who may read what every member of the conversation may; a second one, for the author of the
// very update, is begun when an author is first among the subscribers.
type plan struct {
	exec *executor.Executor
	op   *graphql.OperationContext
	// who renders for the two sides: [0] for others, [1] for the author.
	who  [2]viewer.Viewer
	runs [2]*run
	// named are the people whose cards the latest rendering has.
	named names
}

// A run is a subscription of gqlgen's that is fed by hand.
type run struct {
	inlet live.Inlet
	next  graphql.ResponseHandler
	ctx   context.Context //nolint:containedctx // the run is the subscription, and lives as long
	stop  context.CancelFunc
}

// beginTime is how long the beginning of a shared execution may take.
const beginTime = 5 * time.Second

func newPlan(exec *executor.Executor, op *graphql.OperationContext, others, author viewer.Viewer) (*plan, error) {
	p := &plan{exec: exec, op: op, who: [2]viewer.Viewer{others, author}}
	_, err := p.run(0)
	return p, err
}

// Render implements live.Renderer.
func (p *plan) Render(ctx context.Context, item live.Item, own bool) ([]byte, error) {
	side := 0
	if own && p.who[1] != p.who[0] {
		side = 1
	}
	r, err := p.run(side)
	if err != nil {
		return nil, err
	}
	p.named.clear()
	if err := r.inlet.Push(ctx, item); err != nil {
		p.drop(side)
		return nil, err
	}
	response := r.next(within{ctx, r.ctx})
	if response == nil {
		// Whatever is left of the update in it must not be taken for the next one.
		p.drop(side)
		return nil, fmt.Errorf("render an update: %w", context.DeadlineExceeded)
	}
	// The bytes are copied: gqlgen writes the next result into the same.
	encoded := encode(response)
	if len(encoded) > largeResult {
		p.drop(side)
	}
	return encoded, nil
}

// largeResult is how long a result is whose run is ended, and begun anew for the next one: gqlgen keeps a buffer as long as the
// longest result of a run for as long as it lasts, and there are as many runs as subscriptions that nobody shares.
const largeResult = 64 << 10

// Expect implements live.Expecter.
func (p *plan) Expect(ctx context.Context, items []live.Item) error {
	if len(items) == 0 && p.runs[0] == nil {
		return nil
	}
	r, err := p.run(0)
	if err != nil || r.inlet.Expect == nil {
		return err
	}
	return r.inlet.Expect(within{ctx, r.ctx}, items)
}

// A within is a run's context, which says who renders, within the time of another one. It is made for each rendering,
// and costs less than a context that can be cancelled.
type within struct {
	context.Context
	run context.Context //nolint:containedctx // it is one itself
}

// Value implements context.Context. The time comes first, so that what is derived from this ends with it.
func (w within) Value(key any) any {
	if v := w.Context.Value(key); v != nil {
		return v
	}
	return w.run.Value(key)
}

// Named implements live.Namer.
func (p *plan) Named() []uuid.UUID { return p.named.all() }

// Close implements live.Renderer.
func (p *plan) Close() {
	for _, r := range p.runs {
		if r != nil {
			r.stop()
		}
	}
}

func (p *plan) drop(side int) {
	p.runs[side].stop()
	p.runs[side] = nil
}

func (p *plan) run(side int) (*run, error) {
	if p.runs[side] != nil {
		return p.runs[side], nil
	}
	r := &run{}
	ctx, stop := context.WithCancel(viewer.With(context.Background(), p.who[side]))
	// Each run has an operation context of its own: gqlgen notes the progress of an execution in it.
	late := time.AfterFunc(beginTime, stop) // the resolver may ask PostgreSQL
	op := again(p.op)
	op.ResolverMiddleware = p.named.noting(op.ResolverMiddleware)
	handler, ctx := p.exec.DispatchOperation(live.WithInlet(ctx, &r.inlet), op)
	late.Stop()
	r.next, r.ctx, r.stop = handler, ctx, stop
	if r.inlet.Push == nil {
		defer stop()
		if response := handler(ctx); response != nil && len(response.Errors) > 0 {
			return nil, response.Errors
		}
		return nil, fmt.Errorf("begin a shared execution: its resolver subscribed to nothing")
	}
	p.runs[side] = r
	return r, nil
}

// again is an operation context for one more execution of the same operation.
func again(op *graphql.OperationContext) *graphql.OperationContext {
	return &graphql.OperationContext{
		RawQuery: op.RawQuery, Variables: op.Variables, OperationName: op.OperationName,
		Doc: op.Doc, Operation: op.Operation, Extensions: op.Extensions, // no headers: they may hold credentials, and a plan outlives its first subscriber
		DisableIntrospection: op.DisableIntrospection, RecoverFunc: op.RecoverFunc,
		ResolverMiddleware: op.ResolverMiddleware, RootResolverMiddleware: op.RootResolverMiddleware,
		Stats: op.Stats,
	}
}

// planKey is the same for subscriptions that can share their rendering: same document, operation and
// variables but for the cursor, which changes where a subscription begins and not what it shows. What is rendered for
// one person alone is rendered as whoever was first: so it is shared by their tabs of one role, and nobody keeps
// seeing as an admin what another tab began as one.
func planKey(op *graphql.OperationContext, cursor string, only viewer.Viewer) (string, error) {
	variables := make(map[string]any, len(op.Variables))
	for name, value := range op.Variables {
		// Used elsewhere too, the cursor's variable may change what is shown.
		if name != cursor || strings.Count(op.RawQuery, "$"+name) > 2 {
			variables[name] = value
		}
	}
	encoded, err := json.Marshal(variables, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("tell subscriptions apart: %w", err)
	}
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(op.RawQuery), []byte(op.OperationName), encoded, []byte(only.Account().String()), []byte(only.Role())} {
		_, _ = fmt.Fprintf(sum, "%d:", len(part))
		_, _ = sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

var errNoSubscription = gqlerror.List{{
	Message:    "This subscription can not be served.",
	Extensions: map[string]any{"code": "INTERNAL"},
}}
