package transport

import (
	"context"
	"time"

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
	found := map[uuid.UUID][]connection{}
	for _, c := range r.all() {
		if id := c.session(); id != uuid.Nil {
			found[id] = append(found[id], c)
		}
	}
	return found
}

// Review ends the connections whose login sessions have ended, sockets with 4403, and lets those live on whose
// sessions were refreshed, however that was. The function answers which of the sessions that it is asked about
// stand, and until when the credentials that they gave out last are good.
func (h *Handler) Review(
	ctx context.Context, standing func(context.Context, []uuid.UUID) (map[uuid.UUID]time.Time, error),
) error {
	open := h.connections.bySession()
	if len(open) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(open))
	for id := range open {
		ids = append(ids, id)
	}
	until, err := standing(ctx, ids)
	if err != nil {
		return err
	}
	for id, connections := range open {
		ends, stands := until[id]
		for _, c := range connections {
			if !stands {
				c.end(endRevoked)
				continue
			}
			c.extend(ends)
		}
	}
	return nil
}
