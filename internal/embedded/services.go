package embedded

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Failed receives an error, with the end of the log in it, when PostgreSQL ended
// by itself. It is never closed, and silent after Close.
func (s *Services) Failed() <-chan error { return s.failed }

// RedisFailed is the same for Redis, without which one can go on.
func (s *Services) RedisFailed() <-chan error { return s.redisFailed }

// watch reports the end of a server that nobody asked to end.
func (s *Services) watch(c *child, to chan<- error) {
	if c == nil {
		return
	}
	go func() {
		<-c.done
		if !c.stopping.Load() {
			to <- fmt.Errorf("%s ended by itself: %w", c.name, c.obituary())
		}
	}()
}

// Close ends the servers in order, then gives up the data folder; a throw-away
// folder is deleted. Calling it again returns what the first call returned.
func (s *Services) Close() error {
	s.closing.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Services) close() error {
	if s.mini != nil {
		s.mini.close()
	}
	if s.site == nil {
		return nil
	}
	// Whoever wants the folder next may wait for us instead of giving up.
	var errs []error
	if err := s.site.hold.describe(func(h *holder) { h.Stopping = true }); err != nil {
		errs = append(errs, fmt.Errorf("say that the services stop: %w", err))
	}
	if s.redis != nil {
		errs = append(errs, s.redis.stop(redisStop))
	}
	if s.postgres != nil {
		steps := postgresStop
		if s.site.throwaway {
			steps = throwawayStop
		}
		errs = append(errs, s.postgres.stop(steps))
	}
	return errors.Join(append(errs, s.site.close())...)
}

// step is a signal and how long to wait for its effect.
type step struct {
	signal syscall.Signal
	wait   time.Duration
}

// SIGINT makes PostgreSQL cut its clients off and write everything out; SIGQUIT
// makes it leave at once and recover from its log at the next start.
var (
	postgresStop  = []step{{syscall.SIGINT, 15 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	throwawayStop = []step{{syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	initdbStop    = []step{{syscall.SIGTERM, 10 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
	redisStop     = []step{{syscall.SIGTERM, 3 * time.Second}, {syscall.SIGKILL, 5 * time.Second}}
)
