package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/internal/db"
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

// standing is whose session it is, if it stands.
func (s *Service) standing(ctx context.Context, id uuid.UUID, isCookie bool) (viewer.Viewer, time.Time, error) {
	known, err := s.known.get(ctx, id, s.lookUp)
	switch {
	case db.IsUnavailable(err), db.IsTimeout(err):
		return viewer.Viewer{}, time.Time{}, fault.Unavailable(err)
	case err != nil:
		return viewer.Viewer{}, time.Time{}, err
	case known.account == uuid.Nil, known.isRevoked, known.isBanned, known.isCookie != isCookie, !s.clock().Before(known.expiresAt):
		return viewer.Viewer{}, time.Time{}, unauthenticated("The session has ended. Sign in again.", nil)
	}
	return viewer.OfPerson(known.account, id).WithRole(known.role), known.expiresAt, nil
}

// lookUp reads what decides whether a session stands, and notes that it is used.
func (s *Service) lookUp(ctx context.Context, id uuid.UUID) (knownSession, error) {
	ctx = viewer.AsSystem(ctx, "whose session it is has to be found out first")
	row, err := s.db.Ent.AuthSession.Get(ctx, id)
	if db.IsNotFound(err) {
		return knownSession{}, nil
	}
	if err != nil {
		return knownSession{}, fmt.Errorf("read the session: %w", err)
	}
	of, err := s.db.Ent.Account.Query().Where(account.ID(row.AccountID)).
		Select(account.FieldRole, account.FieldBannedAt).Only(ctx)
	if db.IsNotFound(err) { // erased, and the session with it, since we read it
		return knownSession{}, nil
	}
	if err != nil {
		return knownSession{}, fmt.Errorf("read the session's account: %w", err)
	}
	now := s.now()
	known := knownSession{
		account: row.AccountID, role: of.Role, isCookie: row.IsCookie,
		isRevoked: row.RevokedAt != nil, isBanned: of.BannedAt != nil, expiresAt: row.ExpiresAt,
	}
	if known.isRevoked || known.isBanned || !now.Before(row.ExpiresAt) || now.Sub(row.LastUsedAt) < touchEvery {
		return known, nil
	}
	// Again in the statement: another node may have done it just now, or the session may have ended.
	_, err = s.db.Ent.AuthSession.Update().
		Where(authsession.ID(id), authsession.RevokedAtIsNil(), authsession.LastUsedAtLTE(now.Add(-touchEvery))).
		SetLastUsedAt(now).SetExpiresAt(extended(row, now)).Save(ctx)
	if err != nil {
		// A database that only reads for now is no reason to turn away who is signed in.
		slog.WarnContext(ctx, "The use of a session was not written down", "error", err)
		return known, nil
	}
	known.expiresAt = extended(row, now)
	return known, nil
}

// mostAsked is how many sessions are asked about in one statement. PostgreSQL takes 65,535 parameters, and a node
// may have more sockets than that.
const mostAsked = 10_000

// Standing are those of the sessions that stand, each with when the credentials end that it gave out last: with the
// access token of its latest refresh, or with a session that lives in a cookie. It takes one statement unless they
// are very many: whoever keeps connections open asks now and then.
func (s *Service) Standing(ctx context.Context, sessions []uuid.UUID) (map[uuid.UUID]time.Time, error) {
	ctx = viewer.AsSystem(ctx, "the connections are of many people")
	until := make(map[uuid.UUID]time.Time, len(sessions))
	for some := range slices.Chunk(sessions, mostAsked) {
		rows, err := s.db.Ent.AuthSession.Query().
			Where(authsession.IDIn(some...), authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(s.now())).
			Select(authsession.FieldIsCookie, authsession.FieldRotatedAt, authsession.FieldExpiresAt).
			All(ctx)
		if err != nil {
			return nil, fmt.Errorf("look which sessions stand: %w", err)
		}
		for _, row := range rows {
			ends := row.ExpiresAt
			if refreshed := row.RotatedAt.Add(token.AccessLifetime); !row.IsCookie && refreshed.Before(ends) {
				ends = refreshed
			}
			until[row.ID] = ends
		}
	}
	return until, nil
}

func unauthenticated(message string, cause error) error {
	return &fault.Error{Code: fault.CodeUnauthenticated, Message: message, Err: cause}
}
