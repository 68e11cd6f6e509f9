package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// oversee lets admins and the operator pass, and answers the context in which they reach what is not
// theirs. The audit log is written in their own.
func oversee(ctx context.Context) (context.Context, error) {
	if err := viewer.RequireAdmin(ctx); err != nil {
		return nil, err
	}
	return viewer.AsSystem(ctx, "admins and the operator look after the accounts of others"), nil
}

// overseen changes somebody's account, for admins and the operator: in one transaction, under the account's
// lock. The change gets the row as it stands and the context to write in, and answers the row to show.
func (s *Service) overseen(
	ctx context.Context, of relay.ID, change func(sys context.Context, tx *ent.Tx, row *ent.Account) (*ent.Account, error),
) (*ent.Account, error) {
	sys, err := oversee(ctx)
	if err != nil {
		return nil, err
	}
	id, err := of.Row(ent.AccountPrefix, "input", "accountId")
	if err != nil {
		return nil, err
	}
	var row *ent.Account
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		// The strongest lock: it keeps sessions from being opened meanwhile, see admit.
		before, err := tx.Account.Query().Where(account.ID(id)).ForUpdate().Only(sys)
		if db.IsNotFound(err) {
			return refuse(CodeNotFound, "There is no such account.", "input", "accountId")
		}
		if err != nil {
			return fmt.Errorf("lock the account: %w", err)
		}
		row, err = change(sys, tx, before)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.known.forgetAccount(id)
	return row, nil
}

// endAll revokes all of an account's sessions that stand, and says so in the diff for the log.
func (s *Service) endAll(ctx context.Context, tx *ent.Tx, account uuid.UUID, diff audit.Diff) error {
	n, err := s.endSessions(ctx, tx, account, uuid.Nil)
	if n > 0 {
		diff["sessions"] = audit.FromTo(n, 0)
	}
	return err
}

// endSessions revokes an account's sessions that stand, but for one, and counts them. The zero id spares
// none.
func (s *Service) endSessions(ctx context.Context, tx *ent.Tx, account, but uuid.UUID) (int, error) {
	now := s.now()
	n, err := tx.AuthSession.Update().
		Where(
			authsession.AccountID(account), authsession.IDNEQ(but),
			authsession.RevokedAtIsNil(), authsession.ExpiresAtGT(now),
		).
		SetRevokedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("revoke the sessions: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	return n, s.facts.Store(ctx, tx, fact.Fact{Kind: factSessionsRevoked, Subject: account})
}
