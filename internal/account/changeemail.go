package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// ChangeEmail asks for another address. It takes the place of the old one when it is proved by the link that is sent to
// it; the old one is told at once, with a link that takes the change back. Where the old one was never proved there is
// nothing to keep, and the new one is claimed instead. To ask for the address that one has takes a change back.
//
// That an address is somebody else's makes no difference to the answer.
func (s *Service) ChangeEmail(ctx context.Context, in ChangeEmailInput) (*ent.Account, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.requireRecent(ctx); err != nil {
		return nil, err
	}
	to, problem := checkEmail(in.Email)
	if problem != "" {
		return nil, refuse(CodeEmailInvalid, problem, "input", "email")
	}
	asker := ctx
	ctx = viewer.AsSystem(ctx, "links are nobody's to see")
	var row *ent.Account
	err = s.db.Tx(ctx, func(tx *ent.Tx) error {
		of, err := lockAccount(ctx, tx, me)
		if db.IsNotFound(err) {
			return fault.Unauthenticated()
		}
		if err != nil {
			return err
		}
		switch {
		case to == of.Email && of.EmailPending == nil:
			row = of
			return nil
		case to == of.Email:
			row, err = tx.Account.UpdateOne(of).ClearEmailPending().ClearEmailPendingAt().AddVersion(1).Save(ctx)
			return err
		}
		if err := s.requireLink(ctx, tx, of); err != nil {
			return err
		}
		row, err = s.askForEmail(ctx, asker, tx, of, to)
		return err
	})
	if err != nil {
		return nil, err
	}
	return row, nil
}

func (s *Service) askForEmail(ctx, asker context.Context, tx *ent.Tx, of *ent.Account, to string) (*ent.Account, error) {
	if of.EmailVerifiedAt == nil {
		row, err := tx.Account.UpdateOne(of).SetEmail(to).SetEmailClaimedAt(s.now()).AddVersion(1).Save(ctx)
		if err != nil {
			return nil, fmt.Errorf("claim the new address: %w", err)
		}
		if err := s.facts.Store(asker, tx, fact.Fact{Kind: factEmailAsked, Subject: row.ID}); err != nil {
			return nil, err
		}
		return row, s.mailLink(ctx, tx, mail.VerifyEmail, row, onetimetoken.PurposeVERIFY_EMAIL, to, verifyLifetime)
	}
	row, err := tx.Account.UpdateOne(of).SetEmailPending(to).SetEmailPendingAt(s.now()).AddVersion(1).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("write the address to be: %w", err)
	}
	if err := s.mailLink(ctx, tx, mail.EmailChangeAsked, row, onetimetoken.PurposeUNDO_EMAIL, row.Email, undoLifetime); err != nil {
		return nil, err
	}
	if err := s.mailLink(ctx, tx, mail.ChangeEmail, row, onetimetoken.PurposeCHANGE_EMAIL, to, verifyLifetime); err != nil {
		return nil, err
	}
	if err := s.facts.Store(asker, tx, fact.Fact{Kind: factEmailAsked, Subject: row.ID}); err != nil {
		return nil, err
	}
	return row, s.log(asker, tx, audit.AccountEmailAsked, row, audit.Diff{"email_pending": audit.Hidden()})
}
