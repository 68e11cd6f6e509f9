package account

import (
	"context"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/mail"
)

// IssuePasswordReset has a link to a new password sent to somebody, for admins and the operator, who learn neither the
// link nor the password. Until the link is used the old password stays. Who has not proved their address yet does that first.
func (s *Service) IssuePasswordReset(ctx context.Context, in IssuePasswordResetInput) (*ent.Account, error) {
	return s.overseen(ctx, in.AccountID, func(sys context.Context, tx *ent.Tx, of *ent.Account) (*ent.Account, error) {
		if !s.isClaimed(of) {
			return nil, refuse(CodeEmailMissing, "The account has no address to write to.", "input", "accountId")
		}
		if err := s.requireLink(sys, tx, of); err != nil {
			return nil, err
		}
		if err := s.sendReset(sys, tx, uuid.Must(uuid.NewV7()), of, mail.ResetByAdmin); err != nil {
			return nil, err
		}
		return of, s.changed(ctx, tx, audit.AccountResetIssued, of, audit.Diff{"reset_link": audit.Hidden()})
	})
}
