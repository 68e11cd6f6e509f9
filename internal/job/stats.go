package job

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/internal/telemetry"
)

// Stat is how many jobs of a queue are in one state.
type Stat struct {
	Queue string
	State State
	Count int
	// Oldest is how long ago the first of them was inserted.
	Oldest time.Duration
}

// Stats counts the jobs that are not done, by queue and state. What there is none of is left out.
func (q *Queue) Stats(ctx context.Context) ([]Stat, error) {
	// The states one by one, so that an index finds the few rows among the many that are done.
	rows, err := q.db.SQL.QueryContext(ctx, `
		SELECT queue, `+stateOf+` AS what, count(*), extract(epoch FROM greatest(now() - min(created_at), '0'))::float8
		FROM river_job
		WHERE state IN ('available', 'scheduled', 'pending', 'running', 'retryable', 'discarded', 'cancelled')
		GROUP BY queue, what ORDER BY queue, what`)
	if err != nil {
		return nil, fmt.Errorf("count the jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Stat
	for rows.Next() {
		var s Stat
		var seconds float64
		if err := rows.Scan(&s.Queue, &s.State, &s.Count, &seconds); err != nil {
			return nil, fmt.Errorf("read a count of jobs: %w", err)
		}
		s.Oldest = time.Duration(seconds * float64(time.Second))
		all = append(all, s)
	}
	return all, rows.Err()
}

// Report tells operators how the queues stand. Every node tells the same.
func (q *Queue) Report(to *telemetry.Registry) {
	to.Gauges([]string{"queue", "state"}, func(ctx context.Context) ([]telemetry.Sample, error) {
		all, err := q.Stats(ctx)
		have := map[[2]string]Stat{}
		for _, s := range all {
			have[[2]string{s.Queue, string(s.State)}] = s
		}
		// What there is none of is told as well: an alarm can not be set on a number that is not there.
		for name := range q.names {
			for _, state := range []State{Waiting, Running, Retrying, Discarded} {
				at := [2]string{name, string(state)}
				have[at] = Stat{Count: have[at].Count, Oldest: have[at].Oldest}
			}
		}
		samples := make([]telemetry.Sample, 0, len(have))
		for at, s := range have {
			samples = append(samples, telemetry.Sample{Labels: at[:], Values: []float64{float64(s.Count), s.Oldest.Seconds()}})
		}
		return samples, err
	},
		telemetry.Gauge{Name: "convene_jobs", Help: "Jobs that are not done, by what becomes of them."},
		telemetry.Gauge{Name: "convene_jobs_oldest_seconds", Help: "How long ago the oldest of them was inserted."},
	)
}
