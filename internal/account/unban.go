package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
)

// Unban lets an account sign in again. The sessions that the ban ended stay ended, and one that its person has deactivated
// stays hidden.
func (s *Service) Unban(ctx context.Context, in UnbanAccountInput) (*ent.Account, error) {
	return s.overseen(ctx, in.AccountID, func(sys context.Context, tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		if before.BannedAt == nil {
			return before, nil
		}
		row, err := tx.Account.UpdateOne(before).ClearBannedAt().ClearBanReason().AddVersion(1).Save(sys)
		if err != nil {
			return nil, fmt.Errorf("take the ban back: %w", err)
		}
		if err := s.showOrHide(sys, tx, row); err != nil {
			return nil, err
		}
		return row, s.changed(ctx, tx, audit.AccountUnbanned, row, audit.Diff{
			"banned_at":  audit.FromTo(before.BannedAt, nil),
			"ban_reason": audit.FromTo(before.BanReason, nil),
		})
	})
}
