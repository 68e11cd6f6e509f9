package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/convenehq/convene/ent"
)

// State is what a job is doing, in fewer words than river has.
type State string

// The states there are.
const (
	Waiting   State = "waiting"
	Running   State = "running"
	Retrying  State = "retrying"
	Discarded State = "discarded"
	Cancelled State = "cancelled"
	Done      State = "done"
)

// stateOf is our word for river's state. What a worker discards is for river a job that cancelled itself: one
// that somebody else cancelled says when. One that failed and is tried again soon is for river available.
const stateOf = `CASE
	WHEN state = 'running' THEN 'running'
	WHEN state = 'completed' THEN 'done'
	WHEN state = 'discarded' OR state = 'cancelled' AND NOT metadata ? 'cancel_attempted_at' THEN 'discarded'
	WHEN state = 'cancelled' THEN 'cancelled'
	WHEN attempt > 0 AND cardinality(errors) > 0 THEN 'retrying'
	ELSE 'waiting' END`

// Row is a job as an operator sees it. Its arguments are not shown.
type Row struct {
	ID          int64
	Kind        string
	Queue       string
	State       State
	Attempt     int
	MaxAttempts int
	Created     time.Time
	// Next is when it is due: in the past for one that waits for a worker. Zero if it is not.
	Next time.Time
	// LastError is that of the last failed attempt; empty if none failed.
	LastError string
}

const columns = `SELECT id, kind, queue, ` + stateOf + `, attempt, max_attempts, created_at,
	CASE WHEN finalized_at IS NULL AND state <> 'running' THEN scheduled_at END,
	coalesce(errors[array_upper(errors, 1)]->>'error', '')
	FROM river_job `

// List is the jobs that are not done, or not for good: the newest first, at most as many as the limit.
func (q *Queue) List(ctx context.Context, limit int) ([]Row, error) {
	rows, err := q.db.SQL.QueryContext(ctx, columns+"WHERE state <> 'completed' ORDER BY id DESC LIMIT $1", limit)
	if err != nil {
		return nil, fmt.Errorf("list the jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read a job: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// Find is one job, whatever its state.
func (q *Queue) Find(ctx context.Context, id int64) (Row, error) {
	r, err := scan(q.db.SQL.QueryRowContext(ctx, columns+"WHERE id = $1", id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, unknown(id)
	}
	if err != nil {
		return r, fmt.Errorf("read a job: %w", err)
	}
	return r, nil
}

func scan(from interface{ Scan(into ...any) error }) (Row, error) {
	var r Row
	var next sql.NullTime
	err := from.Scan(&r.ID, &r.Kind, &r.Queue, &r.State, &r.Attempt, &r.MaxAttempts, &r.Created, &next, &r.LastError)
	r.Next, r.LastError = next.Time, strings.TrimPrefix(r.LastError, riversOwn)
	return r, err
}

// Retry makes a job due now, with at least one more attempt. One that is running is left alone.
func (q *Queue) Retry(ctx context.Context, id int64) (Row, error) {
	row, err := q.insert.JobRetry(ctx, id)
	if errors.Is(err, river.ErrNotFound) {
		return Row{}, unknown(id)
	}
	if err != nil {
		return Row{}, fmt.Errorf("retry job %d: %w", id, err)
	}
	q.driver.wake(row.Queue)
	return q.Find(ctx, id)
}

// Cancel ends a job that has not been done, if the transaction commits. One that is running finishes its attempt,
// and is not tried again.
func (q *Queue) Cancel(ctx context.Context, tx *ent.Tx, id int64) error {
	raw, err := tx.SQLTx()
	if err != nil {
		return fmt.Errorf("cancel job %d: %w", id, err)
	}
	_, err = q.insert.JobCancelTx(ctx, raw, id)
	if errors.Is(err, river.ErrNotFound) {
		return unknown(id)
	}
	if err != nil {
		return fmt.Errorf("cancel job %d: %w", id, err)
	}
	return nil
}

func unknown(id int64) error {
	return fmt.Errorf("there is no job %d: `convene jobs list` shows all that are not done", id)
}
