package transport

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/uuid"

	"github.com/convenehq/convene/graph/transport/wall"
	"github.com/convenehq/convene/internal/viewer"
)

// Options is what a Handler works with.
type Options struct {
	// Executor runs operations. New gives it the documents that it may run.
	Executor *executor.Executor
	// Suggests is whether errors guess what a client may have meant. That tells the schema, word by word.
	Suggests bool
	// Persisted keeps the texts of persisted queries for all nodes; without it each node has its own.
	Persisted Persisted
	// Subscriptions starts subscriptions; without it they are refused.
	Subscriptions Subscriptions
	// Authenticate reads the `authorization` that a client sends with connection_init or in a ping, and
	// says whose it is and when it ends; the zero time is never. Codes other than UNAUTHENTICATED and
	// FORBIDDEN of package fault say that the question could not be answered: the client comes back.
	Authenticate func(ctx context.Context, authorization string) (viewer.Viewer, time.Time, error)
	// Present is told of whom a connection is that stays open, an acknowledged socket or an event stream of a
	// subscription, and calls leave when it is closed; nil if nobody wants to know.
	Present func(account uuid.UUID) (leave func())
	// CheckOrigin tells whether a page of the request's Origin may open a socket that signs in by
	// cookie. Asked only about requests with an Origin: what sends none is no browser. Nil allows the
	// request's own host.
	CheckOrigin func(r *http.Request) bool
	// Weigh is how much an operation counts towards the limits of package limit, 1 or more; Weigh if nil.
	Weigh func(op *graphql.OperationContext) int
	// Limits bounds what clients may do.
	Limits Limits
	// Crowd bounds how many sockets there are.
	Crowd Crowd
	// Log gets what went wrong here; slog's default if nil.
	Log *slog.Logger
}

// Limits bounds what clients may do. A zero field means the default.
type Limits struct {
	// Body is the most bytes of a request's body, and of a URL's query: 256 KiB.
	Body int64
	// Message is the most bytes of a message from a socket: 64 KiB.
	Message int64
	// Operations is how many operations a socket runs at once: 100.
	Operations int
	// Wall is how much a document may ask.
	Wall wall.Limits
	// Query is how long a query or a mutation may take: 30 s.
	Query time.Duration
	// Init is how long a socket may wait with connection_init: 10 s.
	Init time.Duration
	// Ping is how often a socket is asked whether it is still there: every 25 s. One that is not heard
	// of from one ping to the next is gone.
	Ping time.Duration
	// Heartbeat is how often an event stream gets a comment, which keeps proxies from closing it: 15 s.
	Heartbeat time.Duration
	// Write is how long a client may take to read what is being written: 10 s.
	Write time.Duration
	// Queue is how many bytes may wait for a client: 256 KiB.
	Queue int
	// Replay is how many bytes more may wait while a subscription catches up from a cursor: 4 MiB.
	Replay int
	// Owed is how many bytes of that may wait for all clients of the node together: 256 MiB. Beyond it Queue is all that
	// may wait for a client; one that is closed for it resumes behind what it got.
	Owed int64
	// Waiting is how many bytes may wait for all clients of the node together: 512 MiB. Beyond it a quarter of Queue is all
	// that may wait for a client. What many get alike counts for each of them.
	Waiting int64
	// Droppable is how many bytes may wait for a client before results that may be lost are: 16 KiB.
	Droppable int
	// Result is how many bytes a result has at most that goes to a socket or an event stream: 1 MiB.
	Result int
}

// Crowd bounds how much of a node's sockets and event streams one client may have. Zero is no bound.
type Crowd struct {
	// PerAccount and PerAddress are how many of them one account, and all at one address, hold open.
	PerAccount, PerAddress int
	// Messages is how many messages a second are read from a socket, on average. Four times as many may come
	// at once; beyond that it is read more slowly.
	Messages int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Body:       cmp.Or(l.Body, 256<<10),
		Message:    cmp.Or(l.Message, 64<<10),
		Operations: cmp.Or(l.Operations, 100),
		Wall:       l.Wall.WithDefaults(),
		Query:      cmp.Or(l.Query, 30*time.Second),
		Init:       cmp.Or(l.Init, 10*time.Second),
		Ping:       cmp.Or(l.Ping, 25*time.Second),
		Heartbeat:  cmp.Or(l.Heartbeat, 15*time.Second),
		Write:      cmp.Or(l.Write, 10*time.Second),
		Queue:      cmp.Or(l.Queue, 256<<10),
		Replay:     cmp.Or(l.Replay, 4<<20),
		Owed:       cmp.Or(l.Owed, 256<<20),
		Waiting:    cmp.Or(l.Waiting, 512<<20),
		Droppable:  cmp.Or(l.Droppable, 16<<10),
		Result:     cmp.Or(l.Result, 1<<20),
	}
}
