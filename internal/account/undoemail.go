package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// UndoEmailChange takes a change of an address back by the link that was sent to the old one, whether the change was only
// asked for or is done. Whoever changed it is signed out with everybody else, and the old address gets a link to a new password.
func (s *Service) UndoEmailChange(ctx context.Context, in UndoEmailChangeInput) (*ent.Account, error) {
	ctx = viewer.AsSystem(ctx, "a link is all that its bearer has")
	found, err := s.findLink(ctx, in.Token, onetimetoken.PurposeUNDO_EMAIL)
	if err != nil {
		return nil, err
	}
	var row *ent.Account
	err = s.redeem(ctx, found, func(ctx, holder context.Context, tx *ent.Tx, t *ent.OneTimeToken, of *ent.Account) error {
		var err error
		row, err = tx.Account.UpdateOne(of).SetEmail(t.Email).SetEmailVerifiedAt(s.now()).
			ClearEmailPending().ClearEmailPendingAt().AddVersion(1).Save(ctx)
		if err != nil {
			return fmt.Errorf("take the address back: %w", err)
		}
		// Whoever changed the address to another one again has links too, all of them later than this one.
		err = tx.OneTimeToken.Update().Where(
			onetimetoken.AccountID(of.ID), onetimetoken.PurposeEQ(onetimetoken.PurposeUNDO_EMAIL),
			onetimetoken.UsedAtIsNil(), onetimetoken.CreatedAtGTE(t.CreatedAt),
		).SetUsedAt(s.now()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("use later links up: %w", err)
		}
		diff := audit.Diff{"email": audit.Hidden()}
		if err := s.endAll(ctx, tx, row.ID, diff); err != nil {
			return err
		}
		if err := s.changed(holder, tx, audit.AccountEmailKept, row, diff); err != nil {
			return err
		}
		return s.sendReset(ctx, tx, uuid.Must(uuid.NewV7()), row, mail.ResetPassword)
	})
	if err != nil {
		return nil, err
	}
	s.known.forgetAccount(row.ID)
	return row, nil
}
