package fact

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
)

// How a parked fact is tried again: after parkFirst, then twice as long each time, at most parkMost.
const parkFirst, parkMost = time.Second, time.Hour

// errorLength is how much of an error the operator is shown.
const errorLength = 500

// park notes that a fact failed; it stays in the queue, and what follows of its subject waits behind it.
func (w *worker) park(ctx context.Context, tx *ent.Tx, one Batch, why error) error {
	var id *int64
	var kind string
	for _, f := range one.Facts {
		id, kind = &f.ID, f.Kind
	}
	var person *uuid.UUID
	for _, b := range one.Bursts {
		kind, person = b.Kind, &b.Person
	}
	// What PostgreSQL does not take for text must not keep the fact from being parked.
	text := strings.ReplaceAll(why.Error(), "\x00", "")
	text = strings.ToValidUTF8(text[:min(len(text), errorLength)], "")
	_, err := tx.ExecContext(ctx, `
INSERT INTO fact_parked AS p (consumer, subject_id, fact_id, kind, person_id, error, next_at)
VALUES ($1, $2, $3, $4, $8, $5, now() + make_interval(secs => $6))
ON CONFLICT (consumer, subject_id) DO UPDATE SET
	fact_id = excluded.fact_id, kind = excluded.kind, person_id = excluded.person_id, error = excluded.error,
	tries = CASE WHEN p.fact_id IS NOT DISTINCT FROM excluded.fact_id THEN p.tries + 1 ELSE 1 END,
	parked_at = CASE WHEN p.fact_id IS NOT DISTINCT FROM excluded.fact_id THEN p.parked_at ELSE now() END,
	next_at = now() + make_interval(secs => CASE WHEN p.fact_id IS NOT DISTINCT FROM excluded.fact_id
		THEN least($6 * 2 ^ least(p.tries, 20), $7) ELSE $6 END)`,
		w.Name, one.subjects()[0], id, kind, text, parkFirst.Seconds(), parkMost.Seconds(), person)
	if err != nil {
		return fmt.Errorf("park a fact: %w", err)
	}
	w.log.o.Log.Warn("A fact is parked: its consumer failed on it", "consumer", w.Name, "kind", kind, "error", text)
	return nil
}

// Parked is a fact that its consumer failed on.
type Parked struct {
	Consumer string
	Subject  uuid.UUID
	// ID is the fact's number; nil for a burst.
	ID       *int64
	Kind     string
	Tries    int
	Error    string
	ParkedAt time.Time
	NextAt   time.Time
	// Behind is how many facts of the subject wait behind it.
	Behind int
}

// Parked are all parked facts, the longest parked first.
func (l *Log) Parked(ctx context.Context) ([]Parked, error) {
	rows, err := l.db.SQL.QueryContext(ctx, `
SELECT p.consumer, p.subject_id, p.fact_id, p.kind, p.tries, p.error, p.parked_at, p.next_at, (
	SELECT count(*) FROM fact_queue q
	WHERE q.consumer = p.consumer AND q.partition = fact_partition(p.subject_id) AND q.subject_id = p.subject_id
		AND q.fact_id <> coalesce(p.fact_id, 0))
FROM fact_parked p ORDER BY p.parked_at, p.consumer, p.subject_id`)
	if err != nil {
		return nil, fmt.Errorf("read the parked facts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Parked
	for rows.Next() {
		var p Parked
		err := rows.Scan(&p.Consumer, &p.Subject, &p.ID, &p.Kind, &p.Tries, &p.Error, &p.ParkedAt, &p.NextAt, &p.Behind)
		if err != nil {
			return nil, fmt.Errorf("read a parked fact: %w", err)
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// Retry has parked facts of a consumer tried again at once: those of one subject, or of all for the zero id.
// It answers how many.
func (l *Log) Retry(ctx context.Context, consumer string, subject uuid.UUID) (int64, error) {
	done, err := l.db.SQL.ExecContext(ctx, `
UPDATE fact_parked SET next_at = now() WHERE consumer = $1 AND ($2::uuid IS NULL OR subject_id = $2)`, consumer, optionalID(subject))
	if err != nil {
		return 0, fmt.Errorf("have parked facts tried again: %w", err)
	}
	return done.RowsAffected()
}

// Drop gives a parked fact up: its consumer will never deal with it, and what waits behind it goes on. It answers
// whether the fact was still parked; another one of the same subject is left alone.
func (l *Log) Drop(ctx context.Context, tx *ent.Tx, p Parked) (bool, error) {
	done, err := tx.ExecContext(ctx, `
WITH parked AS (
	DELETE FROM fact_parked WHERE consumer = $1 AND subject_id = $2 AND fact_id IS NOT DISTINCT FROM $3 AND kind = $4
	RETURNING fact_id, kind, person_id
), facts AS (
	DELETE FROM fact_queue q USING parked p
	WHERE q.consumer = $1 AND q.partition = fact_partition($2) AND q.fact_id = p.fact_id
), bursts AS (
	DELETE FROM fact_bursts b USING parked p
	WHERE b.consumer = $1 AND b.kind = p.kind AND b.subject_id = $2 AND p.fact_id IS NULL
		AND (p.person_id IS NULL OR b.person_id = p.person_id)
)
SELECT 1 FROM parked`, p.Consumer, p.Subject, p.ID, p.Kind)
	if err != nil {
		return false, fmt.Errorf("drop a parked fact: %w", err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}
