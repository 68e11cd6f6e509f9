package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

// Authenticate tells whom an access token stands for, and until when. The token comes as in the header and
// in connection_init, with `Bearer` in front, or alone.
func (s *Service) Authenticate(ctx context.Context, bearer string) (viewer.Viewer, time.Time, error) {
	const scheme = "bearer "
	if len(bearer) > len(scheme) && strings.EqualFold(bearer[:len(scheme)], scheme) {
		bearer = strings.TrimLeft(bearer[len(scheme):], " ")
	}
	claims, err := s.access.Verify(bearer)
	switch {
	case errors.Is(err, token.ErrExpired):
		return viewer.Viewer{}, time.Time{}, unauthenticated("The access token has expired. Refresh the session.", err)
	case err != nil:
		return viewer.Viewer{}, time.Time{}, unauthenticated("The access token is not valid.", err)
	}
	v, until, err := s.standing(ctx, claims.Session, false)
	if err != nil {
		return viewer.Viewer{}, time.Time{}, err
	}
	if v.Account() != claims.Account {
		return viewer.Viewer{}, time.Time{}, unauthenticated("The access token is not valid.", nil)
	}
	if claims.ExpiresAt.Before(until) {
		until = claims.ExpiresAt
	}
	return v, until, nil
}

// AuthenticateCookie tells whom the value of a session cookie stands for, and until when unless the session
// is used again.
func (s *Service) AuthenticateCookie(ctx context.Context, value string) (viewer.Viewer, time.Time, error) {
	id, err := s.ring.ParseCookie(value)
	if err != nil {
		return viewer.Viewer{}, time.Time{}, unauthenticated("The session cookie is not valid.", err)
	}
	return s.standing(ctx, id, true)
}

// mostAsked is how many sessions are asked about in one statement. PostgreSQL takes 65,535 parameters, and a node
// may have more sockets than that.
const mostAsked = 10_000

// Ended are those of the sessions that do not stand any more, in one statement unless they are very many: whoever
// keeps connections open asks now and then whether their sessions still do.
func (s *Service) Ended(ctx context.Context, sessions []uuid.UUID) ([]uuid.UUID, error) {
	ctx = viewer.AsSystem(ctx, "the connections are of many people")
	stands := make(map[uuid.UUID]bool, len(sessions))
	for some := range slices.Chunk(sessions, mostAsked) {
		standing, err := s.db.Ent.AuthSession.Query().
			Where(authsession.IDIn(some...), authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(s.now())).
			IDs(ctx)
		if err != nil {
			return nil, fmt.Errorf("look which sessions stand: %w", err)
		}
		for _, id := range standing {
			stands[id] = true
		}
	}
	var ended []uuid.UUID
	for _, id := range sessions {
		if !stands[id] {
			ended = append(ended, id)
		}
	}
	return ended, nil
}

func unauthenticated(message string, cause error) error {
	return &fault.Error{Code: fault.CodeUnauthenticated, Message: message, Err: cause}
}
