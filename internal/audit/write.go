package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/auditentry"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/viewer"
)

// Write writes an entry in the transaction of the change that it tells of. The context is that of whoever
// asked, not the system's in which the change itself may have to be made: it says who did it.
func Write(ctx context.Context, tx *ent.Tx, e Entry) error {
	if err := e.check(); err != nil {
		return fmt.Errorf("write the audit entry: %w", err)
	}
	kind, actor, err := actorOf(viewer.From(ctx))
	if err != nil {
		return fmt.Errorf("write the audit entry of %s: %w", e.Action, err)
	}
	at := e.At
	if at.IsZero() {
		at = time.Now()
	}
	at = at.UTC().Truncate(time.Microsecond)
	diff := make(map[string]any, len(e.Diff))
	for name, change := range e.Diff {
		diff[name] = change
	}
	err = tx.AuditEntry.Create().SetCreatedAt(at).SetEndsAt(at.Add(Kept)).
		SetActorKind(kind).SetNillableActorID(nonZero(actor)).
		SetAction(string(e.Action)).SetTargetKind(e.Target.Kind).SetNillableTargetID(nonZero(e.Target.ID)).
		SetNillableAccountID(nonZero(e.Account)).SetDiff(diff).SetRequestID(telemetry.RequestID(ctx)).
		Exec(viewer.AsSystem(ctx, "nobody writes the log by their own right"))
	if err != nil {
		return fmt.Errorf("write the audit entry of %s: %w", e.Action, err)
	}
	return nil
}

func actorOf(v viewer.Viewer) (auditentry.ActorKind, uuid.UUID, error) {
	switch v.Kind() {
	case viewer.Person:
		return auditentry.ActorKindPERSON, v.Account(), nil
	case viewer.Operator:
		return auditentry.ActorKindOPERATOR, uuid.Nil, nil
	case viewer.System:
		return auditentry.ActorKindSYSTEM, uuid.Nil, nil
	default:
		return "", uuid.Nil, fmt.Errorf("nobody did it, or an audience: %d", v.Kind())
	}
}

func nonZero(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}
