package live

import (
	"container/list"
	"sync"
)

// A shelf counts what the streams of a node keep for those who resume: recent updates, and how they were rendered.
// When it is too much, those go first that nobody has used for longest.
type shelf struct {
	limit int

	mu   sync.Mutex
	used int
	// order has the streams that keep something, the one that was used last in front.
	order list.List
}

// kept is a stream's place on the shelf, under the shelf's lock.
type kept struct {
	bytes   int
	at      *list.Element
	isEnded bool
}

// What an update and a rendering take besides their bytes, about.
const (
	updateBytes = 100
	frameBytes  = 100
)

// keeps is how many bytes the stream keeps. The caller holds its mu.
func (s *stream) keeps() int {
	n := s.ring.bytes + updateBytes*len(s.ring.updates)
	for _, g := range s.groups {
		n += g.bytes + frameBytes*len(g.frames)
	}
	return n
}

// forget lets go of everything up to the head. The caller holds mu.
func (s *stream) forget(head int64) {
	s.ring.reset(head)
	for _, g := range s.groups {
		clear(g.frames)
		g.bytes = 0
	}
}

// note has a stream used, and counts what it keeps now. The caller holds its lock.
func (k *shelf) note(s *stream) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.kept.isEnded {
		return
	}
	k.count(s)
	if s.kept.at != nil {
		k.order.MoveToFront(s.kept.at)
	}
	for e := k.order.Back(); e != nil && k.used > k.limit; {
		old := e.Value.(*stream)
		e = e.Prev()
		// One that is at work is used: and waiting for it here might be waiting for oneself.
		if old != s && !old.mu.TryLock() {
			continue
		}
		old.forget(old.head)
		k.count(old)
		forgotten.Inc()
		if old != s {
			old.mu.Unlock()
		}
	}
}

// count counts a stream anew, whose lock the caller holds.
func (k *shelf) count(s *stream) {
	now := s.keeps()
	k.used += now - s.kept.bytes
	s.kept.bytes = now
	switch {
	case now > 0 && s.kept.at == nil:
		s.kept.at = k.order.PushFront(s)
	case now == 0 && s.kept.at != nil:
		k.order.Remove(s.kept.at)
		s.kept.at = nil
	}
}

// drop takes a stream off that has ended.
func (k *shelf) drop(s *stream) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.used -= s.kept.bytes
	if s.kept.at != nil {
		k.order.Remove(s.kept.at)
	}
	s.kept = kept{isEnded: true}
}

func (k *shelf) bytes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.used
}
