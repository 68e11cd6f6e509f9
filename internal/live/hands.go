package live

import "time"

// Hands work off the inboxes of streams. A goroutine that has done so is kept for a moment, for the next stream:
// rendering takes more of a stack than a new goroutine has, and growing it for each update costs a good part of
// what the rendering does.
type hands chan *stream

// handTime is how long a goroutine is kept that has nothing to do.
const handTime = 100 * time.Millisecond

func (h hands) take(s *stream) {
	select {
	case h <- s:
	default: // all are busy
		go h.work(s)
	}
}

func (h hands) work(s *stream) {
	idle := time.NewTimer(handTime)
	defer idle.Stop()
	for {
		s.work()
		idle.Reset(handTime)
		select {
		case s = <-h:
		case <-idle.C:
			return
		}
	}
}
