package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/token"
)

// A node is one of a house, in this process, wired as the program wires it: with connections, a hub and a
// Redis client of its own, listening on a port of this machine.
type node struct {
	db        *db.DB
	hub       *live.Hub
	slices    *graph.Resolver
	accounts  *account.Service
	messaging *messaging.Service
	facts     *fact.Log
	graph     *transport.Handler
	url       string
	undo      []func() error
}

// open brings a node up; sent is told of each message that it puts on disk, and may be nil.
func (h *house) open(ctx context.Context, sent func(*ent.Message)) (n *node, err error) {
	if n, err = h.connect(ctx, sent, nil); err != nil {
		return n, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if err := n.facts.Start(ctx); err != nil {
		return n, err
	}
	n.undo = append(n.undo, func() error { n.facts.Close(); return nil })
	return n, n.serve(ctx, h.ring)
}

// connect makes a node that neither consumes facts nor listens; stated is told of each of its statements, and may be nil.
func (h *house) connect(ctx context.Context, sent func(*ent.Message), stated func(text string)) (n *node, err error) {
	n = &node{}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	redis, err := live.OpenRedis(h.services.RedisURL)
	if err != nil {
		return n, err
	}
	n.undo = append(n.undo, redis.Close)
	var hub atomic.Pointer[live.Hub]
	n.db, err = db.Open(ctx, h.services.DatabaseURL, db.Options{Stated: stated, Connected: func() {
		if h := hub.Load(); h != nil {
			h.Reconnected()
		}
	}})
	if err != nil {
		return n, err
	}
	n.undo = append(n.undo, n.db.Close)
	n.hub = live.New(live.Options{Redis: redis, Epoch: n.db.Epoch, Log: quiet})
	hub.Store(n.hub)
	n.slices = graph.Connect(graph.Base{DB: n.db, Ring: h.ring, Hub: n.hub, Messaging: messaging.Options{Sent: sent}})
	n.accounts, n.messaging, n.facts = n.slices.Accounts, n.slices.Messaging, n.slices.Facts
	n.undo = append(n.undo, func() error { n.slices.Close(); return nil })
	if err := n.hub.Start(ctx); err != nil {
		return n, err
	}
	n.undo = append(n.undo, func() error { n.hub.Close(); return nil })
	return n, nil
}

var quiet = slog.New(slog.DiscardHandler)

// serve answers as the program does.
func (n *node) serve(ctx context.Context, ring *token.Ring) error {
	l, err := n.listen(ctx)
	if err != nil {
		return err
	}
	exec := graph.NewExecutor(n.slices, false)
	settings := config.Config{Addr: l.Addr().String(), URL: n.url, Env: config.Dev, Seed: "off"}
	n.graph = transport.New(transport.Options{
		Executor: exec, Subscriptions: transport.NewShared(exec, n.hub),
		Authenticate: n.accounts.Authenticate, CheckOrigin: server.CheckOrigin(settings), Log: quiet,
	})
	s := server.New(server.Options{
		Config: settings, DB: n.db, Hub: n.hub, Ring: ring, Accounts: n.accounts, Graph: n.graph, Log: quiet,
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	n.undo = append(n.undo, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
		defer cancel()
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil // our own idle connections, which end with us
		}
		_ = l.Close()
		return errors.Join(err, <-served)
	})
	return nil
}

func (n *node) listen(ctx context.Context) (net.Listener, error) {
	l, err := anyPort(ctx)
	if err != nil {
		return nil, err
	}
	n.url = "http://" + l.Addr().String()
	return l, nil
}

// openTwo brings two nodes up, of which the first tells of its messages.
func (h *house) openTwo(ctx context.Context, sent func(*ent.Message)) (here, there *node, err error) {
	if here, err = h.open(ctx, sent); err != nil {
		return nil, nil, err
	}
	if there, err = h.open(ctx, nil); err != nil {
		return nil, nil, errors.Join(err, here.close())
	}
	return here, there, nil
}

// anyPort listens on a port of this machine that nobody uses.
func anyPort(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	return l, nil
}

// close closes everything that open opened, in reverse.
func (n *node) close() error {
	var errs []error
	for i := len(n.undo) - 1; i >= 0; i-- {
		errs = append(errs, n.undo[i]())
	}
	n.undo = nil
	return errors.Join(errs...)
}

// endpoint is where the node answers GraphQL.
func (n *node) endpoint() string { return n.url + "/graphql" }
