package account

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/mail"
)

// IssuePasswordReset has a link to a new password sent to somebody, for admins and the operator, who learn neither the
// link nor the password. Until the link is used the old password stays. Who has not proved their address yet does that first.
func (s *Service) IssuePasswordReset(ctx context.Context, in IssuePasswordResetInput) (*ent.Account, error) {
	id, err := in.ProfileID.Row(ent.ProfilePrefix, "input", "profileId")
	if err != nil {
		return nil, err
	}
	row, err := s.overseen(ctx, relay.NewID(ent.AccountPrefix, id), func(sys context.Context, tx *ent.Tx, of *ent.Account) (*ent.Account, error) {
		if !s.isClaimed(of) {
			return nil, refuse(CodeEmailMissing, "The account has no address to write to.", "input", "profileId")
		}
		if err := s.requireLink(sys, tx, of); err != nil {
			return nil, err
		}
		if err := s.sendReset(sys, tx, uuid.Must(uuid.NewV7()), of, mail.ResetByAdmin); err != nil {
			return nil, err
		}
		return of, s.changed(ctx, tx, audit.AccountResetIssued, of, audit.Diff{"reset_link": audit.Hidden()})
	})
	var refusal *AccountUserError
	if errors.As(err, &refusal) { // whatever it says, it is of the one field
		return nil, refuse(refusal.Code, refusal.Message, "input", "profileId")
	}
	return row, err
}
