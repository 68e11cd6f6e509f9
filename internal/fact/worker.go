package fact

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// A worker works off one consumer's queue on this node. The workers of several nodes share the partitions.
type worker struct {
	Consumer
	log *Log
	// most is how much a batch takes at most; the running goroutine's alone.
	most int

	mu    sync.Mutex
	ready map[int]bool
	// resting are subjects whose bursts gather until a moment.
	resting map[uuid.UUID]time.Time
	woken   chan struct{}
}

// Consumer adds a consumer; before Start.
func (l *Log) Consumer(c Consumer) {
	for _, kind := range c.Kinds {
		if _, ok := l.catalogue[kind]; !ok {
			panic(fmt.Sprintf("fact: %s wants to know of %q, which the catalogue does not have", c.Name, kind))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.consumers[c.Name] = &worker{
		Consumer: c, log: l, most: batchMost, ready: map[int]bool{}, resting: map[uuid.UUID]time.Time{}, woken: make(chan struct{}, 1),
	}
}

// Start notes the consumers' interests, makes the partitions of the days to come, and begins to consume until
// Close.
func (l *Log) Start(ctx context.Context) error {
	if err := l.enlist(ctx); err != nil {
		return err
	}
	if err := l.makePartitions(ctx); err != nil {
		return err
	}
	taking, kill := context.WithCancel(viewer.AsSystem(context.WithoutCancel(ctx), "consume facts"))
	l.kill = kill
	ctx, l.stop = context.WithCancel(taking)
	for _, w := range l.consumers {
		l.done.Go(func() { w.run(ctx, taking) })
	}
	l.done.Go(func() { l.poll(ctx) })
	return nil
}

// closeTime is how long the batches that are being taken may go on at the end.
const closeTime = 5 * time.Second

// Close ends the consuming after the batches that are being taken. What is not done by then is rolled back, and
// taken by another node or the next time.
func (l *Log) Close() {
	if l.stop != nil {
		l.stop()
		defer l.kill()
		defer time.AfterFunc(closeTime, l.kill).Stop()
	}
	l.done.Wait()
}

// poll looks at all queues now and then, for what nobody has woken us for.
func (l *Log) poll(ctx context.Context) {
	for {
		queues, err := l.withWork(ctx)
		if err == nil {
			l.wake(queues...)
		} else if ctx.Err() == nil {
			l.o.Log.Debug("The queues of facts could not be looked at", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		// Spread, so that the nodes do not look all at once.
		case <-time.After(l.o.Poll/2 + rand.N(l.o.Poll)): //nolint:gosec // not a secret
		}
	}
}

func (w *worker) wake(partition int) {
	w.mu.Lock()
	w.ready[partition] = true
	w.mu.Unlock()
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// run takes what is ready until the context ends. A batch that is being taken then has its own.
func (w *worker) run(ctx, taking context.Context) {
	pause := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.woken:
		}
		parts := w.drain()
		if len(parts) == 0 {
			continue
		}
		more, err := w.take(taking, parts)
		if err == nil {
			pause = 0
			for _, p := range more.now {
				w.wake(p)
			}
			if len(more.busy) > 0 {
				time.AfterFunc(busyPause, func() {
					for _, p := range more.busy {
						w.wake(p)
					}
				})
			}
			continue
		}
		pause = min(max(2*pause, 100*time.Millisecond), 30*time.Second)
		w.log.o.Log.Warn("A consumer of facts has to wait", "consumer", w.Name, "for", pause, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, p := range parts {
			w.wake(p)
		}
	}
}

func (w *worker) drain() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	parts := make([]int, 0, len(w.ready))
	for p := range w.ready {
		parts = append(parts, p)
	}
	clear(w.ready)
	return parts
}

// busyPause is after which time a partition that another node works on is looked at again: what this node was
// woken for may have come too late for the other one's batch.
const busyPause = 15 * time.Millisecond

// takeTime is how long a batch may take. One that takes longer is tried again with narrower times less in it.
const (
	takeTime = 30 * time.Second
	narrower = 8
	// eachMost is how many are taken one by one in a transaction: PostgreSQL remembers 64 savepoints without effort.
	eachMost = 60
)

// take takes one batch of some partitions and answers which of them have more. If the batch fails, its facts
// are taken one by one, and what fails then is parked.
func (w *worker) take(ctx context.Context, parts []int) (more rest, err error) {
	var done []Done
	var tried Batch
	err = w.tx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		done = nil
		c, err := w.claim(ctx, tx, parts)
		tried = c.batch
		if more = c.more; err != nil {
			return err
		}
		if c.batch.IsEmpty() {
			return w.remove(ctx, tx, Batch{}, c.spent)
		}
		d, err := w.effect(ctx, tx, c.batch)
		if err != nil {
			return failed{err}
		}
		done = append(done, d)
		if err := w.remove(ctx, tx, c.batch, c.spent); err != nil {
			return failed{err} // the consumer's, if it has passed over the error of a statement
		}
		return nil
	})
	var why failed
	if errors.As(err, &why) && !isAway(why.error) {
		w.most = min(w.most, eachMost)
		more, done, err = w.takeEach(ctx, parts)
	}
	if err != nil {
		return rest{now: parts}, w.narrow(ctx, tried, err)
	}
	w.most = min(2*w.most, batchMost)
	for _, d := range done {
		w.after(d)
		w.gather(d.Rest)
	}
	return more, nil
}

// tx is a unit of work that may take so long.
func (w *worker) tx(ctx context.Context, work func(ctx context.Context, tx *ent.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.log.takeTime)
	defer cancel()
	return w.log.db.Tx(ctx, func(tx *ent.Tx) error { return work(ctx, tx) })
}

// narrow has less taken at once after a batch that did not get done in time. What alone takes too long is parked:
// else it would be tried for ever, and everything else of the consumer would wait.
func (w *worker) narrow(ctx context.Context, tried Batch, why error) error {
	if !db.IsTimeout(why) || errors.Is(why, ErrAway) {
		return why
	}
	if len(tried.Facts)+len(tried.Bursts) == 1 {
		return w.tx(ctx, func(ctx context.Context, tx *ent.Tx) error { return w.park(ctx, tx, tried, why) })
	}
	w.most = max(w.most/narrower, 1)
	return why
}

// after has what follows a commit happen. What was committed is done, whatever becomes of it.
func (w *worker) after(d Done) {
	defer func() {
		if p := recover(); p != nil {
			w.log.o.Log.Error("A consumer of facts panicked after its batch had been committed", "consumer", w.Name, "panic", p)
		}
	}()
	if d.After != nil {
		d.After()
	}
}

// effect has the effects of a batch. A consumer that panics has failed on it, and takes nothing else down.
func (w *worker) effect(ctx context.Context, tx *ent.Tx, b Batch) (d Done, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.Take(ctx, tx, b)
}

// failed marks the error of a consumer, as against one of the queue.
type failed struct{ error }

// Unwrap makes the consumer's own error visible.
func (f failed) Unwrap() error { return f.error }

// isAway tells whether an error is the fault of no fact.
func isAway(err error) bool {
	return errors.Is(err, ErrAway) || db.IsUnavailable(err) || db.IsDeadlock(err) || db.IsTimeout(err)
}

// takeEach takes the facts of a batch one by one, each behind a savepoint. The first of a subject that fails is
// parked, and what follows of that subject stays where it is.
func (w *worker) takeEach(ctx context.Context, parts []int) (more rest, done []Done, err error) {
	err = w.tx(ctx, func(ctx context.Context, tx *ent.Tx) error {
		done = nil
		c, err := w.claim(ctx, tx, parts)
		if more = c.more; err != nil {
			return err
		}
		var gone Batch
		parked := map[uuid.UUID]bool{}
		for _, one := range c.batch.each() {
			subject := one.subjects()[0]
			if parked[subject] {
				continue
			}
			d, err := w.takeOne(ctx, tx, one)
			var why failed
			switch {
			case errors.As(err, &why) && !isAway(why.error):
				parked[subject] = true
				if err := w.park(ctx, tx, one, why.error); err != nil {
					return err
				}
			case err != nil:
				return err
			default:
				done = append(done, d)
				gone.Facts, gone.Bursts = append(gone.Facts, one.Facts...), append(gone.Bursts, one.Bursts...)
			}
		}
		return w.remove(ctx, tx, gone, c.spent)
	})
	return more, done, err
}

func (w *worker) takeOne(ctx context.Context, tx *ent.Tx, one Batch) (Done, error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return Done{}, fmt.Errorf("set a savepoint: %w", err)
	}
	d, err := w.effect(ctx, tx, one)
	if err == nil {
		// Fails if the consumer has passed over the error of a statement.
		if _, err = tx.ExecContext(ctx, "RELEASE SAVEPOINT one"); err == nil {
			return d, nil
		}
	}
	if _, back := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT one"); back != nil {
		return Done{}, fmt.Errorf("go back to the savepoint: %w", back)
	}
	return Done{}, failed{err}
}

// gather lets the bursts of some subjects gather, and comes back for them.
func (w *worker) gather(subjects map[uuid.UUID]time.Duration) {
	for subject, d := range subjects {
		if d <= 0 {
			continue
		}
		w.mu.Lock()
		w.resting[subject] = time.Now().Add(d)
		w.mu.Unlock()
		time.AfterFunc(d, func() {
			w.mu.Lock()
			delete(w.resting, subject)
			w.mu.Unlock()
			w.wake(partitionOf(subject))
		})
	}
}

// rested are the subjects whose bursts gather now.
func (w *worker) rested() []uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, all := time.Now(), make([]uuid.UUID, 0, len(w.resting))
	for subject, until := range w.resting {
		if until.After(now) {
			all = append(all, subject)
		}
	}
	return all
}
