package fact

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// Store stores facts in the transaction of the change that they tell of, after the lock of their subject, and
// wakes the consumers once that has committed. The actor is the viewer, unless a fact says another one.
func (l *Log) Store(ctx context.Context, tx *ent.Tx, facts ...Fact) error {
	if len(facts) == 0 {
		return nil
	}
	n := len(facts)
	kinds, refs := make([]string, n), make([]string, n)
	subjects, actors := make([]uuid.UUID, n), make([]optionalID, n)
	for i, f := range facts {
		if err := l.catalogue.check(f.Kind, false, f.Refs); err != nil {
			return fmt.Errorf("store a fact: %w", err)
		}
		if f.Actor == uuid.Nil {
			f.Actor = viewer.From(ctx).Account()
		}
		raw, err := json.Marshal(f.Refs)
		if err != nil {
			return fmt.Errorf("store a fact: %w", err)
		}
		if f.Refs == nil {
			raw = []byte("{}")
		}
		kinds[i], subjects[i], actors[i], refs[i] = f.Kind, f.Subject, optionalID(f.Actor), string(raw)
	}
	rows, err := tx.QueryContext(ctx, "SELECT consumer, partition FROM store_facts($1::text[], $2::uuid[], $3::uuid[], $4::text[])",
		kinds, subjects, actors, refs)
	if err != nil {
		return fmt.Errorf("store facts: %w", err)
	}
	return l.wakeAfter(tx, rows)
}

// Note notes bursts of one kind in the transaction of the change.
func (l *Log) Note(ctx context.Context, tx *ent.Tx, kind string, bursts ...Burst) error {
	if len(bursts) == 0 {
		return nil
	}
	if err := l.catalogue.check(kind, true, nil); err != nil {
		return fmt.Errorf("note a burst: %w", err)
	}
	n := len(bursts)
	subjects, people, since, through := make([]uuid.UUID, n), make([]optionalID, n), make([]int64, n), make([]int64, n)
	for i, b := range bursts {
		subjects[i], people[i], since[i], through[i] = b.Subject, optionalID(b.Person), b.Since, b.Through
	}
	rows, err := tx.QueryContext(ctx, "SELECT consumer, partition FROM note_bursts($1, $2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[])",
		kind, subjects, people, since, through)
	if err != nil {
		return fmt.Errorf("note bursts: %w", err)
	}
	return l.wakeAfter(tx, rows)
}

// Noted wakes the consumers of a kind of burst that a statement by hand has noted and committed.
func (l *Log) Noted(kind string, subjects ...uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.consumers {
		if w.wants(kind) {
			for _, s := range subjects {
				w.wake(partitionOf(s))
			}
		}
	}
}

// partitionOf is fact_partition of the migration.
func partitionOf(subject uuid.UUID) int { return int(subject[15]) % partitions }

// wakeAfter reads which queues have work now and wakes their workers after the commit.
func (l *Log) wakeAfter(tx *ent.Tx, rows *sql.Rows) error {
	queues, err := readQueues(rows)
	if err == nil && len(queues) > 0 {
		db.AfterCommit(tx, func() { l.wake(queues...) })
	}
	return err
}

// optionalID is NULL where it is the zero id.
type optionalID uuid.UUID

// Value implements driver.Valuer.
func (id optionalID) Value() (driver.Value, error) {
	if uuid.UUID(id) == uuid.Nil {
		return nil, nil
	}
	return uuid.UUID(id).String(), nil
}
