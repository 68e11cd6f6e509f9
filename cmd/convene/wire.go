package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/demo"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/token"
)

// A node is everything that runs in this process but the private services.
type node struct {
	db        *db.DB
	hub       *live.Hub
	messaging *messaging.Service
	server    *server.Server
	seeder    *demo.Seeder
	companion *companion
	// sweeps remove what has outlived its retention.
	sweeps []func(context.Context) error
	close  []func()
}

// build connects everything, from the bottom up. What it opened is closed by shut, in reverse.
func build(ctx context.Context, c config.Config, log *slog.Logger) (_ *node, err error) {
	n := &node{companion: &companion{log: log}}
	defer func() {
		if err != nil {
			n.shut()
		}
	}()
	redis, err := live.OpenRedis(c.RedisURL)
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, func() { _ = redis.Close() })
	// The hub is told of every new connection to PostgreSQL, and is made of the pool that opens them.
	var hub atomic.Pointer[live.Hub]
	n.db, err = db.Open(ctx, c.DatabaseURL, db.Options{MaxConns: c.DatabaseConns, Connected: func() {
		if h := hub.Load(); h != nil {
			h.Reconnected()
		}
	}})
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, func() { _ = n.db.Close() })
	if err := n.db.Migrate(ctx, migrate.Files, func(format string, args ...any) { log.Info(fmt.Sprintf(format, args...)) }); err != nil {
		return nil, err
	}
	if c.IsProduction() {
		if is, err := n.db.IsDevelopment(ctx); err != nil || is {
			return nil, cmp.Or(err, errDevelopment)
		}
	}
	ring, err := keys(ctx, c, n.db)
	if err != nil {
		return nil, err
	}
	n.hub = live.New(live.Options{Redis: redis, Epoch: n.db.Epoch, Log: log})
	hub.Store(n.hub)

	resolver := graph.Connect(graph.Base{
		DB: n.db, Ring: ring, Hub: n.hub,
		Account:   account.Options{Issuer: c.Issuer},
		Messaging: messaging.Options{Sent: n.companion.sent},
	})
	n.messaging = resolver.Messaging
	n.close = append(n.close, resolver.Close)
	n.sweeps = append(n.sweeps, resolver.Accounts.Sweep, resolver.Messaging.Sweep)
	exec := graph.NewExecutor(resolver, !c.IsProduction())
	if err := n.hub.Start(ctx); err != nil {
		return nil, err
	}
	n.close = append(n.close, n.hub.Close)
	if c.HasDemo() {
		n.seeder = &demo.Seeder{Accounts: resolver.Accounts, Messaging: resolver.Messaging}
	}
	n.server = server.New(server.Options{
		Config: c, DB: n.db, Hub: n.hub, Ring: ring, Accounts: resolver.Accounts, Demo: n.seeder, Log: log,
		Graph: transport.New(transport.Options{
			Executor:      exec,
			Subscriptions: transport.NewShared(exec, n.hub),
			Authenticate:  resolver.Accounts.Authenticate,
			CheckOrigin:   server.CheckOrigin(c),
			Log:           log,
		}),
	})
	return n, nil
}

// shut closes what build opened.
func (n *node) shut() {
	for i := len(n.close) - 1; i >= 0; i-- {
		n.close[i]()
	}
	n.close = nil
}

// keys are the secrets that everything is signed with: the configured ones, or in development one that
// the database keeps.
func keys(ctx context.Context, c config.Config, d *db.DB) (*token.Ring, error) {
	secrets, err := token.ParseKeys(c.Keys)
	if c.Keys == "" {
		var secret []byte
		secret, err = d.DevSecret(ctx)
		secrets = [][]byte{secret}
	}
	if err != nil {
		return nil, err
	}
	return token.NewRing(secrets...)
}

// seed moves the demo people in and lets the companion answer.
func (n *node) seed(ctx context.Context) error {
	if n.seeder == nil {
		return nil
	}
	// Marks the database, also where keys are configured: production refuses it then.
	if _, err := n.db.DevSecret(ctx); err != nil {
		return err
	}
	if err := n.seeder.Seed(ctx); err != nil {
		return fmt.Errorf("move the demo people in: %w", err)
	}
	ids, err := n.seeder.Find(ctx)
	if err != nil {
		return err
	}
	n.companion.wake(n.messaging, ids[demo.Companion])
	n.close = append(n.close, n.companion.sleep)
	return nil
}

// tidy removes what has outlived its retention, at the start and then every hour, until the context ends.
func (n *node) tidy(ctx context.Context, log *slog.Logger) {
	for {
		for _, sweep := range n.sweeps {
			if err := sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("What has outlived its retention could not all be removed; the next hour tries again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}

// serve runs a node until the context ends or something it stands on does.
func (n *node) serve(ctx context.Context, l net.Listener, failed <-chan error) error {
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(l) }()
	var why error
	select {
	case <-ctx.Done():
	case why = <-failed:
	case why = <-served:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := n.server.Shutdown(ctx); err != nil && why == nil {
		why = fmt.Errorf("stop serving: %w", err)
	}
	return why
}

// drainTime is how long sockets and requests have when a node stops.
const drainTime = 10 * time.Second

// A companion answers, once there is a companion among the demo people.
type companion struct {
	log  *slog.Logger
	mu   sync.Mutex
	a    *demo.Answerer
	ctx  context.Context //nolint:containedctx // bounds the answers on their way
	stop context.CancelFunc
	busy sync.WaitGroup
}

func (c *companion) wake(m *messaging.Service, self uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.a = &demo.Answerer{Messaging: m, Self: self, Log: c.log}
}

// sent is told of each message that this node put on disk.
func (c *companion) sent(m *ent.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.a == nil {
		return
	}
	answerer, ctx := c.a, c.ctx
	c.busy.Go(func() { answerer.Answer(ctx, m) })
}

func (c *companion) sleep() {
	c.mu.Lock()
	c.a = nil
	c.stop()
	c.mu.Unlock()
	c.busy.Wait()
}

func newLogger(c config.Config) *slog.Logger {
	if c.Log == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

var errDevelopment = errors.New("the database that DATABASE_URL names has served development, and demo people with a known password may be in it: production needs another one")

var errAddress = errors.New("another program listens there: stop it, or set ADDR, for example ADDR=127.0.0.1:8081")
