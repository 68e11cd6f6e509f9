package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// comeBack shows a deactivated account again for whoever has just proved its password, and calls an erasing off that
// was asked for. Whether they may sign in is judged after it, by admit, which takes all of it back if not.
func (s *Service) comeBack(ctx context.Context, tx *ent.Tx, proved *ent.Account) error {
	before, err := tx.Account.Query().Where(account.ID(proved.ID)).ForUpdate().Only(ctx)
	switch {
	case db.IsNotFound(err):
		return nil // admit tells them
	case err != nil:
		return fmt.Errorf("lock the account: %w", err)
	case before.DeactivatedAt == nil, before.ErasedAt != nil, before.PasswordHash != proved.PasswordHash:
		return nil // nothing to come back from, or nobody to do so
	}
	row, err := tx.Account.UpdateOne(before).ClearDeactivatedAt().ClearEraseAfter().AddVersion(1).Save(ctx)
	if err != nil {
		return fmt.Errorf("reactivate the account: %w", err)
	}
	if err := s.showOrHide(ctx, tx, row); err != nil {
		return err
	}
	diff := audit.Diff{"deactivated_at": audit.FromTo(before.DeactivatedAt, nil)}
	if before.EraseAfter != nil {
		diff["erase_after"] = audit.FromTo(before.EraseAfter, nil)
	}
	// It is their doing, although they are nobody yet.
	return s.changed(viewer.With(ctx, viewer.OfPerson(row.ID, uuid.Nil)), tx, audit.AccountReactivated, row, diff)
}
