package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/executor"
	stock "github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/generated"
	"github.com/convenehq/convene/internal/viewer"
)

// serveStock serves the same schema, slices and streams by what gqlgen brings along: its executor and its
// WebSocket transport on the library that it chooses, called as gqlgen's own handler does. A subscription is an
// execution of the subscriber's own, fed by a channel, and each of its results is rendered for it alone.
//
// It is given whatever makes it cheap: no traces, no numbers, no limits, no extensions, no middleware, a cache of
// documents, and a broker that decodes an update once. It pings as often as we do, and finds out who asks once,
// when the socket is opened.
func (n *node) serveStock(ctx context.Context) error {
	l, err := n.listen(ctx)
	if err != nil {
		return err
	}
	resolvers := stockResolvers{n.slices, &broker{node: n, rooms: map[string]*room{}}}
	exec := executor.New(generated.NewExecutableSchema(generated.Config{Resolvers: resolvers}))
	exec.SetErrorPresenter(graph.PresentError)
	exec.SetQueryCache(&documents{})
	sockets := stock.Websocket{
		PingPongInterval: 25 * time.Second,
		InitFunc: func(ctx context.Context, payload stock.InitPayload) (context.Context, *stock.InitPayload, error) {
			who, _, err := n.accounts.Authenticate(ctx, payload.Authorization())
			return viewer.With(ctx, who), nil, err
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) { sockets.Do(w, r, exec) })
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	n.undo = append(n.undo, func() error {
		err := s.Close()
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
		return err
	})
	return nil
}

// stockResolvers are ours but for the subscription that is measured.
type stockResolvers struct {
	*graph.Resolver
	broker *broker
}

// Subscription implements generated.ResolverRoot.
func (r stockResolvers) Subscription() generated.SubscriptionResolver {
	return stockSubscriptions{r.Resolver.Subscription(), r.broker}
}

// documents keeps every document that it has seen: a bench has a handful.
type documents struct{ seen sync.Map }

// Get implements graphql.Cache.
func (d *documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	found, ok := d.seen.Load(text)
	if !ok {
		return nil, false
	}
	return found.(*ast.QueryDocument), true
}

// Add implements graphql.Cache.
func (d *documents) Add(_ context.Context, text string, document *ast.QueryDocument) {
	d.seen.Store(text, document)
}
