package live

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// A Signal tells the subscribers of a stream what is worth knowing at this moment alone, such as who is typing. It
// takes no number and moves no cursor, is not stored and not repeated, and is the first thing that is dropped: by a
// full queue to Redis, by a stream that is busy, by a client that is behind.
type Signal struct {
	// Name is what it says happened.
	Name string
	// Author is whom it is about, who is not given it.
	Author uuid.UUID
	// To are the accounts that alone are given it; empty for all but those in Except.
	To, Except []uuid.UUID
	// Every is how long the next one of this name and author in the stream has to wait: one that comes before is
	// dropped. 0: none has to.
	Every time.Duration
	// Data is what happened, in the words of the stream's kind.
	Data []byte
}

// mostWaiting is how many signals wait for a stream that is busy.
const mostWaiting = 256

// Signal gives a signal to the stream's subscribers on all nodes. It never waits.
func (h *Hub) Signal(key Key, sig Signal) {
	if !h.pace.allows(key, sig) {
		return
	}
	h.SignalHere(key, sig)
	if h.bus != nil {
		h.bus.signal(key, sig.encode(h.id))
	}
}

// SignalHere gives a signal to the subscribers on this node: for what every node finds out by itself.
func (h *Hub) SignalHere(key Key, sig Signal) {
	if s := h.lookup(key); s != nil {
		s.signal(sig)
	}
}

// Listens tells whether somebody on this node listens to a stream.
func (h *Hub) Listens(key Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.streams[key]
	return s != nil && s.users > 0
}

// signal queues a signal for Redis, if there is room for updates too.
func (b *bus) signal(key Key, payload []byte) {
	l := b.line(key)
	if len(l.outbox) > cap(l.outbox)/2 {
		droppedSignals.Inc()
		return
	}
	select {
	case l.outbox <- outgoing{l.channelOf(key), payload}:
	default:
		droppedSignals.Inc()
	}
}

// takeSignal hands a stream what Redis has brought, if that is a signal.
func (b *bus) takeSignal(s *stream, payload []byte) bool {
	sig, from, ok := decodeSignal(payload)
	// One's own comes back too, and was given to everybody here already.
	if ok && from != b.hub.id && b.hub.pace.allows(s.key, sig) {
		s.signal(sig)
	}
	return ok
}

// signal has a signal given after what the stream is at.
func (s *stream) signal(sig Signal) {
	s.wake(func() {
		if len(s.signals) >= mostWaiting {
			droppedSignals.Inc()
			return
		}
		s.signals = append(s.signals, sig)
	})
}

// give gives signals to those who hear them.
func (s *stream) give(signals []Signal) {
	if len(signals) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sig := range signals {
		for _, g := range s.groups {
			g.signal(s, sig)
		}
	}
}

// signal gives a signal to the members who hear it, rendered once if there is one.
func (g *group) signal(s *stream, sig Signal) {
	var bytes []byte
	for _, m := range g.members {
		if !m.hears(sig) {
			continue
		}
		if bytes == nil {
			var err error
			if bytes, err = render(g.renderer, Item{Kind: Signalled, Signal: sig}, false); err != nil {
				s.hub.o.Log.Debug("A signal could not be rendered", "signal", sig.Name, "error", err)
				return
			}
		}
		signalled.Inc()
		m.Offer(bytes)
	}
}

func (m *Member) hears(sig Signal) bool {
	switch {
	case m.Hears == nil || m.Offer == nil:
		return false
	case m.Account == sig.Author || slices.Contains(sig.Except, m.Account):
		return false
	case len(sig.To) > 0 && !slices.Contains(sig.To, m.Account):
		return false
	}
	return m.Hears(sig)
}
