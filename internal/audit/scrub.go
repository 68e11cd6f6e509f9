package audit

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
)

// Scrub takes what entries say of somebody out of them, in the transaction that erases the account: what was done, by
// whom, to whom and when stays until the entries' time is up. The database lets nobody else's entries be changed.
func Scrub(ctx context.Context, tx *ent.Tx, account uuid.UUID) error {
	_, err := tx.ExecContext(ctx, "UPDATE audit_entries SET diff = '{}' WHERE account_id = $1 AND diff <> '{}'", account)
	if err != nil {
		return fmt.Errorf("scrub the audit log: %w", err)
	}
	return nil
}
