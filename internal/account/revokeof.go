package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/audit"
)

// maxSessionsOf is how many sessions of somebody are listed at most.
const maxSessionsOf = 1000

// SessionsOf are where somebody is signed in, last used first, for admins and the operator.
func (s *Service) SessionsOf(ctx context.Context, account relay.ID) ([]*ent.AuthSession, error) {
	sys, err := oversee(ctx)
	if err != nil {
		return nil, err
	}
	id, err := account.Row(ent.AccountPrefix, "accountId")
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Ent.AuthSession.Query().
		Where(authsession.AccountID(id), authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(s.now())).
		Order(authsession.ByLastUsedAt(sql.OrderDesc()), authsession.ByID(sql.OrderDesc())).
		Limit(maxSessionsOf).All(sys)
	if err != nil {
		return nil, fmt.Errorf("list the sessions: %w", err)
	}
	return rows, nil
}

// RevokeOf ends one or all of somebody's sessions, for admins and the operator, and says how many that were.
func (s *Service) RevokeOf(ctx context.Context, in RevokeAccountSessionsInput) (int, error) {
	var only uuid.UUID
	if in.SessionID != nil {
		var err error
		if only, err = in.SessionID.Row(ent.AuthSessionPrefix, "input", "sessionId"); err != nil {
			return 0, err
		}
	}
	n := 0
	_, err := s.overseen(ctx, in.AccountID, func(sys context.Context, tx *ent.Tx, of *ent.Account) (*ent.Account, error) {
		if in.SessionID == nil {
			var err error
			if n, err = s.endSessions(sys, tx, of.ID, uuid.Nil); err != nil || n == 0 {
				return of, err
			}
			return of, s.log(ctx, tx, audit.AccountSessionsRevoked, of, audit.Diff{"sessions": audit.FromTo(n, 0)})
		}
		theirs, err := tx.AuthSession.Query().Where(authsession.ID(only), authsession.AccountID(of.ID)).Exist(sys)
		if err != nil {
			return nil, fmt.Errorf("find the session: %w", err)
		}
		if !theirs {
			return nil, refuse(CodeNotFound, "There is no such session of theirs.", "input", "sessionId")
		}
		ended, err := s.endSession(sys, tx, only, of.ID)
		if err != nil || !ended {
			return of, err
		}
		n = 1
		return of, s.logSession(ctx, tx, audit.SessionRevoked, only, of.ID)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
