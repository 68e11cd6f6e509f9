package account

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// Deactivate hides the viewer from everybody and ends all of their sessions, and says since when. Signing in with
// Reactivate brings them back.
func (s *Service) Deactivate(ctx context.Context) (*time.Time, error) {
	row, err := s.own(ctx, func(tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		if before.DeactivatedAt != nil {
			return before, nil
		}
		diff := audit.Diff{}
		row, err := s.hide(ctx, tx, before, diff)
		if err != nil {
			return nil, err
		}
		if err := s.post(ctx, tx, mail.Letter{Template: mail.Deactivated, Account: row.ID}); err != nil {
			return nil, err
		}
		return row, s.changed(ctx, tx, audit.AccountDeactivated, row, diff)
	})
	if err != nil {
		return nil, err
	}
	return row.DeactivatedAt, nil
}

// hide deactivates an account, by whosoever wish, and says so in the diff for the log.
func (s *Service) hide(ctx context.Context, tx *ent.Tx, before *ent.Account, diff audit.Diff) (*ent.Account, error) {
	sys := viewer.AsSystem(ctx, "the profile is hidden from everybody, by its person or an admin")
	row, err := tx.Account.UpdateOne(before).SetDeactivatedAt(s.now()).AddVersion(1).Save(sys)
	if err != nil {
		return nil, fmt.Errorf("deactivate the account: %w", err)
	}
	diff["deactivated_at"] = audit.FromTo(nil, row.DeactivatedAt)
	if err := s.showOrHide(sys, tx, row); err != nil {
		return nil, err
	}
	return row, s.endAll(sys, tx, row.ID, diff)
}
