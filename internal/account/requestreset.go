package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// resetAsked says for whom a new password was asked for: the zero id for nobody. The link's id is chosen with it, so
// that a job that is done twice finds it issued.
type resetAsked struct {
	Account uuid.UUID `json:"account,omitzero"`
	Token   uuid.UUID `json:"token"`
}

// RequestPasswordReset has a link to a new password sent to the account that a login means. Whether there is one is
// not to be told from the answer, nor from its time: each takes one query and one job.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) error {
	ctx = viewer.AsSystem(ctx, "who forgot a password is nobody")
	if err := s.throttle(ctx, mailTo, in.Login); err != nil {
		return err
	}
	asked := resetAsked{Token: uuid.Must(uuid.NewV7())}
	switch who, err := s.claimant(ctx, in.Login); {
	case err == nil:
		asked.Account = who.ID
	case !db.IsNotFound(err):
		return fmt.Errorf("find the account: %w", err)
	}
	s.note(ctx, loginattempt.OutcomeRESET_REQUESTED, asked.Account, in.Login)
	if s.asked == nil {
		return s.answerReset(ctx, asked)
	}
	return s.db.Tx(ctx, func(tx *ent.Tx) error {
		_, err := s.asked.Insert(ctx, tx, asked)
		return err
	})
}

// answerReset sends what was asked for: the link to a new password or, if the account has not proved its address, first
// the one by which it does. Too many are left unanswered.
func (s *Service) answerReset(ctx context.Context, asked resetAsked) error {
	if asked.Account == uuid.Nil {
		return nil
	}
	ctx = viewer.AsSystem(ctx, "who forgot a password is nobody")
	return s.db.Tx(ctx, func(tx *ent.Tx) error {
		of, err := lockAccount(ctx, tx, asked.Account)
		if db.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		done, err := tx.OneTimeToken.Query().Where(onetimetoken.ID(asked.Token)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look whether it was answered: %w", err)
		}
		wait, err := s.linkWait(ctx, tx, of)
		if err != nil || done || wait > 0 || !s.isClaimed(of) {
			return err
		}
		return s.sendReset(ctx, tx, asked.Token, of, mail.ResetPassword)
	})
}

// sendReset issues the link to a new password, under the account's lock, or the one that has to come before it.
func (s *Service) sendReset(ctx context.Context, tx *ent.Tx, id uuid.UUID, of *ent.Account, template string) error {
	purpose, lasts := onetimetoken.PurposeRESET_PASSWORD, resetLifetime
	switch {
	case of.EmailVerifiedAt == nil:
		purpose, lasts, template = onetimetoken.PurposeVERIFY_EMAIL, verifyLifetime, mail.VerifyFirst
		if err := tx.Account.UpdateOne(of).SetResetPendingAt(s.now()).Exec(ctx); err != nil {
			return fmt.Errorf("note that a new password was asked for: %w", err)
		}
	case template == mail.ResetByAdmin:
		lasts = issuedResetLifetime
	}
	if err := s.issue(ctx, tx, id, of, purpose, of.Email, lasts); err != nil {
		return err
	}
	return s.post(ctx, tx, mail.Letter{Template: template, About: id})
}
