package account

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// requireRecent refuses what is too dear to be left to whoever finds a device unlocked, unless the session that asks
// has proved the password of late. Registering and signing in prove it, and Reauthenticate does; refreshing does not.
func (s *Service) requireRecent(ctx context.Context) error {
	if _, err := viewer.Require(ctx); err != nil {
		return err
	}
	row, err := s.db.Ent.AuthSession.Query().Where(authsession.ID(viewer.From(ctx).Session()), authsession.RevokedAtIsNil()).Only(ctx)
	if err != nil && !db.IsNotFound(err) {
		return fmt.Errorf("read the session: %w", err)
	}
	// A moment ahead of this clock is no proof that is still to come: it is another node's clock.
	if err != nil || s.now().Sub(row.AuthenticatedAt) >= s.recent {
		return refuse(CodeReauthenticationRequired, "Prove your password again first.")
	}
	return nil
}
