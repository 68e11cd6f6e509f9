package live

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/telemetry"
)

// sweep goes over all streams again and again, a part at a time, until the context ends. It finds what
// neither Redis nor a later update has told.
func (h *Hub) sweep(ctx context.Context) {
	tick := time.NewTicker(h.o.Sweep / sweepParts)
	defer tick.Stop()
	for part := 0; ; part = (part + 1) % sweepParts {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if part == 0 {
			if err := h.refreshEpoch(ctx); err != nil && ctx.Err() == nil {
				h.o.Log.Debug("The sweep could not read the epoch", "error", err)
			}
		}
		streams := h.all(part)
		_ = h.checkAll(ctx, streams, sweepFinds) // the next round comes by
		for _, s := range streams {
			s.tellCursors(time.Now())
		}
	}
}

// checkAll asks PostgreSQL in one statement a kind which of the streams have moved, repairs those, and counts
// them in found. It answers those that it could not ask about because they are busy.
func (h *Hub) checkAll(ctx context.Context, streams []*stream, found telemetry.Counter) (busy []*stream) {
	byKind := map[string]map[uuid.UUID]int64{}
	for _, s := range streams {
		if !s.lockForSweep() {
			busy = append(busy, s)
			continue
		}
		known, head := s.known, s.head
		s.missed = s.missed || !known // whoever reads the head looks again
		s.mu.Unlock()
		if !known {
			continue
		}
		if byKind[s.key.Kind] == nil {
			byKind[s.key.Kind] = map[uuid.UUID]int64{}
		}
		byKind[s.key.Kind][s.key.ID] = head
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for kind, heads := range byKind {
		moved, err := h.kinds[kind].source.Moved(ctx, heads)
		if err != nil {
			h.o.Log.Debug("The sweep could not read the heads", "kind", kind, "error", err)
			continue
		}
		for id := range moved {
			if s := h.lookup(Key{Kind: kind, ID: id}); s != nil {
				found.Inc()
				s.verify()
			}
		}
	}
	return busy
}

// lockForSweep locks the stream, but does not wait for a personal one: those read PostgreSQL under their lock, and
// one that is at it must not hold the others up. The next round comes by.
func (s *stream) lockForSweep() bool {
	if s.nature == Personal {
		return s.mu.TryLock()
	}
	s.mu.Lock()
	return true
}

// tellCursors gives a newer cursor to those who were given nothing for a while. All of them, always: a
// cursor that came only after a hidden number would tell of it.
func (s *stream) tellCursors(now time.Time) {
	if !s.lockForSweep() {
		return
	}
	defer s.mu.Unlock()
	moved := Item{Kind: Moved, Cursor: s.cursor(s.head).salted()} // else one could tell whether the number is another
	for _, g := range s.groups {
		var silent []*Member
		for _, m := range g.members {
			// Spread by the member's own last time, which a connection's arrival has made random.
			if now.Sub(m.told) >= s.hub.o.Tell {
				silent = append(silent, m)
			}
		}
		g.tell(moved, silent...)
	}
}
