package account

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// mostPeriods is how long a time series may be.
const mostPeriods = 1000

// ActivityPeriod is how long one period of a time series is.
type ActivityPeriod string

// The periods there are.
const (
	PeriodHour ActivityPeriod = "HOUR"
	PeriodDay  ActivityPeriod = "DAY"
)

// length of a period; in UTC all days have 24 hours.
func (p ActivityPeriod) length() time.Duration {
	if p == PeriodDay {
		return 24 * time.Hour
	}
	return time.Hour
}

// SignInActivity is what happened in one period.
type SignInActivity struct {
	At                                               time.Time
	Attempts, Successes, Failures, Banned, Throttled int
	ResetsRequested, Resets, Registrations           int
}

// Activity is how signing in went, for admins and the operator: a period for each hour or day from the one moment to
// the other, in one statement however many there are.
func (s *Service) Activity(ctx context.Context, from, to time.Time, period ActivityPeriod) ([]*SignInActivity, error) {
	if err := viewer.RequireAdmin(ctx); err != nil {
		return nil, err
	}
	length := period.length()
	from, to = from.UTC().Truncate(length), to.UTC()
	switch {
	case !to.After(from):
		return nil, fault.BadRequest([]string{"to"}, "The end has to come after the beginning.")
	case to.Sub(from) > mostPeriods*length:
		return nil, fault.BadRequest([]string{"to"}, "At most %d periods at once.", mostPeriods)
	}
	rows, err := s.db.SQL.QueryContext(ctx, `
SELECT p.at, coalesce(n.signed_in, 0), coalesce(n.failed, 0), coalesce(n.banned, 0), coalesce(n.throttled, 0),
	coalesce(n.asked, 0), coalesce(n.reset, 0), coalesce(n.registered, 0)
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 microsecond', $3 * interval '1 second') AS p (at)
LEFT JOIN (
	SELECT date_bin($3 * interval '1 second', created_at, $1::timestamptz) AS at,
		count(*) FILTER (WHERE outcome = 'SIGNED_IN') AS signed_in,
		count(*) FILTER (WHERE outcome = 'FAILED') AS failed,
		count(*) FILTER (WHERE outcome = 'BANNED') AS banned,
		count(*) FILTER (WHERE outcome = 'THROTTLED') AS throttled,
		count(*) FILTER (WHERE outcome = 'RESET_REQUESTED') AS asked,
		count(*) FILTER (WHERE outcome = 'RESET') AS reset,
		count(*) FILTER (WHERE outcome = 'REGISTERED') AS registered
	FROM login_attempts WHERE created_at >= $1 AND created_at < $2
	GROUP BY 1
) n ON n.at = p.at
ORDER BY p.at`, from, to, int(length.Seconds()))
	if err != nil {
		return nil, fmt.Errorf("count attempts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []*SignInActivity{}
	for rows.Next() {
		var a SignInActivity
		err := rows.Scan(&a.At, &a.Successes, &a.Failures, &a.Banned, &a.Throttled, &a.ResetsRequested, &a.Resets, &a.Registrations)
		if err != nil {
			return nil, fmt.Errorf("read a count of attempts: %w", err)
		}
		a.At, a.Attempts = a.At.UTC(), a.Successes+a.Failures+a.Banned+a.Throttled
		all = append(all, &a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count attempts: %w", err)
	}
	return all, nil
}
