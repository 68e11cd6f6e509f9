package main

import (
	"context"
	"fmt"
	"os"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/viewer"
)

type jobsCommand struct {
	List   jobsList   `cmd:"" default:"withargs" help:"Show the jobs that are not done: waiting, running, retrying, discarded and cancelled ones, with their last error and next try. Example: DATABASE_URL=… convene jobs list"`
	Retry  jobsRetry  `cmd:"" help:"Try a job again now, whatever became of it. Example: DATABASE_URL=… convene jobs retry 42"`
	Cancel jobsCancel `cmd:"" help:"Do not do a job; one that is running finishes its attempt and is not tried again. Example: DATABASE_URL=… convene jobs cancel 42"`
}

type jobsList struct {
	Limit int `default:"100" help:"Show at most so many, the newest first."`
}

// Run prints the jobs that are not done.
func (l jobsList) Run(ctx context.Context, c config.Config) error {
	return withJobs(ctx, c, func(_ *db.DB, jobs *job.Queue) error {
		rows, err := jobs.List(ctx, l.Limit)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			say("Every job is done.")
			return nil
		}
		w := table(os.Stdout, "JOB", "KIND", "STATE", "ATTEMPT", "INSERTED", "NEXT TRY", "LAST ERROR")
		for _, r := range rows {
			cells(w, fmt.Sprint(r.ID), r.Kind, string(r.State), fmt.Sprintf("%d of %d", r.Attempt, r.MaxAttempts),
				moment(r.Created), moment(r.Next), short(r.LastError, 120))
		}
		return w.Flush()
	})
}

type jobsRetry struct {
	ID int64 `arg:"" help:"The job's number."`
}

// Run tries a job again.
func (r jobsRetry) Run(ctx context.Context, c config.Config) error {
	return withJobs(ctx, c, func(_ *db.DB, jobs *job.Queue) error {
		return tell(jobs.Retry(ctx, r.ID))
	})
}

type jobsCancel struct {
	ID int64 `arg:"" help:"The job's number."`
}

// Run cancels a job.
func (r jobsCancel) Run(ctx context.Context, c config.Config) error {
	return withJobs(ctx, c, func(d *db.DB, jobs *job.Queue) error {
		was, err := jobs.Find(ctx, r.ID)
		if err != nil {
			return err
		}
		err = d.Tx(ctx, func(tx *ent.Tx) error {
			if err := jobs.Cancel(ctx, tx, r.ID); err != nil {
				return err
			}
			return audit.Write(viewer.AsOperator(ctx), tx, audit.Entry{
				Action: audit.JobCancelled, Target: audit.Target{Kind: "job"},
				Diff: audit.Diff{"job": audit.FromTo(r.ID, nil), "kind": audit.FromTo(was.Kind, nil)},
			})
		})
		if err != nil {
			return err
		}
		return tell(jobs.Find(ctx, r.ID))
	})
}

func tell(r job.Row, err error) error {
	if err != nil {
		return err
	}
	say("Job %d (%s) is %s.", r.ID, r.Kind, r.State)
	return nil
}

// withJobs opens the jobs of the database that the settings name, to look at them or insert some.
func withJobs(ctx context.Context, c config.Config, do func(*db.DB, *job.Queue) error) error {
	return withDB(ctx, c, func(d *db.DB) error {
		jobs, err := job.New(d, job.Options{})
		if err != nil {
			return err
		}
		return do(d, jobs)
	})
}
