package transport

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A connection is what stays open: a session or a stream.
type connection interface {
	// end lets the connection end by itself, with what is queued sent first.
	end(e ending)
	// kill ends it now.
	kill()
	// session is the login session that it belongs to; the zero id if to none.
	session() uuid.UUID
}

// A roster knows the open connections, so that a shutdown finds them.
type roster struct {
	mu     sync.Mutex
	open   map[connection]struct{}
	closed bool
	empty  chan struct{} // closed when none is left after closed
}

// enter notes a connection, unless none is taken any more.
func (r *roster) enter(c connection) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	if r.open == nil {
		r.open = map[connection]struct{}{}
	}
	r.open[c] = struct{}{}
	return true
}

// isShut tells whether no connection is taken any more.
func (r *roster) isShut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

func (r *roster) leave(c connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
	r.settleLocked()
}

// shut takes no more connections, and returns those that there are.
func (r *roster) shut() (left []connection, empty <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed, r.empty = true, make(chan struct{})
		r.settleLocked()
	}
	for c := range r.open {
		left = append(left, c)
	}
	return left, r.empty
}

func (r *roster) settleLocked() {
	if !r.closed || len(r.open) > 0 {
		return
	}
	select {
	case <-r.empty:
	default:
		close(r.empty)
	}
}

// Shutdown takes no more sockets and event streams, and ends those that are open: sockets with 1012,
// streams without a last event, both of which make clients come back, and both after what was queued.
// They are spread over three quarters of the time that the context leaves, so that the other nodes do
// not get everybody at once; without a deadline they end together. What is left when the context ends
// is cut off.
func (h *Handler) Shutdown(ctx context.Context) {
	left, empty := h.connections.shut()
	var spread time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		spread = time.Until(deadline) * 3 / 4
	}
	start := time.Now()
	for i, c := range left {
		due := start.Add(spread * time.Duration(i) / time.Duration(len(left)))
		if wait := time.Until(due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-empty: // they have left by themselves
				return
			case <-ctx.Done():
			}
		}
		c.end(endRestart)
	}
	select {
	case <-empty:
		return
	case <-ctx.Done():
	}
	for _, c := range left {
		c.kill()
	}
}
