package account

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// standing is whose session it is, if it stands.
func (s *Service) standing(ctx context.Context, id uuid.UUID, isCookie bool) (viewer.Viewer, time.Time, error) {
	known, err := s.known.get(ctx, id, s.lookUp)
	switch {
	case db.IsUnavailable(err), db.IsTimeout(err):
		return viewer.Viewer{}, time.Time{}, fault.Unavailable(err)
	case err != nil:
		return viewer.Viewer{}, time.Time{}, err
	case known.account == uuid.Nil, known.isRevoked, known.isKeptOut, known.isCookie != isCookie, !s.clock().Before(known.expiresAt):
		return viewer.Viewer{}, time.Time{}, unauthenticated("The session has ended. Sign in again.", nil)
	}
	return viewer.OfPerson(known.account, id).WithRole(known.role), known.expiresAt, nil
}

// lookUp reads what decides whether a session stands, together with whichever others are looked up now.
func (s *Service) lookUp(ctx context.Context, id uuid.UUID) (knownSession, error) {
	known, _, err := s.lookups.Get(ctx, id) // the zero value for one that is not there
	return known, err
}

// lookUpAll reads what decides whether sessions stand, in one statement, and notes that they are used. A session
// without an account has been erased with it since.
func (s *Service) lookUpAll(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]knownSession, error) {
	rows, err := s.db.SQL.QueryContext(ctx, `
SELECT s.id, s.account_id, s.is_cookie, s.last_used_at, s.expires_at, s.ends_at, s.revoked_at IS NOT NULL, a.role,
	coalesce(a.banned_at, a.deactivated_at, a.erased_at) IS NOT NULL
FROM auth_sessions s JOIN accounts a ON a.id = s.account_id
WHERE s.id = ANY ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	now := s.now()
	all := make(map[uuid.UUID]knownSession, len(ids))
	used := uses{now: now}
	for rows.Next() {
		var row ent.AuthSession
		var known knownSession
		err := rows.Scan(&row.ID, &known.account, &known.isCookie, &row.LastUsedAt, &known.expiresAt, &row.EndsAt,
			&known.isRevoked, &known.role, &known.isKeptOut)
		if err != nil {
			return nil, fmt.Errorf("read a session: %w", err)
		}
		all[row.ID] = known
		if !known.isRevoked && !known.isKeptOut && now.Before(known.expiresAt) && now.Sub(row.LastUsedAt) >= touchEvery {
			used.ids, used.until = append(used.ids, row.ID), append(used.until, extended(&row, now))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	if len(used.ids) == 0 {
		return all, nil
	}
	if err := s.noteUse(ctx, used); err != nil {
		// A database that only reads for now is no reason to turn away who is signed in.
		slog.WarnContext(ctx, "The use of sessions was not written down", "error", err)
		return all, nil
	}
	for i, id := range used.ids {
		known := all[id]
		known.expiresAt = used.until[i]
		all[id] = known
	}
	return all, nil
}

// uses are sessions that are used now, each with when it ends for it.
type uses struct {
	now   time.Time
	ids   []uuid.UUID
	until []time.Time
}

// noteUse writes down that sessions are used. What has changed since they were read is looked at again: another node
// may have written it just now, or a session may have ended. One that somebody else has locked is left to the next
// time, so that nobody waits for a neighbour's session.
func (s *Service) noteUse(ctx context.Context, used uses) error {
	_, err := s.db.SQL.ExecContext(ctx, `
WITH free AS MATERIALIZED (
	SELECT s.id FROM auth_sessions s
	WHERE s.id = ANY ($1) AND s.revoked_at IS NULL AND s.last_used_at <= $3::timestamptz - $4 * interval '1 second'
	ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE auth_sessions s SET last_used_at = $3, expires_at = used.until
FROM free JOIN unnest($1::uuid[], $2::timestamptz[]) AS used (id, until) ON used.id = free.id
WHERE s.id = free.id`, used.ids, used.until, used.now, int(touchEvery.Seconds()))
	return err
}
