package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// Revoke ends one of the viewer's sessions and says which. One that has ended already is answered alike, so
// that a retry is not told otherwise than the first try.
func (s *Service) Revoke(ctx context.Context, in RevokeSessionInput) (*relay.ID, error) {
	if _, err := viewer.Require(ctx); err != nil {
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
	if err := s.endSession(ctx, s.db.Ent, id); err != nil {
		return nil, err
	}
	return &in.SessionID, nil
}

// RevokeOthers ends all of the viewer's sessions but the one that asks, and says how many that were.
func (s *Service) RevokeOthers(ctx context.Context) (int, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return 0, err
	}
	n, err := s.db.Ent.AuthSession.Update().
		Where(
			authsession.AccountID(me), authsession.IDNEQ(viewer.From(ctx).Session()),
			authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(s.now()),
		).
		SetRevokedAt(s.now()).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("revoke the other sessions: %w", err)
	}
	s.known.forgetAccount(me)
	return n, nil
}
