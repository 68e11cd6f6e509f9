package account

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// Reauthenticate proves the viewer's password once more in the session that asks, and says until when that counts.
func (s *Service) Reauthenticate(ctx context.Context, in ReauthenticateInput) (*time.Time, error) {
	if _, err := viewer.Require(ctx); err != nil {
		return nil, err
	}
	mine, err := s.Mine(ctx)
	if err != nil {
		return nil, err
	}
	fits, err := s.passwords.check(ctx, mine.PasswordHash, in.Password)
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, refuse(CodeWrongCredentials, "This is not your password.", "input", "password")
	}
	now := s.now()
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		// As in admit: a new password comes after this and ends the session, or before and is seen here.
		row, err := tx.Account.Query().Where(account.ID(mine.ID)).ForShare(sql.WithLockClause("FOR KEY SHARE")).Only(ctx)
		if err != nil && !db.IsNotFound(err) {
			return fmt.Errorf("lock the account: %w", err)
		}
		if err != nil || row.PasswordHash != mine.PasswordHash {
			return refuse(CodeWrongCredentials, "This is not your password.", "input", "password")
		}
		n, err := tx.AuthSession.Update().
			Where(authsession.ID(viewer.From(ctx).Session()), authsession.RevokedAtIsNil()).SetAuthenticatedAt(now).Save(ctx)
		if err != nil {
			return fmt.Errorf("note the proof: %w", err)
		}
		if n == 0 { // revoked while its password was being hashed
			return fault.Unauthenticated()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return new(now.Add(s.recent)), nil
}
