package transport

import (
	"context"
	"errors"
	"time"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

type expiryKey struct{}

// WithExpiry sets when the credentials that a request came with end: what it opens is closed then.
func WithExpiry(ctx context.Context, until time.Time) context.Context {
	return context.WithValue(ctx, expiryKey{}, until)
}

// expiryOf is when the request's credentials end; zero if never.
func expiryOf(ctx context.Context) time.Time {
	until, _ := ctx.Value(expiryKey{}).(time.Time)
	return until
}

// initialise answers connection_init: the session is of whom its authorization says, and else of whom the
// upgrade request came from.
func (s *session) initialise(m message) {
	if s.initialised {
		s.end(endInitTwice)
		return
	}
	s.initialised = true
	s.timers.init.Stop()
	who, until := viewer.From(s.ctx), expiryOf(s.ctx)
	if text, given := m.authorization(); given {
		var refused *ending
		if who, until, refused = s.authenticate(text); refused != nil {
			s.end(*refused)
			return
		}
	}
	if who.Kind() == viewer.Nobody {
		until = time.Time{}
	}
	if err := s.handler.connections.identify(s, who.Account()); err != nil {
		turnedAway.WithLabelValues(shortOfRoom[err]).Inc()
		s.end(endCrowded)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewer, s.ctx = who, viewer.With(s.ctx, who)
	if !s.life.begin(until, func() { s.end(endExpired) }) {
		s.end(endExpired)
		return
	}
	s.acknowledged = true
	s.leave = s.handler.present(who)
	s.out.push(frameAck)
}

// answer answers a ping. One with an authorization extends the life of the socket, for the account and
// the session that it belongs to; the answer does not send the secret back.
func (s *session) answer(m message) {
	text, given := m.authorization()
	switch {
	case m.payload == nil:
		s.out.push(framePong)
		return
	case !given:
		s.out.push(pongOf(m.payload))
		return
	}
	if s.acknowledged {
		who, until, refused := s.authenticate(text)
		switch {
		case refused != nil && *refused == endUnavailable:
			// The old credentials still hold, and the client can ask again.
		case refused != nil:
			s.end(*refused)
			return
		case who != s.viewer:
			s.end(endForbidden)
			return
		default:
			s.extend(until)
		}
	}
	s.out.push(framePong)
}

// authenticate asks whose an authorization is.
func (s *session) authenticate(text string) (viewer.Viewer, time.Time, *ending) {
	if s.handler.Authenticate == nil || text == "" {
		return viewer.Viewer{}, time.Time{}, &endForbidden
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.handler.Limits.Init)
	defer cancel()
	who, until, err := s.handler.Authenticate(ctx, text)
	if err == nil {
		return who, until, nil
	}
	var known *fault.Error
	errors.As(err, &known)
	if errors.Is(err, context.DeadlineExceeded) || known != nil && statuses[known.Code] >= 500 {
		s.handler.Log.WarnContext(s.ctx, "Nobody could tell whose a socket is", "error", err)
		return viewer.Viewer{}, time.Time{}, &endUnavailable
	}
	return viewer.Viewer{}, time.Time{}, &endForbidden
}

// extend lets the session live for as long as newer credentials.
func (s *session) extend(until time.Time) { s.life.extend(until) }
