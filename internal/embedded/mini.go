package embedded

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how exact the lifetimes of keys are in the built-in Redis. It has a
// mode that follows the clock exactly, but looks at every such key on every
// command then.
const tick = 20 * time.Millisecond

// miniature is the Redis that is built in.
type miniature struct {
	server *miniredis.Miniredis
	end    chan struct{}
	clock  sync.WaitGroup
}

func (s *Services) startMini(why string) error {
	server, err := miniredis.Run()
	if err != nil {
		return fmt.Errorf("start the built-in Redis: %w", err)
	}
	s.mini = &miniature{server: server, end: make(chan struct{})}
	s.mini.clock.Go(s.mini.runClock)
	s.RedisURL = "redis://" + server.Addr()
	s.RedisNote = "the built-in Redis on " + server.Addr() + " because " + why
	return nil
}

// runClock lets keys age, which they do not do by themselves. It measures how
// long ago it did so last, because a laptop may have slept.
func (m *miniature) runClock() {
	t := time.NewTicker(tick)
	defer t.Stop()
	last := time.Now().Round(0) // the wall's clock: the other one stands still in sleep
	for {
		select {
		case <-m.end:
			return
		case <-t.C:
			now := time.Now().Round(0)
			if passed := now.Sub(last); passed > 0 {
				m.server.FastForward(passed)
			}
			last = now
		}
	}
}

func (m *miniature) close() {
	close(m.end)
	m.clock.Wait()
	m.server.Close()
}
