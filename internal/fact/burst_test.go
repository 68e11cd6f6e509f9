package fact_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
)

// enlist makes consumers known to the database by starting and stopping a node that has them.
func enlist(t *testing.T, d *db.DB, consumers ...fact.Consumer) {
	t.Helper()
	l, start := newLog(t, d, consumers...)
	start()
	l.Close()
}

func TestBursts(t *testing.T) {
	t.Parallel()

	t.Run("many happenings reach the consumer as few, and the last of them always", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		enlist(t, d, writes("one", nil))
		l, start := newLog(t, d, writes("one", nil))
		a := newID()
		last := int64(0)
		shake := func() {
			err := d.Tx(t.Context(), func(tx *ent.Tx) error {
				// Numbers are taken under the lock of what shakes: they rise with the commits.
				if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil {
					return err
				}
				last++
				n := last
				return l.Note(t.Context(), tx, "thing.shook", fact.Burst{Subject: a, Since: n, Through: n})
			})
			if err != nil {
				t.Error(err)
			}
		}
		for range 50 {
			shake()
		}
		start()
		eventually(t, "the first fifty are one", func() bool { return len(effects(t, d, "one", a)) == 1 })
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for range 50 {
					shake()
				}
			})
		}
		wait.Wait()
		eventually(t, "the last is there", func() bool {
			// Four at once, so a lower number may come after it.
			got := effects(t, d, "one", a)
			return got[len(got)-1] == 250
		})
	})

	t.Run("what is added while a batch is taken stays, from where the batch ended", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		taken, goOn := make(chan fact.Burst, 10), make(chan struct{})
		slow := fact.Consumer{
			Name: "slow", Kinds: []string{"thing.shook"},
			Take: func(_ context.Context, _ *ent.Tx, b fact.Batch) (fact.Done, error) {
				taken <- b.Bursts[0]
				select {
				case <-goOn:
				case <-t.Context().Done():
				}
				return fact.Done{}, nil
			},
		}
		enlist(t, d, slow)
		l, start := newLog(t, d, slow)
		a, person := newID(), newID()
		note := func(through int64) {
			err := d.Tx(t.Context(), func(tx *ent.Tx) error {
				return l.Note(t.Context(), tx, "thing.shook", fact.Burst{Subject: a, Person: person, Since: through, Through: through})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		note(3)
		start()
		if b := <-taken; b != (fact.Burst{Kind: "thing.shook", Subject: a, Person: person, Since: 3, Through: 3}) {
			t.Fatalf("got %+v", b)
		}
		note(7) // does not wait for the consumer
		note(9)
		goOn <- struct{}{}
		if b := <-taken; b.Since != 4 || b.Through != 9 {
			t.Fatalf("got %+v", b)
		}
		close(goOn)
		eventually(t, "the queue is empty", func() bool {
			stats, err := l.Stats(t.Context())
			return err == nil && stats[0].Depth == 0
		})
	})

	t.Run("what is being added when a batch is done is taken alone, and what is given up then not at all", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		taken, goOn, after := make(chan fact.Burst, 10), make(chan struct{}), make(chan struct{}, 10)
		slow := fact.Consumer{
			Name: "slow", Kinds: []string{"thing.shook"},
			Take: func(_ context.Context, _ *ent.Tx, b fact.Batch) (fact.Done, error) {
				taken <- b.Bursts[0]
				select {
				case <-goOn:
				case <-t.Context().Done():
				}
				return fact.Done{After: func() { after <- struct{}{} }}, nil
			},
		}
		enlist(t, d, slow)
		l, start := newLog(t, d, slow)
		a := newID()
		note := func(tx *ent.Tx, n int64) error {
			return l.Note(t.Context(), tx, "thing.shook", fact.Burst{Subject: a, Since: n, Through: n})
		}
		if err := d.Tx(t.Context(), func(tx *ent.Tx) error { return note(tx, 3) }); err != nil {
			t.Fatal(err)
		}
		start()
		regret := errors.New("regret")
		for n, outcome := range []error{nil, regret} {
			if b := <-taken; b.Since != 3+int64(n) || b.Through != b.Since {
				t.Fatalf("got %+v", b)
			}
			err := d.Tx(t.Context(), func(tx *ent.Tx) error {
				if err := note(tx, 4+int64(n)); err != nil {
					return err
				}
				goOn <- struct{}{}
				<-after
				return outcome
			})
			if !errors.Is(err, outcome) {
				t.Fatal(err)
			}
		}
		eventually(t, "nothing is left", func() bool {
			stats, err := l.Stats(t.Context())
			return err == nil && stats[0].Depth == 0
		})
		if len(taken) > 0 {
			t.Fatalf("got %+v again", <-taken)
		}
	})

	t.Run("a subject that rests is left alone, and come back for", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		times := make(chan time.Time, 10)
		const pause = 300 * time.Millisecond
		l, start := newLog(t, d, fact.Consumer{
			Name: "calm", Kinds: []string{"thing.shook"},
			Take: func(_ context.Context, _ *ent.Tx, b fact.Batch) (fact.Done, error) {
				times <- time.Now()
				return fact.Done{Rest: map[uuid.UUID]time.Duration{b.Bursts[0].Subject: pause}}, nil
			},
		})
		start()
		a := newID()
		for n := range int64(2) {
			err := d.Tx(t.Context(), func(tx *ent.Tx) error {
				return l.Note(t.Context(), tx, "thing.shook", fact.Burst{Subject: a, Since: n, Through: n})
			})
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				eventually(t, "the first was taken", func() bool { return len(times) == 1 })
			}
		}
		if first, second := <-times, <-times; second.Sub(first) < pause {
			t.Fatalf("came back after %v", second.Sub(first))
		}
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	now := time.Now()
	l := fact.New(d, fact.NewCatalogue(kinds), fact.Options{Clock: func() time.Time { return now }})
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	count := func() (facts, days int) {
		err := d.SQL.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM facts),
			(SELECT count(*) FROM pg_inherits WHERE inhparent = 'facts'::regclass)`).Scan(&facts, &days)
		if err != nil {
			t.Fatal(err)
		}
		return facts, days
	}
	happen(t, d, l, newID())
	// One of a day that never got a partition.
	_, err := d.SQL.ExecContext(t.Context(), "INSERT INTO facts (at, kind, subject_id) VALUES ($1, 'thing.happened', $2)",
		now.AddDate(0, 0, -50), newID())
	if err != nil {
		t.Fatal(err)
	}
	// Two of a day that had no partition yet, of which one is still queued.
	old := now.AddDate(0, 0, -40)
	for range 2 {
		_, err := d.SQL.ExecContext(t.Context(), `WITH f AS (INSERT INTO facts (at, kind, subject_id) VALUES ($1, 'thing.happened', $2) RETURNING id, at)
			INSERT INTO fact_queue SELECT 'slow', 0, id, at, $2 FROM f`, old, newID())
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.SQL.ExecContext(t.Context(), "SELECT make_fact_partition($1::date)", old.UTC().Format(time.DateOnly)); err != nil {
		t.Fatal(err)
	}
	_, before := count()
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if facts, days := count(); facts != 3 || days != before {
		t.Fatalf("%d facts, %d of %d partitions: what is queued has to stay", facts, days, before)
	}
	if _, err := d.SQL.ExecContext(t.Context(), "DELETE FROM fact_queue"); err != nil {
		t.Fatal(err)
	}
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if facts, days := count(); facts != 1 || days != before-1 {
		t.Fatalf("%d facts in %d partitions are left, want 1 in %d", facts, days, before-1)
	}
	// A week later there are a week's more days.
	now = now.AddDate(0, 0, 7)
	if err := l.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, days := count(); days != before-1+7 {
		t.Fatalf("%d partitions, want %d", days, before-1+7)
	}
}
