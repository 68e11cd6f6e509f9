package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/mail"
)

// GivePassword gives an account a new password, which nobody will be able to read again, and ends all of
// its sessions. Its person is told by mail, without the password. A ban stays.
func (s *Service) GivePassword(ctx context.Context, in GivePasswordInput) (string, error) {
	if _, err := oversee(ctx); err != nil { // before a password is hashed for whoever asks
		return "", err
	}
	password := newPassword()
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return "", err
	}
	_, err = s.overseen(ctx, in.AccountID, func(sys context.Context, tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		row, err := tx.Account.UpdateOne(before).SetPasswordHash(hash).AddVersion(1).Save(sys)
		if err != nil {
			return nil, fmt.Errorf("write the new password: %w", err)
		}
		diff := audit.Diff{"password": audit.Hidden()}
		if err := s.endAll(sys, tx, row.ID, diff); err != nil {
			return nil, err
		}
		if err := s.post(sys, tx, mail.Letter{Template: mail.PasswordResetByAdmin, Account: row.ID}); err != nil {
			return nil, err
		}
		if err := s.noteIn(sys, tx, loginattempt.OutcomeRESET, row.ID, ""); err != nil {
			return nil, err
		}
		return row, s.changed(ctx, tx, audit.AccountPasswordReset, row, diff)
	})
	if err != nil {
		return "", err
	}
	return password, nil
}

// newPassword has 100 random bits in 20 letters and digits, none of which looks like another.
func newPassword() string { return strings.ToLower(rand.Text()[:20]) }
