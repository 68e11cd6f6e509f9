package fact_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(mortalEnv); url != "" {
		fmt.Fprintln(os.Stderr, "a node that was to be killed ended:", mortal(url))
		os.Exit(1)
	}
	testkit.Main(m)
}

var kinds = []fact.Kind{
	{Name: "thing.happened", Subject: "thing", Says: "A thing happened."},
	{Name: "thing.met", Subject: "thing", Refs: []string{"other"}, Says: "Two things met."},
	{Name: "thing.shook", Subject: "thing", IsBurst: true, Says: "A thing shakes."},
}

// newDB is a database with a table for the effects of consumers, in the order in which they were had.
func newDB(t testing.TB) *db.DB {
	t.Helper()
	return withEffects(t, testkit.DB(t))
}

func withEffects(t testing.TB, d *db.DB) *db.DB {
	t.Helper()
	_, err := d.SQL.ExecContext(t.Context(),
		"CREATE TABLE effects (n bigserial, consumer text, subject uuid, id bigint)")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newLog is a log whose consumers begin when start is called.
func newLog(t testing.TB, d *db.DB, consumers ...fact.Consumer) (l *fact.Log, start func()) {
	t.Helper()
	l = fact.New(d, fact.NewCatalogue(kinds), fact.Options{Poll: 100 * time.Millisecond})
	for _, c := range consumers {
		l.Consumer(c)
	}
	return l, func() {
		t.Helper()
		if err := l.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
	}
}

// writes is a consumer that writes a row for each fact and burst; fails may make it fail.
func writes(name string, fails func(fact.Fact) error) fact.Consumer {
	return fact.Consumer{
		Name: name, Kinds: []string{"thing.happened", "thing.met", "thing.shook"},
		Take: func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
			for _, f := range b.Facts {
				if fails != nil {
					if err := fails(f); err != nil {
						return fact.Done{}, err
					}
				}
				if err := effect(ctx, tx, name, f.Subject, f.ID); err != nil {
					return fact.Done{}, err
				}
			}
			for _, x := range b.Bursts {
				if err := effect(ctx, tx, name, x.Subject, x.Through); err != nil {
					return fact.Done{}, err
				}
			}
			return fact.Done{}, nil
		},
	}
}

func effect(ctx context.Context, tx *ent.Tx, consumer string, subject uuid.UUID, id int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO effects (consumer, subject, id) VALUES ($1, $2, $3)", consumer, subject, id)
	return err
}

func happen(t testing.TB, d *db.DB, l *fact.Log, subjects ...uuid.UUID) {
	t.Helper()
	err := d.Tx(t.Context(), func(tx *ent.Tx) error {
		facts := make([]fact.Fact, len(subjects))
		for i, s := range subjects {
			facts[i] = fact.Fact{Kind: "thing.happened", Subject: s}
		}
		return l.Store(t.Context(), tx, facts...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// effects are the ids that a consumer has written for a subject, in order.
func effects(t testing.TB, d *db.DB, consumer string, subject uuid.UUID) []int64 {
	t.Helper()
	rows, err := d.SQL.QueryContext(t.Context(), "SELECT id FROM effects WHERE consumer = $1 AND subject = $2 ORDER BY n", consumer, subject)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		all = append(all, id)
	}
	return all
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came about: %s", what)
		}
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func TestFacts(t *testing.T) {
	t.Parallel()

	t.Run("every consumer has the effects of what was committed, in order and once", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		l, start := newLog(t, d, writes("one", nil), writes("two", nil))
		start()
		a, b := newID(), newID()
		for range 20 {
			happen(t, d, l, a, b, a)
		}
		for _, consumer := range []string{"one", "two"} {
			eventually(t, consumer+" is done", func() bool {
				return len(effects(t, d, consumer, a)) == 40 && len(effects(t, d, consumer, b)) == 20
			})
			if got := effects(t, d, consumer, a); !slices.IsSorted(got) {
				t.Fatalf("out of order: %v", got)
			}
		}
	})

	t.Run("what was rolled back never happened", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		l, start := newLog(t, d, writes("one", nil))
		start()
		a := newID()
		regret := errors.New("regret")
		err := d.Tx(t.Context(), func(tx *ent.Tx) error {
			if err := l.Store(t.Context(), tx, fact.Fact{Kind: "thing.happened", Subject: a}); err != nil {
				return err
			}
			return regret
		})
		if !errors.Is(err, regret) {
			t.Fatal(err)
		}
		happen(t, d, l, a)
		eventually(t, "the second is dealt with", func() bool { return len(effects(t, d, "one", a)) == 1 })
	})

	t.Run("what the catalogue does not have is refused", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		l, _ := newLog(t, d)
		for _, f := range []fact.Fact{
			{Kind: "thing.vanished", Subject: newID()},
			{Kind: "thing.shook", Subject: newID()},
			{Kind: "thing.met", Subject: newID()},
			{Kind: "thing.happened", Subject: newID(), Refs: map[string]uuid.UUID{"other": newID()}},
		} {
			err := d.Tx(t.Context(), func(tx *ent.Tx) error { return l.Store(t.Context(), tx, f) })
			if err == nil {
				t.Errorf("%+v was stored", f)
			}
		}
	})

	t.Run("a consumer that comes later gets what happens from then on, also from a node that does not know it", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		old, startOld := newLog(t, d, writes("one", nil))
		startOld()
		a := newID()
		happen(t, d, old, a)
		_, startNew := newLog(t, d, writes("one", nil), writes("new", nil))
		startNew()
		happen(t, d, old, a)
		eventually(t, "the new one has the second", func() bool { return len(effects(t, d, "new", a)) == 1 })
		eventually(t, "the old one has both", func() bool { return len(effects(t, d, "one", a)) == 2 })
	})

	t.Run("two nodes share the work and neither does it twice", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		first, startFirst := newLog(t, d, writes("one", nil))
		second, startSecond := newLog(t, d, writes("one", nil))
		startFirst()
		startSecond()
		subjects := make([]uuid.UUID, 50)
		for i := range subjects {
			subjects[i] = newID()
		}
		for range 10 {
			happen(t, d, first, subjects...)
			happen(t, d, second, subjects...)
		}
		for _, s := range subjects {
			eventually(t, "a subject is done", func() bool { return len(effects(t, d, "one", s)) >= 20 })
			if got := effects(t, d, "one", s); len(got) != 20 || !slices.IsSorted(got) {
				t.Fatalf("%d effects, sorted: %t", len(got), slices.IsSorted(got))
			}
		}
	})
}

func TestParking(t *testing.T) {
	t.Parallel()

	t.Run("a fact that fails is parked, its subject waits, the others go on", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		bad, good := newID(), newID()
		var isMended atomic.Bool
		l, start := newLog(t, d, writes("one", nil), writes("fragile", func(f fact.Fact) error {
			if f.Subject == bad && !isMended.Load() {
				return errors.New("this one never works")
			}
			return nil
		}))
		start()
		happen(t, d, l, good, bad, good, bad, good)
		eventually(t, "the others are done", func() bool {
			return len(effects(t, d, "fragile", good)) == 3 && len(effects(t, d, "one", bad)) == 2
		})
		var parked []fact.Parked
		eventually(t, "it was tried again", func() bool {
			var err error
			if parked, err = l.Parked(t.Context()); err != nil {
				t.Fatal(err)
			}
			return len(parked) == 1 && parked[0].Tries >= 2
		})
		p := parked[0]
		if p.Consumer != "fragile" || p.Subject != bad || p.Error != "this one never works" || p.Behind != 1 || p.ID == nil {
			t.Fatalf("parked: %+v", p)
		}
		stats, err := l.Stats(t.Context())
		if err != nil || stats[0].Consumer != "fragile" || stats[0].Parked != 1 || stats[0].Depth != 2 || stats[0].Oldest <= 0 {
			t.Fatalf("stats: %+v, %v", stats, err)
		}
		isMended.Store(true)
		if n, err := l.Retry(t.Context(), "fragile", bad); n != 1 || err != nil {
			t.Fatalf("retried %d, %v", n, err)
		}
		eventually(t, "both are done", func() bool { return len(effects(t, d, "fragile", bad)) == 2 })
		if parked, err = l.Parked(t.Context()); len(parked) != 0 || err != nil {
			t.Fatalf("still parked: %+v, %v", parked, err)
		}
	})

	t.Run("the operator may drop it, and what waited goes on", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		bad := newID()
		var first atomic.Int64
		l, start := newLog(t, d, writes("fragile", func(f fact.Fact) error {
			first.CompareAndSwap(0, f.ID)
			if f.ID == first.Load() {
				panic("even this")
			}
			return nil
		}))
		start()
		happen(t, d, l, bad)
		happen(t, d, l, bad)
		var parked []fact.Parked
		eventually(t, "it is parked", func() (is bool) {
			var err error
			parked, err = l.Parked(t.Context())
			return err == nil && len(parked) == 1 && parked[0].Behind == 1 && parked[0].Error == "panic: even this"
		})
		var was bool
		if err := d.Tx(t.Context(), func(tx *ent.Tx) (err error) {
			was, err = l.Drop(t.Context(), tx, parked[0])
			return err
		}); err != nil || !was {
			t.Fatalf("dropped: %t, %v", was, err)
		}
		if err := d.Tx(t.Context(), func(tx *ent.Tx) (err error) {
			was, err = l.Drop(t.Context(), tx, parked[0])
			return err
		}); err != nil || was {
			t.Fatalf("dropped again: %t, %v", was, err)
		}
		eventually(t, "the second is done", func() bool { return len(effects(t, d, "fragile", bad)) == 1 })
	})

	t.Run("nothing is parked while what the effects need is away", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		a := newID()
		var isBack atomic.Bool
		l, start := newLog(t, d, writes("far", func(fact.Fact) error {
			if isBack.Load() {
				return nil
			}
			return fmt.Errorf("put it there: %w", fact.ErrAway)
		}))
		start()
		happen(t, d, l, a)
		time.AfterFunc(300*time.Millisecond, func() { isBack.Store(true) })
		eventually(t, "it is done", func() bool { return len(effects(t, d, "far", a)) == 1 })
		if parked, err := l.Parked(t.Context()); len(parked) != 0 || err != nil {
			t.Fatalf("parked: %+v, %v", parked, err)
		}
	})
}
