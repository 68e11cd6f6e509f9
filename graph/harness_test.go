package graph_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const password = "correct horse battery"

// api is the whole API on a database of the test's own, called in process.
type api struct {
	*node.Node
	db   *db.DB
	exec *executor.Executor
}

func newAPI(t testing.TB) *api {
	t.Helper()
	return newNode(t, testkit.DB(t), live.Options{})
}

// newNode is one of several on a database.
func newNode(t testing.TB, d *db.DB, o live.Options) *api {
	t.Helper()
	n := node.On(t, d, o)
	return &api{Node: n, db: d, exec: graph.NewExecutor(n.Resolver, false)}
}

// response is an answer as a client sees it.
type response struct {
	Data   map[string]any
	Errors gqlerror.List
}

// vars are the variables of an operation.
type vars = map[string]any

// do executes an operation for a viewer. The context may carry what a server puts there.
func (a *api) do(ctx context.Context, t testing.TB, v viewer.Viewer, query string, variables vars) response {
	t.Helper()
	ctx = graphql.StartOperationTrace(viewer.With(ctx, v))
	op, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		return response{Errors: errs}
	}
	run, ctx := a.exec.DispatchOperation(ctx, op)
	got := run(ctx)
	out := response{Errors: got.Errors}
	if err := json.Unmarshal(got.Data, &out.Data); err != nil {
		t.Fatalf("read the answer %s: %v", got.Data, err)
	}
	return out
}

// ok is do for operations that must have no errors.
func (a *api) ok(t testing.TB, v viewer.Viewer, query string, variables vars) map[string]any {
	t.Helper()
	got := a.do(t.Context(), t, v, query, variables)
	if len(got.Errors) > 0 {
		t.Fatalf("got %v", got.Errors)
	}
	return got.Data
}

// named is ok for one of several operations in a document.
func (a *api) named(t testing.TB, v viewer.Viewer, query, name string, variables vars) map[string]any {
	t.Helper()
	ctx := graphql.StartOperationTrace(viewer.With(t.Context(), v))
	op, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, OperationName: name, Variables: variables})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	run, ctx := a.exec.DispatchOperation(ctx, op)
	got := run(ctx)
	out := map[string]any{}
	if err := json.Unmarshal(got.Data, &out); err != nil || len(got.Errors) > 0 {
		t.Fatalf("got %s, %v", got.Data, got.Errors)
	}
	return out
}

// code is the code of the answer's only error.
func (r response) code(t testing.TB) fault.Code {
	t.Helper()
	if len(r.Errors) != 1 {
		t.Fatalf("got %v, want one error", r.Errors)
	}
	code, _ := r.Errors[0].Extensions["code"].(fault.Code)
	return code
}

// at walks into an answer: names are members, numbers are indexes.
func at(t testing.TB, from any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := from.(map[string]any)
			if !ok {
				t.Fatalf("there is no %q in %v", step, from)
			}
			from = object[step]
		case int:
			list, ok := from.([]any)
			if !ok || len(list) <= step {
				t.Fatalf("there is no %d in %v", step, from)
			}
			from = list[step]
		}
	}
	return from
}

// person registers somebody and is who they are.
func (a *api) person(t testing.TB, username string) viewer.Viewer {
	t.Helper()
	in, err := a.Accounts.Register(t.Context(), account.RegisterInput{
		Username: username, Email: username + "@example.com", Password: password, DisplayName: new("Name of " + username),
	})
	if err != nil {
		t.Fatal(err)
	}
	return in.Viewer
}

// cookieJar is the cookie of a request, as a server would set it.
type cookieJar struct {
	mu        sync.Mutex
	value     string
	expires   time.Time
	isShut    bool
	isCleared bool
}

func (c *cookieJar) IsOpen() bool { return !c.isShut }

func (c *cookieJar) Set(value string, expires time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.expires = value, expires
}

func (c *cookieJar) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCleared = true
}
