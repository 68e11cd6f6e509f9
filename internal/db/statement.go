package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/convenehq/convene/internal/telemetry"
)

var (
	sqlSeconds = telemetry.NewHistograms("convene_sql_duration_seconds",
		"How long PostgreSQL took to begin its answer to a statement, by the statement's first word. The count is the number of statements.",
		telemetry.ShortSeconds(), "verb")
	sqlErrors = telemetry.NewCounters("convene_sql_errors_total",
		"Statements that failed: unavailable (PostgreSQL away, starting or full), timeout, deadlock, unique (a key that exists, often on purpose), other.", "kind")
)

// The first words of statements, by which they are told apart. Each has its series from the start.
var verbs = func() map[string]telemetry.Observer {
	all := map[string]telemetry.Observer{}
	for _, verb := range []string{"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK", otherVerb} {
		all[verb] = sqlSeconds.WithLabelValues(verb)
	}
	for _, kind := range []string{"unavailable", "timeout", "deadlock", "unique", "other"} {
		sqlErrors.WithLabelValues(kind)
	}
	return all
}()

const otherVerb = "OTHER"

// A statement is one that runs: it is timed, and in a request whose trace is collected it is a span. The span
// shows the text, which has no values, and never the parameters.
type statement struct {
	seconds telemetry.Observer
	start   time.Time
	span    telemetry.Span
}

func begin(ctx context.Context, text string) (context.Context, statement) {
	verb, seconds := verbOf(text)
	ctx, span := telemetry.Start(ctx, verb, telemetry.Calling)
	telemetry.SetText(span, "db.system.name", "postgresql")
	telemetry.SetText(span, "db.query.text", text)
	return ctx, statement{seconds, time.Now(), span}
}

// end notes how it went. Rows are still to be read then; that time is the reader's.
func (s statement) end(err error) {
	s.seconds.Observe(time.Since(s.start).Seconds())
	if err != nil && !errors.Is(err, driver.ErrSkip) {
		kind := kindOf(err)
		sqlErrors.WithLabelValues(kind).Inc()
		telemetry.Fail(s.span, kind)
	}
	s.span.End()
}

func kindOf(err error) string {
	switch {
	case IsTimeout(err):
		return "timeout"
	case IsUnavailable(err):
		return "unavailable"
	case IsDeadlock(err):
		return "deadlock"
	case IsUnique(err, ""):
		return "unique"
	}
	return "other"
}

func verbOf(text string) (string, telemetry.Observer) {
	text = strings.TrimLeft(text, " \t\n")
	if end := strings.IndexAny(text, " \t\n"); end > 0 {
		text = text[:end]
	}
	if seconds, ok := verbs[text]; ok {
		return text, seconds
	}
	return otherVerb, verbs[otherVerb]
}

// tx times the end of a transaction, where PostgreSQL waits for its disk.
type tx struct {
	driver.Tx
	ctx context.Context //nolint:containedctx // database/sql commits without one
}

// Commit implements driver.Tx.
func (t tx) Commit() error {
	_, s := begin(t.ctx, "COMMIT")
	err := t.Tx.Commit()
	s.end(err)
	return err
}

// Rollback implements driver.Tx.
func (t tx) Rollback() error {
	_, s := begin(t.ctx, "ROLLBACK")
	err := t.Tx.Rollback()
	s.end(err)
	return err
}

// Report tells operators of the pool, and how far the database was migrated.
func (d *DB) Report(to *telemetry.Registry) {
	to.Pool(d.SQL)
	to.Gauge("convene_migration_version", "The newest migration that this node knows and found or made applied; 0 before.",
		func() float64 { return float64(d.migrated.Load()) })
}
