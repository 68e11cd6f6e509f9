package live

import "runtime"

// Waiting returns once so many wait for history of a stream to be read.
func (h *Hub) Waiting(key Key, count int) {
	s := h.lookup(key)
	for {
		s.mu.Lock()
		n := 0
		for _, waiting := range s.wanted {
			n += waiting
		}
		s.mu.Unlock()
		if n >= count {
			return
		}
		runtime.Gosched()
	}
}
