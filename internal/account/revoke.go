package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/viewer"
)

// Revoke ends one of the viewer's sessions and says which. One that has ended already is answered alike, so
// that a retry is not told otherwise than the first try.
func (s *Service) Revoke(ctx context.Context, in RevokeSessionInput) (*relay.ID, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	id, err := in.SessionID.Row(ent.AuthSessionPrefix, "input", "sessionId")
	if err != nil {
		return nil, err
	}
	mine, err := s.db.Ent.AuthSession.Query().Where(authsession.ID(id)).Exist(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the session: %w", err)
	}
	if !mine {
		return nil, refuse(CodeNotFound, "There is no such session of yours.", "input", "sessionId")
	}
	if err := s.endOwn(ctx, id, me); err != nil {
		return nil, err
	}
	return &in.SessionID, nil
}

// endOwn ends a session of the viewer's, whose account is named for the log.
func (s *Service) endOwn(ctx context.Context, session, owner uuid.UUID) error {
	err := s.db.Tx(ctx, func(tx *ent.Tx) error {
		if err := s.holdSessions(ctx, tx, owner); err != nil {
			return err
		}
		ended, err := s.endSession(ctx, tx, session, owner)
		if err != nil || !ended {
			return err
		}
		return s.logSession(ctx, tx, audit.SessionRevoked, session, owner)
	})
	if err != nil {
		return err
	}
	s.known.forget(session)
	return nil
}

// RevokeOthers ends all of the viewer's sessions but the one that asks, and says how many that were.
func (s *Service) RevokeOthers(ctx context.Context) (int, error) {
	return s.revokeOwn(ctx, viewer.From(ctx).Session(), "other_sessions")
}

// RevokeAll ends all of the viewer's sessions, the one that asks too, and says how many that were.
func (s *Service) RevokeAll(ctx context.Context) (int, error) {
	return s.revokeOwn(ctx, uuid.Nil, "sessions")
}

// revokeOwn ends the viewer's sessions but for one; what those are is called in the log.
func (s *Service) revokeOwn(ctx context.Context, but uuid.UUID, what string) (int, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	err = s.db.Tx(ctx, func(tx *ent.Tx) (err error) {
		if err := s.holdSessions(ctx, tx, me); err != nil {
			return err
		}
		if n, err = s.endSessions(ctx, tx, me, but); err != nil || n == 0 {
			return err
		}
		return audit.Write(ctx, tx, audit.Entry{
			Action: audit.AccountSessionsRevoked, Target: audit.Target{Kind: ent.AccountPrefix, ID: me}, Account: me,
			Diff: audit.Diff{what: audit.FromTo(n, 0)}, At: s.now(),
		})
	})
	if err != nil {
		return 0, err
	}
	s.known.forgetAccount(me)
	return n, nil
}
