package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/auditentry"
	"github.com/convenehq/convene/internal/viewer"
)

// A Sweeper removes entries whose time is up.
type Sweeper struct {
	Client *ent.Client
	// Clock tells the time; nil means the system's.
	Clock func() time.Time
}

// Sweep removes them. Any number of nodes may run it now and then.
func (s Sweeper) Sweep(ctx context.Context) error {
	now := time.Now
	if s.Clock != nil {
		now = s.Clock
	}
	ctx = viewer.AsSystem(ctx, "retention is nobody's request")
	if _, err := s.Client.AuditEntry.Delete().Where(auditentry.EndsAtLTE(now())).Exec(ctx); err != nil {
		return fmt.Errorf("remove old audit entries: %w", err)
	}
	return nil
}
