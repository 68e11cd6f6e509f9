package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type greeting struct{ Whom string }

// deadline is how long a test waits for what should take a second.
const deadline = 30 * time.Second

// open is a node's queue, with next to no backoff.
func open(t *testing.T, d *db.DB) *job.Queue {
	t.Helper()
	q, err := job.New(d, job.Options{Backoff: func(int) time.Duration { return 10 * time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func start(t *testing.T, q *job.Queue) {
	t.Helper()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, q) })
}

func stop(t *testing.T, q *job.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := q.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func insert[A any](t *testing.T, d *db.DB, k *job.Kind[A], args A) (id int64) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *ent.Tx) (err error) {
		id, err = k.Insert(t.Context(), tx, args)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// becomes waits until a job is in a state.
func becomes(t *testing.T, q *job.Queue, id int64, want job.State) job.Row {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		row, err := q.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if row.State == want {
			return row
		}
		if time.Now().After(end) {
			t.Fatalf("the job is %s and not %s: %+v", row.State, want, row)
		}
	}
}

func receive[T any](t *testing.T, from <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(deadline):
		t.Fatalf("%s did not happen", what)
	}
	return got
}

func TestInsert(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	q := open(t, d)
	done := make(chan string, 8)
	greet := job.Define(q, "test.greet", func(_ context.Context, j job.Job[greeting]) error {
		done <- j.Args.Whom
		return nil
	}, job.KindOptions{})
	start(t, q)
	t.Run("what is rolled back is not done, what is committed is", func(t *testing.T) {
		changed := errors.New("changed my mind")
		err := d.Tx(t.Context(), func(tx *ent.Tx) error {
			if _, err := greet.Insert(t.Context(), tx, greeting{"nobody"}); err != nil {
				t.Error(err)
			}
			return changed
		})
		if !errors.Is(err, changed) {
			t.Fatalf("got %v", err)
		}
		id := insert(t, d, greet, greeting{"Ada"})
		if got := receive(t, done, "the job"); got != "Ada" {
			t.Fatalf("greeted %s", got)
		}
		becomes(t, q, id, job.Done)
		if rows, err := q.List(t.Context(), 10); err != nil || len(rows) > 0 {
			t.Fatalf("left are %+v, %v", rows, err)
		}
	})
	t.Run("a node does not wait until it looks, but is woken by its own commit", func(t *testing.T) {
		// The workers look once a second: ten in less than half of that were not found by looking.
		var total time.Duration
		for range 10 {
			begin := time.Now()
			insert(t, d, greet, greeting{"Grace"})
			receive(t, done, "the job")
			total += time.Since(begin)
		}
		t.Logf("from before the insert to the work: %v on average", total/10)
		if total > 5*time.Second {
			t.Errorf("ten jobs took %v", total)
		}
	})
}

func TestNodes(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	const jobs = 60
	var done atomic.Int64
	last := make(chan struct{})
	var kinds []*job.Kind[greeting]
	var dbs []*db.DB
	for range 2 {
		d := testkit.Open(t, url)
		q := open(t, d)
		kinds = append(kinds, job.Define(q, "test.greet", func(context.Context, job.Job[greeting]) error {
			if done.Add(1) == jobs {
				close(last)
			}
			return nil
		}, job.KindOptions{}))
		dbs = append(dbs, d)
		start(t, q)
	}
	for i := range jobs {
		insert(t, dbs[i%2], kinds[i%2], greeting{fmt.Sprint(i)})
	}
	receive(t, last, "the last job")
	var rows int
	err := dbs[0].SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE attempt <= 1").Scan(&rows)
	if err != nil || rows != jobs || done.Load() != jobs {
		t.Fatalf("%d of %d rows were tried once, %d jobs done, %v", rows, jobs, done.Load(), err)
	}
}

func TestFailing(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	q := open(t, d)
	var attempts atomic.Int64
	flaky := job.Define(q, "test.flaky", func(_ context.Context, j job.Job[greeting]) error {
		attempts.Add(1)
		if j.Attempt < 3 {
			return errors.New("not yet")
		}
		return nil
	}, job.KindOptions{})
	var broken atomic.Bool
	broken.Store(true)
	hopeless := job.Define(q, "test.hopeless", func(context.Context, job.Job[greeting]) error {
		if broken.Load() {
			return job.Discard(errors.New("there is no such person"))
		}
		return nil
	}, job.KindOptions{})
	short := job.Define(q, "test.short", func(ctx context.Context, _ job.Job[greeting]) error {
		<-ctx.Done()
		return ctx.Err()
	}, job.KindOptions{Attempts: 1, Timeout: 20 * time.Millisecond})
	panicking := job.Define(q, "test.panicking", func(context.Context, job.Job[greeting]) error {
		panic("oh")
	}, job.KindOptions{Attempts: 1})
	start(t, q)
	t.Run("is tried again until it works", func(t *testing.T) {
		row := becomes(t, q, insert(t, d, flaky, greeting{}), job.Done)
		if attempts.Load() != 3 || row.Attempt != 3 || row.LastError != "not yet" {
			t.Fatalf("%d attempts, %+v", attempts.Load(), row)
		}
	})
	t.Run("is discarded at once where trying again is no use, until somebody says otherwise", func(t *testing.T) {
		id := insert(t, d, hopeless, greeting{})
		row := becomes(t, q, id, job.Discarded)
		if row.Attempt != 1 || !strings.Contains(row.LastError, "no such person") {
			t.Fatalf("got %+v", row)
		}
		stats, err := q.Stats(t.Context())
		if err != nil || len(stats) != 1 || stats[0].State != job.Discarded || stats[0].Count != 1 || stats[0].Queue != "default" {
			t.Fatalf("got %+v, %v", stats, err)
		}
		broken.Store(false)
		if _, err := q.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		becomes(t, q, id, job.Done)
	})
	t.Run("is stopped when its time is up", func(t *testing.T) {
		if row := becomes(t, q, insert(t, d, short, greeting{}), job.Discarded); !strings.Contains(row.LastError, "deadline") {
			t.Fatalf("got %+v", row)
		}
	})
	t.Run("by a panic does not end the node", func(t *testing.T) {
		if row := becomes(t, q, insert(t, d, panicking, greeting{}), job.Discarded); !strings.Contains(row.LastError, "oh") {
			t.Fatalf("got %+v", row)
		}
	})
}

func TestOperating(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	q, err := job.New(d, job.Options{Backoff: func(int) time.Duration { return time.Hour }})
	if err != nil {
		t.Fatal(err)
	}
	failing := job.Define(q, "test.failing", func(context.Context, job.Job[greeting]) error {
		return errors.New("away")
	}, job.KindOptions{Queue: "slow"})
	id := insert(t, d, failing, greeting{"Ada"})
	if row := becomes(t, q, id, job.Waiting); row.Kind != "test.failing" || row.Queue != "slow" || row.Next.IsZero() {
		t.Fatalf("got %+v", row)
	}
	start(t, q)
	row := becomes(t, q, id, job.Retrying)
	if row.LastError != "away" || row.Attempt != 1 || time.Until(row.Next) < 50*time.Minute {
		t.Fatalf("got %+v", row)
	}
	// Somebody else looks, from a process that does no jobs.
	elsewhere := testkit.DB(t)
	other, err := job.New(elsewhere, job.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = elsewhere.Tx(t.Context(), func(tx *ent.Tx) error { return other.Cancel(t.Context(), tx, id) })
	if err == nil || !strings.Contains(err.Error(), "there is no job") {
		t.Fatalf("got %v in another database", err)
	}
	regret := errors.New("regret")
	err = d.Tx(t.Context(), func(tx *ent.Tx) error { return errors.Join(q.Cancel(t.Context(), tx, id), regret) })
	if row, found := q.Find(t.Context(), id); !errors.Is(err, regret) || found != nil || row.State != job.Retrying {
		t.Fatalf("rolled back: %+v, %v, %v", row, err, found)
	}
	if err := d.Tx(t.Context(), func(tx *ent.Tx) error { return q.Cancel(t.Context(), tx, id) }); err != nil {
		t.Fatal(err)
	}
	if row, err := q.Find(t.Context(), id); err != nil || row.State != job.Cancelled || !row.Next.IsZero() {
		t.Fatalf("got %+v, %v", row, err)
	}
	stats, err := q.Stats(t.Context())
	if err != nil || len(stats) != 1 || stats[0].Queue != "slow" || stats[0].State != job.Cancelled || stats[0].Oldest <= 0 {
		t.Fatalf("got %+v, %v", stats, err)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	q := open(t, d)
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	patient := job.Define(q, "test.patient", func(context.Context, job.Job[greeting]) error {
		begun <- struct{}{}
		<-finish
		return nil
	}, job.KindOptions{Queue: "one"})
	endless := job.Define(q, "test.endless", func(ctx context.Context, _ job.Job[greeting]) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}, job.KindOptions{Queue: "two"})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	finishes, goesOn := insert(t, d, patient, greeting{}), insert(t, d, endless, greeting{})
	receive(t, begun, "the first")
	receive(t, begun, "the second")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	close(finish)
	if err := q.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	becomes(t, q, finishes, job.Done)
	if row := becomes(t, q, goesOn, job.Retrying); row.Attempt != 1 {
		t.Fatalf("got %+v", row)
	}
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	var hourly atomic.Int64
	ran := make(chan int, 100)
	var nodes []*job.Queue
	for n := range 2 {
		q := open(t, testkit.Open(t, url))
		q.Repeat(job.Periodic{Name: "test.hourly", Every: time.Hour, Do: func(context.Context) error {
			hourly.Add(1)
			return nil
		}})
		q.Repeat(job.Periodic{Name: "test.often", Every: time.Second, Do: func(context.Context) error {
			ran <- n
			return nil
		}})
		nodes = append(nodes, q)
	}
	begin := time.Now()
	start(t, nodes[0])
	start(t, nodes[1])
	for range 3 {
		receive(t, ran, "the work of each second")
	}
	// The first one led. It goes, and the other takes over, which inserts what is due at its start.
	stop(t, nodes[0])
	for len(ran) > 0 {
		<-ran
	}
	for range 2 {
		if n := receive(t, ran, "the work under another leader"); n != 1 {
			t.Fatal("the stopped node works")
		}
	}
	d := testkit.Open(t, url)
	var often int
	if err := d.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'test.often'").Scan(&often); err != nil {
		t.Fatal(err)
	}
	if most := int(time.Since(begin)/time.Second) + 2; often > most {
		t.Errorf("inserted %d times, more than %d seconds", often, most)
	}
	// Unless the hour has just changed.
	if n := hourly.Load(); n != 1 && begin.Truncate(time.Hour).Equal(time.Now().Truncate(time.Hour)) {
		t.Errorf("the work of the hour was done %d times", n)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	t.Run("several nodes at once", func(t *testing.T) {
		t.Parallel()
		url := testkit.EmptyDatabaseURL(t)
		errs := make(chan error, 4)
		for range 4 {
			d := testkit.Open(t, url)
			go func() { errs <- d.Migrate(t.Context(), migrate.Files, nil, job.Migrate) }()
		}
		for range 4 {
			if err := receive(t, errs, "the migration"); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("an older binary refuses newer tables", func(t *testing.T) {
		t.Parallel()
		d := testkit.DB(t)
		if _, err := d.SQL.ExecContext(t.Context(), "INSERT INTO river_migration (line, version) VALUES ('main', $1)", job.Version()+1); err != nil {
			t.Fatal(err)
		}
		err := d.Migrate(t.Context(), migrate.Files, nil, job.Migrate)
		if err == nil || !strings.Contains(err.Error(), "run a newer binary") {
			t.Fatalf("got %v", err)
		}
	})
}
