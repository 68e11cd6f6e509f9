package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// VerifyEmail proves an address by the link that was sent to it: that of an account, or the one that it changes to.
// Whoever is first has it; the claims of others end. If a new password had been asked for before, the link to it is
// sent now.
func (s *Service) VerifyEmail(ctx context.Context, in VerifyEmailInput) (*Verified, error) {
	ctx = viewer.AsSystem(ctx, "a link is all that its bearer has")
	found, err := s.findLink(ctx, in.Token, onetimetoken.PurposeVERIFY_EMAIL, onetimetoken.PurposeCHANGE_EMAIL)
	if err != nil {
		return nil, err
	}
	out := &Verified{}
	err = s.redeem(ctx, found, func(ctx, holder context.Context, tx *ent.Tx, t *ent.OneTimeToken, of *ent.Account) error {
		out.IsResetSent = of.ResetPendingAt != nil && s.now().Before(of.ResetPendingAt.Add(resetWaits))
		row, err := tx.Account.UpdateOne(of).
			SetEmail(t.Email).SetEmailVerifiedAt(s.now()).ClearEmailPending().ClearEmailPendingAt().ClearResetPendingAt().
			AddVersion(1).Save(ctx)
		if err != nil {
			return fmt.Errorf("write that the address is proved: %w", err)
		}
		out.Account = row
		if t.Purpose == onetimetoken.PurposeCHANGE_EMAIL {
			err = s.changedEmail(ctx, holder, tx, of, row)
		} else {
			err = s.facts.Store(holder, tx, fact.Fact{Kind: factVerified, Subject: row.ID})
		}
		if err != nil {
			return err
		}
		if out.IsResetSent {
			err := s.mailLink(ctx, tx, mail.ResetPassword, row, onetimetoken.PurposeRESET_PASSWORD, row.Email, resetLifetime)
			if err != nil {
				return err
			}
		}
		return s.afterProof(ctx, tx, emailProved{Account: row.ID})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changedEmail tells of a new address: the log, the consumers, and the old address, with a link that takes it back.
func (s *Service) changedEmail(ctx, holder context.Context, tx *ent.Tx, before, after *ent.Account) error {
	if before.EmailVerifiedAt != nil {
		err := s.mailLink(ctx, tx, mail.EmailChanged, after, onetimetoken.PurposeUNDO_EMAIL, before.Email, undoLifetime)
		if err != nil {
			return err
		}
	}
	return s.changed(holder, tx, audit.AccountEmailChanged, after, audit.Diff{"email": audit.Hidden()})
}

// Verified is what proving an address gives.
type Verified struct {
	// Account is whose address it is.
	Account *ent.Account
	// IsResetSent tells that a link to a new password, which had been asked for before, is on its way.
	IsResetSent bool
}
