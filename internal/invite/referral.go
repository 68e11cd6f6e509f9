package invite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/internal/viewer"
)

// ReferralCount is how many have joined by an invite of the viewer's.
func (s *Service) ReferralCount(ctx context.Context) (int, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return 0, err
	}
	sys := viewer.AsSystem(ctx, "accounts of others are counted, and nothing of them is read")
	n, err := s.db.Ent.Account.Query().Where(account.InvitedBy(me)).Count(sys)
	if err != nil {
		return 0, fmt.Errorf("count who joined by an invite: %w", err)
	}
	return n, nil
}

// Inviter is whose invite an account joined by; nil if nobody's, or if the viewer may not see them.
func (s *Service) Inviter(ctx context.Context, row *ent.Account) (*ent.Profile, error) {
	if row.InvitedBy == nil {
		return nil, nil // nobody invited them
	}
	found, err := s.profiles.ByIDs(ctx, []uuid.UUID{*row.InvitedBy})
	return found[*row.InvitedBy], err
}
