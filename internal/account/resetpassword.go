package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// ResetPassword sets a new password by the link that was sent to the account's address, and signs in. All sessions of
// the account end, and so does a change of its address that somebody may have begun.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) (*SignedIn, error) {
	return s.reset(ctx, in, true)
}

// ResetPasswordOnly is ResetPassword without signing in: for a page in a browser where somebody else is signed in.
func (s *Service) ResetPasswordOnly(ctx context.Context, in ResetPasswordInput) error {
	_, err := s.reset(ctx, in, false)
	return err
}

func (s *Service) reset(ctx context.Context, in ResetPasswordInput, signsIn bool) (*SignedIn, error) {
	ctx = viewer.AsSystem(ctx, "a link is all that its bearer has")
	found, err := s.findLink(ctx, in.Token, onetimetoken.PurposeRESET_PASSWORD)
	if err != nil {
		return nil, err
	}
	// All of it is looked at before a password is hashed for whoever asks, and again under the lock.
	of, err := s.db.Ent.Account.Get(ctx, found.AccountID)
	if db.IsNotFound(err) {
		return nil, linkInvalid()
	}
	if err != nil {
		return nil, fmt.Errorf("find whose link it is: %w", err)
	}
	if err := s.mayReset(ctx, s.db.Ent, found, of); err != nil {
		return nil, err
	}
	// Whoever has hidden comes back by signing in, and saying so.
	signsIn = signsIn && of.DeactivatedAt == nil
	if err := s.checkPasswordOf(ctx, in.NewPassword, of, "input", "newPassword"); err != nil {
		return nil, err
	}
	hash, err := s.passwords.hash(ctx, in.NewPassword)
	if err != nil {
		return nil, err
	}
	var session *ent.AuthSession
	err = s.redeem(ctx, found, func(ctx, holder context.Context, tx *ent.Tx, t *ent.OneTimeToken, of *ent.Account) error {
		if err := s.mayReset(ctx, tx.Client(), t, of); err != nil {
			return err
		}
		row, err := tx.Account.UpdateOne(of).SetPasswordHash(hash).
			ClearEmailPending().ClearEmailPendingAt().ClearResetPendingAt().AddVersion(1).Save(ctx)
		if err != nil {
			return fmt.Errorf("write the new password: %w", err)
		}
		diff := audit.Diff{"password": audit.Hidden()}
		if err := s.endAll(ctx, tx, row.ID, diff); err != nil {
			return err
		}
		if err := s.changed(holder, tx, audit.AccountPasswordReset, row, diff); err != nil {
			return err
		}
		if err := s.noteIn(ctx, tx, loginattempt.OutcomeRESET, row.ID, ""); err != nil {
			return err
		}
		if err := s.post(ctx, tx, mail.Letter{Template: mail.PasswordChanged, Account: row.ID}); err != nil || !signsIn {
			return err
		}
		if session, err = s.admit(ctx, tx, row, in.Cookie); err != nil {
			return err
		}
		if err := s.tellOfDevice(ctx, tx, row); err != nil {
			return err
		}
		return s.noteIn(ctx, tx, loginattempt.OutcomeSIGNED_IN, row.ID, "")
	})
	if err != nil {
		return nil, err
	}
	s.known.forgetAccount(of.ID)
	if !signsIn {
		return nil, nil //nolint:nilnil // nobody is signed in
	}
	s.note(ctx, loginattempt.OutcomeSIGNED_IN, of.ID, "") // for when they last signed in
	return s.signedIn(session, of.Role)
}

// mayReset refuses a link that is not good, and tells the banned that they are: a new password would not let them in.
func (s *Service) mayReset(ctx context.Context, in *ent.Client, t *ent.OneTimeToken, of *ent.Account) error {
	if err := s.judgeLink(ctx, in, t, of); err != nil {
		return err
	}
	if of.BannedAt != nil {
		return refuse(CodeAccountBanned, "This account is banned.")
	}
	return nil
}
