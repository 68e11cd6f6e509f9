package transport

import (
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/convenehq/convene/graph/transport/wall"
)

// A Handler serves the GraphQL endpoint over every transport: HTTP POST and GET, WebSocket, and event
// streams for who accepts them. It expects the viewer of a request in its context.
type Handler struct {
	Options
	connections roster
	documents   *documents
	texts       *wall.Memory[string] // of persisted queries, by hash

	registered     map[string]*document // by id
	onlyRegistered bool
	pens           pens

	sockets, streams, subscribed, slow atomic.Int64

	// owed is what waits for all clients because it was due before they came, in bytes.
	owed atomic.Int64
	// waiting is all that waits for all clients, in bytes.
	waiting atomic.Int64
}

// New makes the Handler.
func New(o Options) *Handler {
	o.Limits = o.Limits.withDefaults()
	if o.Weigh == nil {
		o.Weigh = Weigh
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Handler{
		Options: o, connections: roster{crowd: o.Crowd},
		documents: newDocuments(o.Executor, o.Limits.Wall, o.Suggests), texts: wall.NewMemory[string](textsWeight),
	}
}

// ServeHTTP answers a request over the transport that it asks for.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isUpgrade(r) {
		h.serveSocket(w, r)
		return
	}
	h.serveHTTP(w, r)
}

// Stats counts what a Handler has open, and what it had to close.
type Stats struct {
	// Sockets and Streams are the open WebSockets and event streams.
	Sockets, Streams int64
	// Subscriptions are the running subscriptions of all of them.
	Subscriptions int64
	// SlowCloses counts the clients that were closed because they did not keep up, ever.
	SlowCloses int64
}

// Stats counts what is open now.
func (h *Handler) Stats() Stats {
	return Stats{
		Sockets:       h.sockets.Load(),
		Streams:       h.streams.Load(),
		Subscriptions: h.subscribed.Load(),
		SlowCloses:    h.slow.Load(),
	}
}
