package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

// Refresh trades a refresh token for the next one. The row's lock puts those that come at once in a line:
// the first moves the generation on, the others find it moved a moment ago and get the same successor.
func (s *Service) Refresh(ctx context.Context, in RefreshSessionInput) (*SessionTokens, error) {
	said, err := s.ring.ParseRefresh(in.RefreshToken)
	if err != nil {
		return nil, sessionEnded()
	}
	ctx = viewer.AsSystem(ctx, "a refresh token is all that its bearer has")
	var session *ent.AuthSession
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		session, err = s.rotate(ctx, tx, said)
		return err
	})
	if err != nil {
		return nil, err
	}
	if session == nil { // told only now: the transaction that revoked it had to be committed
		s.known.forget(said.Session)
		return nil, sessionEnded()
	}
	return s.tokens(session)
}

// rotate moves the session on to its next generation if the token is of the current one. It returns the
// session with the generation to give out, or nil if there is none to give.
func (s *Service) rotate(ctx context.Context, tx *ent.Tx, said token.Refresh) (*ent.AuthSession, error) {
	now := s.now()
	row, err := tx.AuthSession.Query().Where(authsession.ID(said.Session)).ForUpdate().Only(ctx)
	if db.IsNotFound(err) {
		return nil, nil // no session, no successor
	}
	if err != nil {
		return nil, fmt.Errorf("lock the session: %w", err)
	}
	if row.IsCookie || row.RevokedAt != nil || !now.Before(row.ExpiresAt) {
		return nil, nil // no successor
	}
	generation := int(said.Generation)
	switch {
	case generation == row.Generation-1 && now.Sub(row.RotatedAt) <= refreshGrace:
		return row, nil
	case generation < row.Generation:
		if _, err := s.endSession(ctx, tx, row.ID, row.AccountID); err != nil {
			return nil, err
		}
		return nil, s.logSession(ctx, tx, audit.SessionReused, row.ID, row.AccountID)
	}
	// A generation ahead of the row's was given out before the database was restored from a backup. The
	// token proves that it was us, so its bearer goes on from there.
	row, err = tx.AuthSession.UpdateOne(row).
		SetGeneration(generation + 1).SetRotatedAt(now).SetLastUsedAt(now).SetExpiresAt(extended(row, now)).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("move the session on: %w", err)
	}
	return row, nil
}

func sessionEnded() error {
	return refuse(CodeSessionEnded, "The session has ended. Sign in again.", "input", "refreshToken")
}
