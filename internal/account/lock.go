package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/viewer"
)

// Lock locks accounts until the end of the transaction and answers which of them exist. It is what comes
// first in whatever depends on how people stand to each other: blocks are judged in a statement after it,
// so that none is set in between. The order of ids keeps two transactions from waiting for each other.
//
// The lock does not stand in the way of rows that merely refer to the account, such as messages.
func (s *Service) Lock(ctx context.Context, tx *ent.Tx, accounts ...uuid.UUID) ([]uuid.UUID, error) {
	ctx = viewer.AsSystem(ctx, "accounts of others are locked, and nothing of them is read")
	found, err := tx.Account.Query().Where(account.IDIn(accounts...)).
		Order(account.ByID()).ForUpdate(sql.WithLockClause("FOR NO KEY UPDATE")).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the accounts: %w", err)
	}
	return found, nil
}

// holdSessions keeps sessions of the viewer's account from being opened until the end of the transaction, and
// waits for those that are: so the facts of an account's sessions have the order of their commits.
func (s *Service) holdSessions(ctx context.Context, tx *ent.Tx, owner uuid.UUID) error {
	if _, err := tx.Account.Query().Where(account.ID(owner)).ForUpdate().IDs(ctx); err != nil {
		return fmt.Errorf("lock the account: %w", err)
	}
	return nil
}
