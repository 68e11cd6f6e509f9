package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSchema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	scalar JSON
	enum Colour { RED }
	input Box { size: Int!, inner: Box }
	type Query {
		hello: String!
		echo(value: JSON, text: String, number: Int, id: ID, colour: Colour, box: Box): JSON
		viewer: String
		fail: String
		failOften(times: Int!): String
		refused: String
		explode: String
		wait: String
		size(bytes: Int!): String
	}
	type Mutation { touch: Int! }
	type Subscription { updates(after: String, room: String): String! }
`})

// schema executes root fields by hand, so that the tests need no generated code.
type schema struct {
	waiting chan struct{} // gets something when `wait` begins
}

func (s *schema) Schema() *ast.Schema { return testSchema }

func (s *schema) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

func (s *schema) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	for _, field := range graphql.CollectFields(op, op.Operation.SelectionSet, nil) {
		if field.Name == "refused" {
			graphql.AddError(ctx, &fault.Error{Code: fault.CodeForbidden, Message: "Not this."})
		}
	}
	return func(ctx context.Context) *graphql.Response {
		var out bytes.Buffer
		out.WriteByte('{')
		for i, field := range graphql.CollectFields(op, op.Operation.SelectionSet, nil) {
			if i > 0 {
				out.WriteByte(',')
			}
			value, err := s.resolve(ctx, field.Name, field.ArgumentMap(op.Variables))
			if err != nil {
				graphql.AddError(ctx, err)
				value = nil
			}
			text, err := json.Marshal(value)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(&out, "%q:%s", field.Alias, text)
		}
		out.WriteByte('}')
		return &graphql.Response{Data: out.Bytes()}
	}
}

func (s *schema) resolve(ctx context.Context, field string, args map[string]any) (any, error) {
	switch field {
	case "__typename":
		return "Query", nil
	case "hello":
		return "world", nil
	case "echo":
		for _, value := range args {
			return fmt.Sprintf("%T %v", value, value), nil
		}
	case "viewer":
		if who := viewer.From(ctx); who.Kind() == viewer.Person {
			return names[who], nil
		}
	case "fail":
		return nil, errors.New("it failed")
	case "failOften":
		for range args["times"].(int64) {
			graphql.AddError(ctx, errors.New(strings.Repeat("ä", 1000)))
		}
	case "explode":
		panic("boom")
	case "wait":
		s.waiting <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	case "size":
		return strings.Repeat("x", int(args["bytes"].(int64))), nil
	case "touch":
		return 1, nil
	}
	return nil, nil
}

// Two people, one of them with two sessions.
var (
	ada      = viewer.OfPerson(uuid.MustParse("00000000-0000-7000-8000-000000000001"), uuid.MustParse("00000000-0000-7000-8000-0000000000a1"))
	adaAgain = viewer.OfPerson(ada.Account(), uuid.MustParse("00000000-0000-7000-8000-0000000000a2"))
	bob      = viewer.OfPerson(uuid.MustParse("00000000-0000-7000-8000-000000000002"), uuid.MustParse("00000000-0000-7000-8000-0000000000b1"))
	names    = map[viewer.Viewer]string{ada: "ada", adaAgain: "ada again", bob: "bob"}
)

// named is the viewer of that name; nobody if there is none.
func named(name string) viewer.Viewer {
	for who, known := range names {
		if known == name {
			return who
		}
	}
	return viewer.Viewer{}
}

// authenticate takes "Bearer ada" and the like; "for 1m" behind it ends the credentials then.
func authenticate(ctx context.Context, authorization string) (viewer.Viewer, time.Time, error) {
	name, life, _ := strings.Cut(strings.TrimPrefix(authorization, "Bearer "), " for ")
	var until time.Time
	if life != "" {
		d, err := time.ParseDuration(life)
		if err != nil {
			panic(err)
		}
		until = time.Now().Add(d)
	}
	if who := named(name); who.Kind() == viewer.Person {
		return who, until, nil
	}
	if name == "nobody knows" {
		return viewer.Viewer{}, time.Time{}, fault.Unavailable(errors.New("no database"))
	}
	return viewer.Viewer{}, time.Time{}, fault.Unauthenticated()
}

// subscriptions hands every subscription to the test.
type subscriptions chan subscription

// argumentsOf are the arguments of a field of the subscription.
func argumentsOf(s subscription, field ast.Selection) map[string]any {
	return field.(*ast.Field).ArgumentMap(s.op.Variables)
}

type subscription struct {
	ctx context.Context
	op  *graphql.OperationContext
	to  transport.Subscriber
}

func (s subscriptions) Subscribe(ctx context.Context, op *graphql.OperationContext, to transport.Subscriber) {
	select {
	case s <- subscription{ctx, op, to}:
	case <-ctx.Done():
	}
}

// replay delivers results before a subscription stands, as one that catches up gets them.
type replay struct {
	subscriptions
	results int
}

func (r replay) Subscribe(ctx context.Context, op *graphql.OperationContext, to transport.Subscriber) {
	subscription{ctx, op, to}.flood(r.results)
	r.subscriptions.Subscribe(ctx, op, to)
}

// panicking subscribes to nothing.
type panicking struct{}

func (panicking) Subscribe(context.Context, *graphql.OperationContext, transport.Subscriber) {
	panic("boom")
}

// take is the next subscription.
func (s subscriptions) take(t *testing.T) subscription {
	t.Helper()
	select {
	case sub := <-s:
		return sub
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was subscribed")
		return subscription{}
	}
}

// next delivers a result as the hub does.
func (s subscription) next(text, cursor string) {
	s.to.Next([]byte(`{"data":{"updates":"`+text+`"}}`), cursor)
}

// ended waits for the subscription's context to end.
func (s subscription) ended(t *testing.T) {
	t.Helper()
	select {
	case <-s.ctx.Done():
	case <-time.After(time.Minute): // a bubble's minute, in the tests that take long
		t.Fatal("the subscription goes on")
	}
}

// A fixture is a Handler behind a server. A request's `who` cookie signs in, until its `until` cookie.
type fixture struct {
	*transport.Handler
	subscriptions subscriptions
	schema        *schema
	listener      *pipes // nil with a real server
	url           string
	client        *http.Client
}

type option func(*transport.Options)

func limits(l transport.Limits) option {
	return func(o *transport.Options) { o.Limits = l }
}

func newHandler(options ...option) *fixture {
	f := &fixture{subscriptions: make(subscriptions), schema: &schema{waiting: make(chan struct{}, 200)}}
	o := transport.Options{
		Executor:      executor.New(f.schema),
		Subscriptions: f.subscriptions,
		Authenticate:  authenticate,
		Log:           slog.New(slog.DiscardHandler),
	}
	o.Executor.SetRecoverFunc(func(context.Context, any) error {
		return &fault.Error{Code: fault.CodeInternal, Message: "Something went wrong here."}
	})
	o.Executor.SetErrorPresenter(present)
	for _, option := range options {
		option(&o)
	}
	f.Handler = transport.New(o)
	return f
}

// present shows faults by their code and everything else as INTERNAL, as the real one does.
func present(ctx context.Context, err error) *gqlerror.Error {
	shown := *graphql.DefaultErrorPresenter(ctx, err)
	code := fault.CodeInternal
	var known *fault.Error
	if errors.As(err, &known) {
		code, shown.Message = known.Code, known.Message
	}
	shown.Extensions = map[string]any{"code": code}
	return &shown
}

// ServeHTTP signs in by cookie, which the real server's middleware does.
func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if cookie, err := r.Cookie("who"); err == nil {
		ctx = viewer.With(ctx, named(cookie.Value))
		if life, err := r.Cookie("life"); err == nil {
			d, err := time.ParseDuration(life.Value)
			if err != nil {
				panic(err)
			}
			ctx = transport.WithExpiry(ctx, time.Now().Add(d))
		}
	}
	f.Handler.ServeHTTP(w, r.WithContext(ctx))
}

// serve runs the fixture on a real port.
func serve(t *testing.T, options ...option) *fixture {
	t.Helper()
	return serveWith(t, func(*http.Server) {}, options...)
}

func serveWith(t *testing.T, configure func(*http.Server), options ...option) *fixture {
	t.Helper()
	f := newHandler(options...)
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	configure(server.Config)
	server.Start()
	f.url, f.client = server.URL, server.Client()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		f.Shutdown(ctx)
		server.Close()
	})
	return f
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("it never came to this: %s", what)
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
