package account

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/ent/authsession"
	"github.com/convenehq/convene/ent/idempotencykey"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/ent/throttle"
	"github.com/convenehq/convene/ent/usernamereservation"
	"github.com/convenehq/convene/internal/viewer"
)

// sessionKept is for how long an ended session is kept, as ent/schema declares.
const sessionKept = 30 * 24 * time.Hour

// Sweep removes what has outlived its retention: idempotency keys of another day, sessions and links that ended a
// month ago, attempts to sign in of three months ago, tries that no longer count, and addresses that nobody proved in time. Any
// number of nodes may run it now and then.
func (s *Service) Sweep(ctx context.Context) error {
	ctx = viewer.AsSystem(ctx, "retention is nobody's request")
	now := s.now()
	if _, err := s.db.Ent.IdempotencyKey.Delete().Where(idempotencykey.ExpiresAtLTE(now)).Exec(ctx); err != nil {
		return fmt.Errorf("remove old idempotency keys: %w", err)
	}
	if _, err := s.db.Ent.Throttle.Delete().Where(throttle.EndsAtLTE(now)).Exec(ctx); err != nil {
		return fmt.Errorf("forget old tries: %w", err)
	}
	if _, err := s.db.Ent.LoginAttempt.Delete().Where(loginattempt.CreatedAtLTE(now.Add(-attemptKept))).Exec(ctx); err != nil {
		return fmt.Errorf("remove old attempts: %w", err)
	}
	_, err := s.db.Ent.AuthSession.Delete().Where(authsession.Or(
		authsession.ExpiresAtLTE(now.Add(-sessionKept)),
		authsession.RevokedAtLTE(now.Add(-sessionKept)),
	)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove old sessions: %w", err)
	}
	if _, err := s.db.Ent.OneTimeToken.Delete().Where(onetimetoken.ExpiresAtLTE(now.Add(-linkKept))).Exec(ctx); err != nil {
		return fmt.Errorf("remove old links: %w", err)
	}
	_, err = s.db.Ent.UsernameReservation.Delete().Where(usernamereservation.EndsAtLTE(now)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove reservations of usernames: %w", err)
	}
	return s.lapse(ctx)
}
