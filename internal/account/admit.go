package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/db"
)

// admit opens a session for whoever has just proved to be somebody, unless they are banned or have
// deactivated the account. The proof is
// looked at again under a lock, so that neither a ban nor a new password slips in between: those come after
// this session and end it, or before and are seen here.
//
// It is the lock of a row that refers to the account: it waits for changes of the account by admins, not for
// what locks accounts to see how people stand to each other.
func (s *Service) admit(ctx context.Context, tx *ent.Tx, proved *ent.Account, cookie bool) (*ent.AuthSession, error) {
	row, err := tx.Account.Query().Where(account.ID(proved.ID)).ForShare(sql.WithLockClause("FOR KEY SHARE")).Only(ctx)
	if err != nil && !db.IsNotFound(err) {
		return nil, fmt.Errorf("lock the account: %w", err)
	}
	if err != nil || row.ErasedAt != nil || row.PasswordHash != proved.PasswordHash {
		return nil, refuse(CodeWrongCredentials, wrongCredentials)
	}
	if row.BannedAt != nil {
		return nil, refuse(CodeAccountBanned, "This account is banned.")
	}
	if row.DeactivatedAt != nil {
		return nil, refuse(CodeAccountDeactivated, "This account is deactivated. Say that you want to come back to sign in.")
	}
	return s.openSession(ctx, tx, uuid.Must(uuid.NewV7()), row.ID, cookie)
}
