package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/convenehq/convene/internal/db"
)

const (
	// pollEvery is how often a node looks for jobs that others left, or whose time has come. Its own ones
	// wake it at once.
	pollEvery = time.Second
	// rescueAfter is how long after its timeout a job of a node that died is given to another one.
	rescueAfter = 2 * time.Minute
	// finishedKept is for how long a finished job can be looked up.
	finishedKept = 24 * time.Hour
	// failedKept is for how long one that was discarded can be looked up and tried again.
	failedKept = 14 * 24 * time.Hour
)

// Options are the settings of a queue; the zero value is good.
type Options struct {
	// Workers is how many jobs of a queue a node does at the same time; 0 means 8.
	Workers int
	// Backoff is how long to wait after the nth failed attempt; nil means n⁴ seconds, and a little more or
	// less: 1 s, 16 s, 81 s, 4 min, 10 min, …
	Backoff func(attempt int) time.Duration
	// Log is told what fails; nil means slog's default.
	Log *slog.Logger
}

// A Queue takes jobs, and after Start does them. Those that only look or insert never start it.
type Queue struct {
	db     *db.DB
	o      Options
	driver *wakingDriver
	// insert is a client that does no work: it exists before all kinds are known.
	insert   *river.Client[*sql.Tx]
	working  *river.Client[*sql.Tx]
	workers  *river.Workers
	names    map[string]river.QueueConfig
	periodic []*river.PeriodicJob
	// longest are the longest timeout and period of all kinds.
	longestTimeout, longestPeriod time.Duration
}

// New makes a queue on a database. Define what it does, then start it.
func New(d *db.DB, o Options) (*Queue, error) {
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	q := &Queue{
		db: d, o: o, driver: newWakingDriver(d.SQL),
		workers: river.NewWorkers(), names: map[string]river.QueueConfig{},
	}
	var err error
	if q.insert, err = river.NewClient(q.driver, &river.Config{Logger: quiet(o.Log)}); err != nil {
		return nil, fmt.Errorf("open the jobs: %w", err)
	}
	return q, nil
}

// Start begins to do jobs, until Stop.
func (q *Queue) Start(ctx context.Context) error {
	config := &river.Config{
		CancelledJobRetentionPeriod: failedKept,
		CompletedJobRetentionPeriod: max(finishedKept, 2*q.longestPeriod),
		DiscardedJobRetentionPeriod: failedKept,
		FetchPollInterval:           pollEvery,
		Logger:                      quiet(q.o.Log),
		PeriodicJobs:                q.periodic,
		Queues:                      q.names,
		RescueStuckJobsAfter:        q.longestTimeout + rescueAfter,
		Workers:                     q.workers,
	}
	if q.o.Backoff != nil {
		config.RetryPolicy = backoff(q.o.Backoff)
	}
	working, err := river.NewClient(q.driver, config)
	if err != nil {
		return fmt.Errorf("set the jobs up: %w", err)
	}
	// The jobs on their way end in Stop, not with whatever ends the node.
	if err := working.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the jobs: %w", err)
	}
	q.working = working
	return nil
}

// cancelTime is what jobs have that did not finish in time, to notice that they are cancelled.
const cancelTime = 2 * time.Second

// Stop takes no more jobs and waits for those on their way. When the context ends, they are cancelled, and
// will be tried again by whoever is there.
func (q *Queue) Stop(ctx context.Context) error {
	if q.working == nil {
		return nil
	}
	err := q.working.Stop(ctx)
	if err == nil {
		return nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	if err := q.working.StopAndCancel(late); err != nil {
		return fmt.Errorf("cancel the jobs that did not finish: %w", err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("stop the jobs: %w", err)
}

type backoff func(attempt int) time.Duration

// NextRetry implements river's policy.
func (b backoff) NextRetry(row *rivertype.JobRow) time.Time { return time.Now().Add(b(row.Attempt)) }
