package fact

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/convenehq/convene/internal/db"
)

// How long facts are kept, and for how many days to come their partitions are made.
const (
	keptDays  = 30
	aheadDays = 7
)

const daySuffix = "20060102"

// Sweep makes the partitions of the days to come and drops those of days that are over for longer than facts
// are kept, unless a consumer has yet to deal with one of that day. Any number of nodes may run it.
func (l *Log) Sweep(ctx context.Context) error {
	if err := l.makePartitions(ctx); err != nil {
		return err
	}
	days, err := l.days(ctx)
	if err != nil {
		return err
	}
	oldest, err := l.oldest(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		if !day.Before(oldest) {
			continue
		}
		if err := l.dropDay(ctx, day); err != nil {
			return err
		}
	}
	return l.emptyDefault(ctx, oldest)
}

// oldest is the first day that is kept. It takes PostgreSQL's word for what day it is against that of a node
// whose clock is ahead: what is dropped is gone.
func (l *Log) oldest(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := l.db.SQL.QueryRowContext(ctx, "SELECT now()").Scan(&now); err != nil {
		return now, fmt.Errorf("ask PostgreSQL for the time: %w", err)
	}
	if here := l.o.Clock(); here.Before(now) {
		now = here
	}
	return now.UTC().AddDate(0, 0, -keptDays).Truncate(24 * time.Hour), nil
}

// emptyDefault removes old facts of days for which no partition was ever made.
func (l *Log) emptyDefault(ctx context.Context, oldest time.Time) error {
	_, err := l.db.SQL.ExecContext(ctx, `
DELETE FROM facts_default f WHERE f.at < $1
AND NOT EXISTS (SELECT 1 FROM fact_queue q WHERE q.fact_id = f.id AND q.fact_at = f.at)`, oldest)
	if err != nil {
		return fmt.Errorf("remove old facts that have no day: %w", err)
	}
	return nil
}

func (l *Log) makePartitions(ctx context.Context) error {
	today := l.o.Clock().UTC()
	for n := range aheadDays + 1 {
		// One at a time: each is a short lock of its own.
		_, err := l.db.SQL.ExecContext(ctx, "SELECT make_fact_partition($1::date)", today.AddDate(0, 0, n).Format(time.DateOnly))
		if err != nil {
			return fmt.Errorf("make a day's partition of the facts: %w", err)
		}
	}
	return nil
}

// days are those that have a partition.
func (l *Log) days(ctx context.Context) ([]time.Time, error) {
	rows, err := l.db.SQL.QueryContext(ctx, `
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'facts'::regclass ORDER BY c.relname`)
	if err != nil {
		return nil, fmt.Errorf("read the partitions of the facts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var days []time.Time
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read a partition of the facts: %w", err)
		}
		if day, err := time.Parse(daySuffix, strings.TrimPrefix(name, "facts_")); err == nil {
			days = append(days, day)
		}
	}
	return days, rows.Err()
}

// How often the dropping of a day is tried, and for how long each time every change may have to wait behind it.
const (
	dropTries = 10
	dropWait  = 100 * time.Millisecond
)

func (l *Log) dropDay(ctx context.Context, day time.Time) error {
	var waits bool
	err := l.db.SQL.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM fact_queue WHERE fact_at >= $1 AND fact_at < $2)",
		day, day.AddDate(0, 0, 1)).Scan(&waits)
	if err != nil {
		return fmt.Errorf("look for facts that wait: %w", err)
	}
	if waits {
		l.o.Log.Warn("Facts are kept beyond their time because a consumer has yet to deal with them", "day", day.Format(time.DateOnly))
		return nil
	}
	for try := 1; ; try++ {
		err := l.tryDrop(ctx, day)
		if err == nil || !db.IsLocked(err) || try == dropTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * dropWait):
		}
	}
}

// tryDrop drops a day if its lock is to be had soon. The lock is short, but who waits for it holds up every change.
func (l *Log) tryDrop(ctx context.Context, day time.Time) error {
	tx, err := l.db.SQL.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", dropWait.Milliseconds())); err != nil {
		return fmt.Errorf("limit the wait: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DROP TABLE IF EXISTS facts_"+day.Format(daySuffix)); err != nil {
		return fmt.Errorf("drop a day's facts: %w", err)
	}
	return tx.Commit()
}
