package transport

import (
	"math/rand/v2"
	"sync"
	"time"
)

// A lifetime ends a connection about when its credentials do: up to a fifth of what is left earlier or later,
// so that those who came together, after a restart, do not have to come back together. It may be a little
// later because the connection belongs to a session, and ends with that in any case.
type lifetime struct {
	mu    sync.Mutex
	until time.Time // when the credentials end; zero if never
	end   time.Time // when the connection does
	timer *time.Timer
	over  func()
}

// begin lets a connection live until its credentials end; it answers whether that is still to come.
func (l *lifetime) begin(until time.Time, over func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = over
	if until.IsZero() {
		return true
	}
	left := time.Until(until)
	if left <= 0 {
		return false
	}
	l.until, l.end = until, spread(left)
	l.timer = time.AfterFunc(time.Until(l.end), over)
	return true
}

// extend lets it live for as long as newer credentials; older ones change nothing.
func (l *lifetime) extend(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer == nil || !until.IsZero() && !until.After(l.until) {
		return
	}
	if !l.timer.Stop() {
		return // it has ended
	}
	if l.until = until; until.IsZero() {
		l.timer = nil
		return
	}
	if end := spread(time.Until(until)); end.After(l.end) {
		l.end = end
	}
	l.timer = time.AfterFunc(time.Until(l.end), l.over)
}

// stop stops waiting for the end.
func (l *lifetime) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}

// spread is about the moment after so long, give or take a fifth.
func spread(left time.Duration) time.Time {
	return time.Now().Add(time.Duration(float64(left) * (0.8 + 0.4*rand.Float64())))
}
