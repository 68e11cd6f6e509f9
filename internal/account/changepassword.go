package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// ChangePassword gives the viewer another password and ends all of their other sessions. The session that asks goes on.
func (s *Service) ChangePassword(ctx context.Context, in ChangePasswordInput) (*ent.Account, error) {
	if err := s.requireRecent(ctx); err != nil { // before a password is hashed for whoever asks
		return nil, err
	}
	mine, err := s.Mine(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkPasswordOf(ctx, in.NewPassword, mine, "input", "newPassword"); err != nil {
		return nil, err
	}
	hash, err := s.passwords.hash(ctx, in.NewPassword)
	if err != nil {
		return nil, err
	}
	return s.own(ctx, func(tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		row, err := tx.Account.UpdateOne(before).SetPasswordHash(hash).AddVersion(1).Save(ctx)
		if err != nil {
			return nil, fmt.Errorf("write the new password: %w", err)
		}
		diff := audit.Diff{"password": audit.Hidden()}
		n, err := s.endSessions(ctx, tx, row.ID, viewer.From(ctx).Session())
		if err != nil {
			return nil, err
		}
		if n > 0 {
			diff["other_sessions"] = audit.FromTo(n, 0)
		}
		if err := s.post(ctx, tx, mail.Letter{Template: mail.PasswordChanged, Account: row.ID}); err != nil {
			return nil, err
		}
		return row, s.changed(ctx, tx, audit.AccountPasswordChanged, row, diff)
	})
}
