package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// own changes the viewer's own account, in one transaction and under the account's lock, for whoever has proved the
// password of late. The change gets the row as it stands, and answers the row to show.
func (s *Service) own(ctx context.Context, change func(tx *ent.Tx, row *ent.Account) (*ent.Account, error)) (*ent.Account, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.requireRecent(ctx); err != nil {
		return nil, err
	}
	var row *ent.Account
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		// The strongest lock: it keeps sessions from being opened meanwhile, see admit.
		before, err := tx.Account.Query().Where(account.ID(me)).ForUpdate().Only(ctx)
		if db.IsNotFound(err) || err == nil && before.ErasedAt != nil {
			return fault.Unauthenticated()
		}
		if err != nil {
			return fmt.Errorf("lock the account: %w", err)
		}
		row, err = change(tx, before)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.known.forgetAccount(me)
	return row, nil
}

// showOrHide has others see somebody as their account stands now: not while it is deactivated or banned.
func (s *Service) showOrHide(ctx context.Context, tx *ent.Tx, row *ent.Account) error {
	since := row.DeactivatedAt
	if row.BannedAt != nil {
		since = row.BannedAt
	}
	return s.profiles.Hide(ctx, tx, row.ID, since)
}
