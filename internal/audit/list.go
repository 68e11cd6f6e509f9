package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/auditentry"
)

// A Filter says which entries are wanted.
type Filter struct {
	// Account is whom they concern or who did it; the zero id for everybody.
	Account uuid.UUID
	// Since is the earliest moment; the zero time for no limit.
	Since time.Time
	// Limit is how many at most.
	Limit int
}

// List is what the viewer may see of the log, the latest first.
func List(ctx context.Context, client *ent.Client, f Filter) ([]*ent.AuditEntry, error) {
	query := client.AuditEntry.Query()
	if f.Account != uuid.Nil {
		query.Where(auditentry.Or(auditentry.AccountID(f.Account), auditentry.ActorID(f.Account)))
	}
	if !f.Since.IsZero() {
		query.Where(auditentry.CreatedAtGTE(f.Since))
	}
	rows, err := query.Order(ent.Desc(auditentry.FieldCreatedAt, auditentry.FieldID)).Limit(f.Limit).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return rows, nil
}
