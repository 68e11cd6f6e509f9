package live

import (
	"context"
	"time"
)

// SweepOnce goes over all parts at once.
func (h *Hub) SweepOnce(ctx context.Context) {
	for part := range sweepParts {
		h.sweepPart(ctx, &check{}, nil, part, time.Now())
	}
}

// Kept is how many bytes are kept for those who resume.
func (h *Hub) Kept() int { return h.shelf.bytes() }

// Tell tells a stream's silent members where they are, as if it were then, and answers how many there were.
func (h *Hub) Tell(key Key, then time.Time) (told int) {
	s := h.lookup(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := time.Now()
	s.tellAt = time.Time{}
	s.tellCursors(then)
	for _, g := range s.groups {
		for _, m := range g.members {
			if !m.told.Before(before) {
				told++
			}
		}
	}
	return told
}

// Users is how many use a stream.
func (h *Hub) Users(key Key) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams[key].users
}

// Leaving is how many channels' ends are waited for.
func (h *Hub) Leaving() (n int) {
	for _, l := range h.bus.lines {
		l.mu.Lock()
		n += len(l.leaving)
		l.mu.Unlock()
	}
	return n
}

// Has tells whether the hub knows a stream.
func (h *Hub) Has(key Key) bool { return h.lookup(key) != nil }
