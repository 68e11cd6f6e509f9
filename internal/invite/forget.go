package invite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/viewer"
)

// Forget removes all invites and codes of an account that is being erased: what was mailed or told lets nobody in any more.
func (s *Service) Forget(ctx context.Context, tx *ent.Tx, of uuid.UUID) error {
	ctx = viewer.AsSystem(ctx, "an account is erased when nobody asks")
	if _, err := tx.Invite.Delete().Where(invite.InviterID(of)).Exec(ctx); err != nil {
		return fmt.Errorf("remove the invites of somebody who is erased: %w", err)
	}
	if _, err := tx.InviteCode.Delete().Where(invitecode.InviterID(of)).Exec(ctx); err != nil {
		return fmt.Errorf("remove the codes of somebody who is erased: %w", err)
	}
	return nil
}
