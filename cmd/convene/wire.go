package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/demo"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/password"
	"github.com/convenehq/convene/internal/persisted"
	"github.com/convenehq/convene/internal/presence"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/topic"
)

// A node is everything that runs in this process but the private services.
type node struct {
	db        *db.DB
	hub       *live.Hub
	presence  *presence.Tracker
	messaging *messaging.Service
	server    *server.Server
	metrics   *telemetry.Registry
	seeder    *demo.Seeder
	companion *companion
	jobs      *job.Queue
	close     []func()
}

// build connects everything, from the bottom up. What it opened is closed by shut, in reverse.
func build(ctx context.Context, c config.Config, log *slog.Logger) (_ *node, err error) {
	n := &node{companion: &companion{log: log}, metrics: telemetry.NewRegistry()}
	defer func() {
		if err != nil {
			n.shut()
		}
	}()
	redis, err := n.open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	ring, err := keys(ctx, c, n.db)
	if err != nil {
		return nil, err
	}
	judge, err := password.New(password.Options{List: c.LeakedList, Online: c.LeakedRange, Log: log})
	if err != nil {
		return nil, err
	}
	resolver, mailbox, err := n.connect(c, ring, judge)
	if err != nil {
		return nil, err
	}
	if err := n.hub.Start(ctx); err != nil {
		return nil, err
	}
	n.close = append(n.close, n.hub.Close)
	n.presence.Start(ctx)
	n.close = append(n.close, n.presence.Close)
	topic.Consume(resolver.Facts, topic.Options{Redis: redis, Prefix: c.TopicPrefix, Length: c.TopicLength})
	if err := resolver.Facts.Start(ctx); err != nil {
		return nil, err
	}
	n.close = append(n.close, resolver.Facts.Close)

	limits := limit.New(limit.Options{Rates: server.Rates(c), Redis: redis, Log: log})
	limits.Start()
	n.close = append(n.close, limits.Close)
	exec := graph.NewExecutor(resolver, !c.IsProduction())
	handler := transport.New(transport.Options{
		Executor:      exec,
		Subscriptions: transport.NewShared(exec, n.hub),
		Authenticate:  resolver.Accounts.Authenticate,
		Present:       n.presence.Enter,
		CheckOrigin:   server.CheckOrigin(c),
		Suggests:      !c.IsProduction(),
		Persisted:     persisted.New(persisted.Options{Redis: redis, Log: log}),
		Limits:        transport.Limits{Wall: wallOf(c), Result: c.ResultSize},
		Crowd:         server.Crowd(c),
		Log:           log,
	})
	if err := register(handler, c, log); err != nil {
		return nil, err
	}
	n.server = server.New(server.Options{
		Config: c, DB: n.db, Hub: n.hub, Ring: ring, Accounts: resolver.Accounts, Invites: resolver.Invites, Demo: n.seeder,
		Mailbox: mailbox, Graph: handler, Limits: limits, Metrics: n.metrics, Log: log,
	})
	for _, part := range []reporter{n.db, n.hub, n.presence, resolver.Messaging, resolver.Facts, n.jobs, limits, handler, n.server} {
		part.Report(n.metrics)
	}
	return n, nil
}

// open opens what the slices stand on: Redis, a database that is up to date, the hub, and the jobs.
func (n *node) open(ctx context.Context, c config.Config, log *slog.Logger) (live.Redis, error) {
	client, err := live.OpenRedis(c.RedisURL)
	if err != nil {
		return nil, err
	}
	n.close = append(n.close, func() { _ = client.Close() })
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
	if err := n.db.Migrate(ctx, migrate.Files, func(format string, args ...any) { log.Info(fmt.Sprintf(format, args...)) }, job.Migrate); err != nil {
		return nil, err
	}
	if c.IsProduction() {
		if is, err := n.db.IsDevelopment(ctx); err != nil || is {
			return nil, cmp.Or(err, errDevelopment)
		}
	}
	n.hub = live.New(live.Options{Redis: client, Epoch: n.db.Epoch, Sweep: c.Sweep, Log: log})
	hub.Store(n.hub)
	n.presence = presence.New(presence.Options{Redis: client, Log: log})
	n.jobs, err = job.New(n.db, job.Options{Log: log})
	return client, err
}

// connect makes the slices and what they post mails by, and has what they keep removed when its time is up.
func (n *node) connect(c config.Config, ring *token.Ring, judge *password.Judge) (resolver *graph.Resolver, _ *mail.Mailbox, err error) {
	// The mailer asks the accounts for addresses, and slices that are made of it post letters.
	mailer, mailbox, err := mails(c, n.db, n.jobs, func(ctx context.Context, id uuid.UUID) (mail.Recipient, error) {
		return resolver.Accounts.Recipient(ctx, id)
	})
	if err != nil {
		return nil, nil, err
	}
	resolver = graph.Connect(graph.Base{
		DB: n.db, Ring: ring, Hub: n.hub,
		Account: account.Options{
			Issuer: c.Issuer, Mail: mailer, Jobs: n.jobs, Links: c.Links, Reauthenticate: c.Reauthenticate, EraseAfter: c.EraseAfter,
			Judge: judge, FailedSignIns: c.FailedSignIns, Registrations: c.RegistrationsPerAddress,
		},
		Invite:    inviting(c, mailer),
		Messaging: messaging.Options{Sent: n.companion.sent, Presence: n.presence},
	})
	n.messaging = resolver.Messaging
	n.close = append(n.close, resolver.Close)
	if c.HasDemo() {
		n.seeder = &demo.Seeder{Accounts: resolver.Accounts, Messaging: resolver.Messaging}
	}
	for name, sweep := range map[string]func(context.Context) error{
		"account.sweep": resolver.Accounts.Sweep, "messaging.sweep": resolver.Messaging.Sweep, "feed.sweep": resolver.Feeds.Sweep,
		"fact.sweep": resolver.Facts.Sweep, "audit.sweep": audit.Sweeper{Client: n.db.Ent}.Sweep,
		"invite.sweep": resolver.Invites.Sweep,
	} {
		n.jobs.Repeat(job.Periodic{Name: name, Every: time.Hour, Do: sweep})
	}
	// Erasing goes on where it was, so a job that is cut short loses nothing.
	n.jobs.Repeat(job.Periodic{Name: "account.erase", Every: time.Hour, Timeout: time.Hour, Do: resolver.Accounts.EraseDue})
	return resolver, mailbox, nil
}

// A reporter is a part of the node that has something to tell operators.
type reporter interface{ Report(to *telemetry.Registry) }

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

// serve runs a node, with an address for operators unless that is nil, until the context ends or something it
// stands on does. When it is told to stop it first says for a while that it is not ready: until load balancers
// have noticed, they send requests.
func (n *node) serve(ctx context.Context, l, operators net.Listener, failed <-chan error, delay time.Duration) error {
	if err := n.jobs.Start(ctx); err != nil {
		return err
	}
	served := make(chan error, 2)
	go func() { served <- n.server.Serve(l) }()
	if operators != nil {
		go func() { served <- n.server.ServeMetrics(operators) }()
	}
	var why error
	select {
	case <-ctx.Done():
		n.server.Unready()
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(again)
		select {
		case <-time.After(delay):
		case <-again: // somebody does not want to wait for load balancers
		case why = <-failed:
		case why = <-served:
		}
	case why = <-failed:
	case why = <-served:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	idle := make(chan error, 1)
	go func() { idle <- n.jobs.Stop(ctx) }()
	if err := n.server.Shutdown(ctx); err != nil && why == nil {
		why = fmt.Errorf("stop serving: %w", err)
	}
	return cmp.Or(why, <-idle)
}

// drainTime is how long sockets, requests and jobs have when a node stops.
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
	return telemetry.NewLogger(os.Stderr, c.Log == "json", c.Level())
}

var errDevelopment = errors.New("the database that DATABASE_URL names has served development, and demo people with a known password may be in it: production needs another one")

var errAddress = errors.New("another program listens there: stop it, or set ADDR, for example ADDR=127.0.0.1:8081")
