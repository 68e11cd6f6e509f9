package invite

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

// Withdraw takes an invite of the viewer's back. One that has ended stays as it is.
func (s *Service) Withdraw(ctx context.Context, in WithdrawInviteInput) (*ent.Invite, error) {
	if _, err := viewer.Require(ctx); err != nil {
		return nil, err
	}
	id, err := in.InviteID.Row(ent.InvitePrefix, "input", "inviteId")
	if err != nil {
		return nil, err
	}
	var row *ent.Invite
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		row, err = tx.Invite.Query().Where(invite.ID(id)).ForUpdate().Only(ctx)
		if db.IsNotFound(err) {
			return refuse(CodeNotFound, "There is no such invite.", "input", "inviteId")
		}
		if err != nil {
			return fmt.Errorf("lock the invite: %w", err)
		}
		if s.StateOf(row) != StatePending {
			return nil
		}
		if row, err = tx.Invite.UpdateOne(row).SetWithdrawnAt(s.now()).ClearEmail().Save(ctx); err != nil {
			return fmt.Errorf("withdraw the invite: %w", err)
		}
		return s.facts.Store(ctx, tx, fact.Fact{Kind: factWithdrawn, Subject: id})
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}
