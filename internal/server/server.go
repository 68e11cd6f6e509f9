// Package server is the HTTP side of a node: its routes, who asks, request ids, limits, health, and an
// orderly end.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/demo"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/token"
)

// Options are what a server is made of.
type Options struct {
	Config   config.Config
	DB       *db.DB
	Hub      *live.Hub
	Ring     *token.Ring
	Accounts *account.Service
	// Invites knows what codes are for.
	Invites *invite.Service
	Graph   *transport.Handler
	// Limits counts what clients ask; nil for no limits.
	Limits *limit.Limiter
	// Demo finds the demo people; nil where there are none.
	Demo *demo.Seeder
	// Metrics are the node's numbers; nil for none.
	Metrics *telemetry.Registry
	// Mailbox has the mails of development; nil where they are really sent.
	Mailbox *mail.Mailbox
	// Patience is how long slow clients are waited for.
	Patience Patience
	Log      *slog.Logger
}

// Server serves a node's routes.
type Server struct {
	o       Options
	http    *http.Server
	metrics *http.Server // at the operators' own address
	// draining is closed when the node is about to stop, stopping when it stops.
	draining, stopping chan struct{}
	drain              func()
	// proxies are the networks whose word on a client's address counts, strange is said of another's.
	proxies []netip.Prefix
	strange sync.Once
}

// reviewEvery is how often open sockets are held against the sessions they belong to.
const reviewEvery = 800 * time.Millisecond

// New makes a server; Serve starts it.
func New(o Options) *Server {
	s := &Server{o: o, draining: make(chan struct{}), stopping: make(chan struct{})}
	s.drain = sync.OnceFunc(func() { close(s.draining) })
	var err error
	if s.proxies, err = o.Config.Proxies(); err != nil {
		panic(err) // config has checked them
	}
	s.http = s.listener(s.routes())
	if o.Metrics != nil {
		s.metrics = s.listener(s.operators())
	}
	return s
}

// Serve answers until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	go s.review()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeMetrics answers operators at an address of their own, until Shutdown has ended everything else: a
// readiness probe there sees a node that drains.
func (s *Server) ServeMetrics(l net.Listener) error {
	if err := s.metrics.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// review closes the sockets of sessions that were revoked, within a second on every node, and lets those of
// sessions that were refreshed live on.
func (s *Server) review() {
	tick := time.NewTicker(reviewEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stopping:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if err := s.o.Graph.Review(ctx, s.o.Accounts.Standing); err != nil {
			s.o.Log.Debug("Nobody could tell which sessions stand", "error", err)
		}
		cancel()
	}
}

// Unready says from now on that no more requests are wanted here, and still serves those that come.
func (s *Server) Unready() { s.drain() }

// Shutdown ends in order: not ready any more, sockets closed so that their clients go elsewhere, requests
// finished.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	close(s.stopping)
	s.o.Graph.Shutdown(ctx)
	err := s.http.Shutdown(ctx)
	if s.metrics != nil {
		_ = s.metrics.Close() // a scrape that is cut off is the next one's
	}
	return err
}
