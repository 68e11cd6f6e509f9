package live

import (
	"context"
	"sort"
)

// reaches tells whether what follows a number is remembered.
func (s *stream) reaches(seq int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.ring.after(seq)
	return ok
}

// history reads what follows a number for those whose cursor lies below the ring, and lets the ring
// reach back to there if it fits, so that one read serves all who were cut off together, wherever: those who wait
// for it are known, and the one whose turn it is reads from the lowest of their numbers.
func (s *stream) history(ctx context.Context, after int64) (Reading, error) {
	s.mu.Lock()
	s.wanted[after]++
	s.mu.Unlock()
	s.reading.Lock()
	defer s.reading.Unlock()
	s.mu.Lock()
	_, have := s.ring.after(after)
	floor, from := s.floor, s.lowest(after)
	if s.wanted[after]--; s.wanted[after] == 0 {
		delete(s.wanted, after)
	}
	s.mu.Unlock()
	if have {
		return Reading{Head: Head{Seq: after, Floor: floor}}, nil // another one's read has brought it
	}
	reading, err := s.read(ctx, from)
	if err == nil && len(reading.Updates) > s.hub.o.Owed && from < after {
		from = after
		reading, err = s.read(ctx, from)
	}
	if err != nil {
		return reading, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	isWhole := len(reading.Updates) <= s.hub.o.Owed
	below := sort.Search(len(reading.Updates), func(i int) bool { return reading.Updates[i].Seq > s.ring.from })
	if isWhole && s.head <= reading.Seq && s.nature == Shared {
		// Else something has come since, and what was read may be stale or leave it out.
		s.ring.prepend(from, after, reading.Updates[:below])
		s.hub.shelf.note(s)
	}
	s.fill(reading, isWhole)
	reading.Updates = reading.after(after)
	return reading, nil
}

// lowest is the lowest number behind which somebody waits for history, but for those that are too far behind to be
// owed all of it: what is read for them should not be in the way of others. The caller holds mu.
func (s *stream) lowest(after int64) int64 {
	lowest := after
	for wanted := range s.wanted {
		if wanted >= s.head-int64(ringUpdates) {
			lowest = min(lowest, wanted)
		}
	}
	return lowest
}
