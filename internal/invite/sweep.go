package invite

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent/invite"
	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/viewer"
)

// Sweep forgets the addresses of invites whose time is up, and removes invites and codes that ended a month ago. Any number
// of nodes may run it now and then.
func (s *Service) Sweep(ctx context.Context) error {
	ctx = viewer.AsSystem(ctx, "retention is nobody's request")
	now := s.now()
	before := now.Add(-kept)
	if _, err := s.db.Ent.Invite.Update().Where(invite.EmailNotNil(), invite.ExpiresAtLTE(now)).ClearEmail().Save(ctx); err != nil {
		return fmt.Errorf("forget the addresses of old invites: %w", err)
	}
	_, err := s.db.Ent.Invite.Delete().Where(invite.Or(
		invite.ExpiresAtLTE(before), invite.AcceptedAtLTE(before), invite.WithdrawnAtLTE(before),
	)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove old invites: %w", err)
	}
	_, err = s.db.Ent.InviteCode.Delete().Where(invitecode.Or(
		invitecode.ExpiresAtLTE(before), invitecode.RevokedAtLTE(before),
	)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove old codes: %w", err)
	}
	return nil
}
