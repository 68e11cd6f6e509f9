package account

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

// Recipient is where mails to an account go. There is no address if the account is gone, or if it never proved
// its claim to one in time: it may be somebody else's.
func (s *Service) Recipient(ctx context.Context, id uuid.UUID) (mail.Recipient, error) {
	ctx = viewer.AsSystem(ctx, "a mail is sent when nobody asks")
	a, err := s.db.Ent.Account.Get(ctx, id)
	if db.IsNotFound(err) || err == nil && a.ErasedAt != nil {
		return mail.Recipient{}, nil
	}
	if err != nil {
		return mail.Recipient{}, fmt.Errorf("find whom to write to: %w", err)
	}
	to := mail.Recipient{Name: a.Username}
	if s.isClaimed(a) {
		to.Address = a.Email
	}
	return to, nil
}
