package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
)

// A Job is one thing to do, on one of its attempts.
type Job[A any] struct {
	ID      int64
	Attempt int
	// Created is when it was inserted: the same on every attempt.
	Created time.Time
	Args    A
}

// KindOptions say how the jobs of a kind are done; the zero value is good.
type KindOptions struct {
	// Queue is whose workers do them; empty means "default". What waits for others has a queue of its own, so
	// that nothing else waits behind it.
	Queue string
	// Attempts is how often they are tried before they are discarded; 0 means 14, which is about a day.
	Attempts int
	// Timeout is how long one attempt may take; 0 means a minute.
	Timeout time.Duration
}

// A Kind is jobs of one name. Their arguments are stored as JSON for weeks: ids, and nothing personal.
type Kind[A any] struct {
	queue *Queue
	name  string
	o     KindOptions
}

// Define says what the jobs of a name do. The name is dotted and never changes: rows have it.
func Define[A any](q *Queue, name string, do func(context.Context, Job[A]) error, o KindOptions) *Kind[A] {
	o.Queue = cmp.Or(o.Queue, river.QueueDefault)
	o.Attempts = cmp.Or(o.Attempts, 14)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	q.names[o.Queue] = river.QueueConfig{MaxWorkers: q.o.Workers}
	q.longestTimeout = max(q.longestTimeout, o.Timeout)
	river.AddWorkerArgs(q.workers, envelope[A]{kind: name}, &worker[A]{queue: q, timeout: o.Timeout, do: do})
	return &Kind[A]{queue: q, name: name, o: o}
}

// Insert adds a job that is there once the transaction has committed, and not at all if it does not. It
// answers the job's number.
func (k *Kind[A]) Insert(ctx context.Context, tx *ent.Tx, args A) (int64, error) {
	raw, err := tx.SQLTx()
	if err != nil {
		return 0, fmt.Errorf("insert a job %s: %w", k.name, err)
	}
	done, err := k.queue.insert.InsertTx(ctx, raw, envelope[A]{k.name, args}, &river.InsertOpts{Queue: k.o.Queue, MaxAttempts: k.o.Attempts})
	if err != nil {
		return 0, fmt.Errorf("insert a job %s: %w", k.name, err)
	}
	db.AfterCommit(tx, func() { k.queue.driver.wake(k.o.Queue) })
	return done.Job.ID, nil
}

// Discard makes an error final: the job is not tried again, unless somebody says so.
func Discard(err error) error { return river.JobCancel(err) }

// riversOwn is what river's error for that begins with, which tells nobody anything.
const riversOwn = "JobCancelError: "

// envelope gives arguments of any type the name that river asks them for.
type envelope[A any] struct {
	kind string
	args A
}

// Kind implements river.JobArgs.
func (e envelope[A]) Kind() string { return e.kind }

// MarshalJSON writes the arguments alone.
func (e envelope[A]) MarshalJSON() ([]byte, error) { return json.Marshal(e.args) }

// UnmarshalJSON reads the arguments alone.
func (e *envelope[A]) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &e.args) }

type worker[A any] struct {
	river.WorkerDefaults[envelope[A]]
	queue   *Queue
	timeout time.Duration
	do      func(context.Context, Job[A]) error
}

// Timeout implements river.Worker.
func (w *worker[A]) Timeout(*river.Job[envelope[A]]) time.Duration { return w.timeout }

// Work implements river.Worker.
func (w *worker[A]) Work(ctx context.Context, j *river.Job[envelope[A]]) error {
	err := w.do(ctx, Job[A]{ID: j.ID, Attempt: j.Attempt, Created: j.CreatedAt, Args: j.Args.args})
	if err == nil {
		return nil
	}
	log := w.queue.o.Log.With("kind", j.Kind, "job", j.ID, "attempt", j.Attempt, "error", strings.TrimPrefix(err.Error(), riversOwn))
	var final *rivertype.JobCancelError
	switch {
	case errors.As(err, &final):
		log.ErrorContext(ctx, "A job failed for good and is discarded")
	case j.Attempt >= j.MaxAttempts:
		log.ErrorContext(ctx, "A job failed for the last time and is discarded; `convene jobs retry` tries it again")
	default:
		log.WarnContext(ctx, "A job failed and will be tried again")
	}
	return err
}
