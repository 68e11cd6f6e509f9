package transport

import (
	"context"

	"github.com/google/uuid"
)

func (s *stream) session() uuid.UUID { return s.who.Session() }

func (s *session) session() uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewer.Session()
}

// bySession are the open connections that belong to somebody's login session.
func (r *roster) bySession() map[uuid.UUID][]connection {
	r.mu.Lock()
	all := make([]connection, 0, len(r.open))
	for c := range r.open {
		all = append(all, c)
	}
	r.mu.Unlock()
	found := map[uuid.UUID][]connection{}
	for _, c := range all {
		if id := c.session(); id != uuid.Nil {
			found[id] = append(found[id], c)
		}
	}
	return found
}

// EndRevoked ends the connections whose login sessions have ended: sockets with 4403. The function answers
// which of the sessions that are asked about have.
func (h *Handler) EndRevoked(ctx context.Context, ended func(context.Context, []uuid.UUID) ([]uuid.UUID, error)) error {
	open := h.connections.bySession()
	if len(open) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(open))
	for id := range open {
		ids = append(ids, id)
	}
	gone, err := ended(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range gone {
		for _, c := range open[id] {
			c.end(endRevoked)
		}
	}
	return nil
}
