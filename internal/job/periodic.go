package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// Periodic is work that comes again and again, on one node each time.
type Periodic struct {
	// Name is that of its jobs, dotted: "account.sweep".
	Name string
	// Every is how often; at least a second.
	Every time.Duration
	// Timeout is how long it may take; 0 means five minutes.
	Timeout time.Duration
	// Do is the work. If it fails it is tried again, a few times before the next one is due anyway.
	Do func(context.Context) error
}

// upkeep is the queue of periodic work: nobody waits for it, and it does not keep anybody waiting.
const upkeep = "upkeep"

// Repeat has periodic work done. The leader among the nodes inserts a job when it starts to lead and then
// whenever the time has come; a job of the same period that exists already makes that do nothing, so neither a
// restart nor a change of leaders does the work twice.
func (q *Queue) Repeat(p Periodic) {
	if p.Timeout == 0 {
		p.Timeout = 5 * time.Minute
	}
	type nothing struct{}
	k := Define(q, p.Name, func(ctx context.Context, _ Job[nothing]) error { return p.Do(ctx) },
		KindOptions{Queue: upkeep, Attempts: 4, Timeout: p.Timeout})
	q.longestPeriod = max(q.longestPeriod, p.Every)
	q.periodic = append(q.periodic, river.NewPeriodicJob(
		river.PeriodicInterval(p.Every),
		func() (river.JobArgs, *river.InsertOpts) {
			return envelope[nothing]{kind: k.name}, &river.InsertOpts{
				Queue: k.o.Queue, MaxAttempts: k.o.Attempts,
				UniqueOpts: river.UniqueOpts{ByPeriod: p.Every},
			}
		},
		&river.PeriodicJobOpts{ID: p.Name, RunOnStart: true},
	))
}
