package live

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/convenehq/convene/internal/telemetry"
)

// sweepParts is in how many parts a sweep goes over the streams.
const sweepParts = 16

// A repair of many streams reads so many at once, and at most so many updates of each: whoever has missed more is
// read alone.
const (
	repairStreams = 1000
	repairUpdates = 50
)

// sweep goes over all streams again and again, a part at a time, until the context ends. It finds what
// neither Redis nor a later update has told.
func (h *Hub) sweep(ctx context.Context) {
	tick := time.NewTicker(h.o.Sweep / sweepParts)
	defer tick.Stop()
	var c check
	var streams []*stream
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
		streams = h.sweepPart(ctx, &c, streams, part, time.Now())
	}
}

// sweepPart goes over a part, in the space of the one before, which it hands on.
func (h *Hub) sweepPart(ctx context.Context, c *check, space []*stream, part int, now time.Time) []*stream {
	streams := h.part(space[:0], part)
	h.checkAll(ctx, c, streams, sweepFinds, func(s *stream) { s.tellCursors(now) }) // to what is busy the next round comes by
	clear(streams)                                                                  // what has ended may go
	return streams
}

// checkAll looks for updates that some streams have missed, and answers those that it could not ask about because they
// are busy. It does something more with each of the others, whose lock it holds then.
func (h *Hub) checkAll(ctx context.Context, c *check, streams []*stream, found telemetry.Counter, more func(*stream)) (busy []*stream) {
	c.reset()
	for _, s := range streams {
		if !s.lockForSweep() {
			busy = append(busy, s)
			continue
		}
		c.add(s)
		more(s)
		s.mu.Unlock()
	}
	h.look(ctx, c, found)
	return busy
}

// A check is streams of which PostgreSQL is asked whether they have moved, by kind.
type check struct {
	kinds  []string
	places [][]Place
}

// add has the stream asked about, whose lock the caller holds.
func (c *check) add(s *stream) {
	if !s.known {
		s.missed = true // whoever reads the head looks again
		return
	}
	i := 0
	for i < len(c.kinds) && c.kinds[i] != s.key.Kind {
		i++
	}
	if i == len(c.kinds) {
		c.kinds, c.places = append(c.kinds, s.key.Kind), append(c.places, nil)
	}
	c.places[i] = append(c.places[i], Place{s.key.ID, s.head})
}

// reset forgets the streams and keeps their space.
func (c *check) reset() {
	for i := range c.places {
		c.places[i] = c.places[i][:0]
	}
}

// look asks PostgreSQL in one statement a kind which of the streams have moved, counts those in found, and repairs
// them together.
func (h *Hub) look(ctx context.Context, c *check, found telemetry.Counter) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for i, kind := range c.kinds {
		if len(c.places[i]) == 0 {
			continue
		}
		moved, err := h.kinds[kind].source.Moved(ctx, c.places[i])
		if err != nil {
			h.o.Log.Debug("The sweep could not read the heads", "kind", kind, "error", err)
			continue
		}
		found.Add(float64(len(moved)))
		for len(moved) > 0 {
			n := min(len(moved), repairStreams)
			h.repairAll(ctx, kind, moved[:n])
			moved = moved[n:]
		}
	}
}

// repairAll reads what some streams of a kind have missed, in one statement, and gives each of them its part. The
// streams deliver it by themselves: nobody waits for those that take long.
func (h *Hub) repairAll(ctx context.Context, kind string, moved []Place) {
	streams := make([]*stream, 0, len(moved))
	after := make([]Place, 0, len(moved))
	epochs := make([]string, 0, len(moved))
	for _, p := range moved {
		s := h.lookup(Key{Kind: kind, ID: p.ID})
		if s == nil {
			continue
		}
		if !s.lockForSweep() {
			s.verify() // it waits by itself
			continue
		}
		// What has come meanwhile need not be read.
		if s.known && s.head != p.Seq {
			streams, after, epochs = append(streams, s), append(after, Place{p.ID, s.head}), append(epochs, s.epoch)
		}
		s.mu.Unlock()
	}
	if len(streams) == 0 {
		return
	}
	readings, err := h.kinds[kind].source.ReadAll(ctx, after, repairUpdates+1)
	if err != nil {
		h.o.Log.Debug("The sweep could not read what was missed", "kind", kind, "error", err)
		return
	}
	repairs.Add(float64(len(streams)))
	for i, s := range streams {
		if r, ok := readings[s.key.ID]; ok {
			s.settle(settling{Reading: r, epoch: epochs[i], isWhole: len(r.Updates) <= repairUpdates})
		}
	}
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
// cursor that came only after a hidden number would tell of it. The caller holds mu.
func (s *stream) tellCursors(now time.Time) {
	if now.Before(s.tellAt) {
		return
	}
	s.tellAt = now.Add(s.hub.o.Tell)
	moved := Item{Kind: Moved, Cursor: s.cursor(s.head).salted()} // else one could tell whether the number is another
	for _, g := range s.groups {
		var silent []*Member
		for _, m := range g.members {
			if now.Sub(m.told) >= m.patience {
				silent = append(silent, m)
			}
		}
		g.tell(moved, silent...)
		for _, m := range g.members {
			if due := m.told.Add(m.patience); due.Before(s.tellAt) {
				s.tellAt = due
			}
		}
	}
}

// patience is for how long a member may be silent: not for all of a stream alike, who were given the same update
// at the same moment.
func (h *Hub) patience() time.Duration {
	return time.Duration(float64(h.o.Tell) * (0.8 + 0.4*rand.Float64()))
}
