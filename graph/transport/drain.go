package transport

import (
	"context"
	"time"
)

// Shutdown takes no more sockets and event streams, and ends those that are open: sockets with 1012,
// streams without a last event, both of which make clients come back, and both after what was queued.
// They are spread over three quarters of the time that the context leaves, so that the other nodes do
// not get everybody at once; without a deadline they end together. What is left when the context ends
// is cut off.
func (h *Handler) Shutdown(ctx context.Context) {
	empty := h.connections.shut()
	left := h.connections.all()
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
