package fact_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
)

func TestAConsumerThatIsOlderOnOneNode(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	of := func(kinds ...string) fact.Consumer {
		c := writes("one", nil)
		c.Kinds = kinds
		return c
	}
	enlist(t, d, of("thing.happened", "thing.met", "thing.shook"))
	old, start := newLog(t, d, of("thing.happened"))
	start()
	a, b := newID(), newID()
	b[15] = a[15] // in the same partition
	err := d.Tx(t.Context(), func(tx *ent.Tx) error {
		if err := old.Note(t.Context(), tx, "thing.shook", fact.Burst{Subject: a, Since: 1, Through: 1}); err != nil {
			return err
		}
		return old.Store(t.Context(), tx,
			fact.Fact{Kind: "thing.happened", Subject: a},
			fact.Fact{Kind: "thing.met", Subject: a, Refs: map[string]uuid.UUID{"other": b}},
			fact.Fact{Kind: "thing.happened", Subject: a},
			fact.Fact{Kind: "thing.happened", Subject: b})
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "what it knows is done", func() bool { return len(effects(t, d, "one", b)) == 1 })
	if got := effects(t, d, "one", a); len(got) != 1 {
		t.Fatalf("the older node had the effects of %v: what it does not know, and what follows, is the newer one's", got)
	}
	_, startNew := newLog(t, d, of("thing.happened", "thing.met", "thing.shook"))
	startNew()
	eventually(t, "the newer one does the rest", func() bool { return len(effects(t, d, "one", a)) == 4 })
}

func TestABatchThatTakesTooLong(t *testing.T) {
	t.Parallel()

	t.Run("is taken in smaller ones", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		l, start := newLog(t, d, writes("slow", func(fact.Fact) error {
			<-time.After(5 * time.Millisecond)
			return nil
		}))
		l.SetTakeTime(time.Second)
		enlist(t, d, writes("slow", nil))
		subjects := make([]uuid.UUID, 100)
		for i := range subjects {
			subjects[i] = newID()
		}
		for range 5 {
			happen(t, d, l, subjects...)
		}
		start()
		for _, s := range subjects {
			eventually(t, "a subject is done", func() bool { return len(effects(t, d, "slow", s)) == 5 })
		}
	})

	t.Run("because of one fact has that one parked", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		bad, good := newID(), newID()
		l, start := newLog(t, d, fact.Consumer{
			Name: "stuck", Kinds: []string{"thing.happened"},
			Take: func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
				for _, f := range b.Facts {
					if f.Subject == bad {
						<-ctx.Done()
						return fact.Done{}, ctx.Err()
					}
					if err := effect(ctx, tx, "stuck", f.Subject, f.ID); err != nil {
						return fact.Done{}, err
					}
				}
				return fact.Done{}, nil
			},
		})
		l.SetTakeTime(300 * time.Millisecond)
		start()
		happen(t, d, l, bad, good)
		eventually(t, "the other goes on", func() bool { return len(effects(t, d, "stuck", good)) == 1 })
		eventually(t, "it is parked", func() bool {
			parked, err := l.Parked(t.Context())
			return err == nil && len(parked) == 1 && parked[0].Subject == bad
		})
	})
}

func TestAConsumerThatGoesWrong(t *testing.T) {
	t.Parallel()

	t.Run("after the commit takes nothing else down", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		c := writes("one", nil)
		take := c.Take
		c.Take = func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
			done, err := take(ctx, tx, b)
			done.After = func() { panic("too late") }
			return done, err
		}
		l, start := newLog(t, d, c)
		start()
		a := newID()
		for n := range 2 {
			happen(t, d, l, a)
			eventually(t, "it is done", func() bool { return len(effects(t, d, "one", a)) == n+1 })
		}
	})

	t.Run("by passing over an error has that fact parked, and not everything wait", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		bad, good := newID(), newID()
		c := writes("one", nil)
		take := c.Take
		c.Take = func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
			for _, f := range b.Facts {
				if f.Subject == bad {
					_, _ = tx.ExecContext(ctx, "SELECT 1/0")
					return fact.Done{}, nil
				}
			}
			return take(ctx, tx, b)
		}
		l, start := newLog(t, d, c)
		start()
		happen(t, d, l, bad, good)
		eventually(t, "the other goes on", func() bool { return len(effects(t, d, "one", good)) == 1 })
	})

	t.Run("with words that PostgreSQL does not take has that fact parked all the same", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		l, start := newLog(t, d, writes("one", func(fact.Fact) error {
			return errors.New("\x00x\xff" + strings.Repeat("ä", 400)) // cut off within a letter
		}))
		start()
		happen(t, d, l, newID())
		eventually(t, "it is parked", func() bool {
			parked, err := l.Parked(t.Context())
			return err == nil && len(parked) == 1
		})
	})

	t.Run("on a second fact begins with a short pause anew", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		a := newID()
		var isMended atomic.Bool
		var first atomic.Int64
		l, start := newLog(t, d, writes("one", func(f fact.Fact) error {
			if first.CompareAndSwap(0, f.ID); f.ID == first.Load() && isMended.Load() {
				return nil
			}
			return errors.New("no")
		}))
		start()
		happen(t, d, l, a, a)
		eventually(t, "it is parked", func() bool {
			parked, err := l.Parked(t.Context())
			return err == nil && len(parked) == 1
		})
		isMended.Store(true)
		_, err := d.SQL.ExecContext(t.Context(), "UPDATE fact_parked SET tries = 12, next_at = now(), parked_at = now() - interval '1 day'")
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the second is parked", func() bool {
			parked, err := l.Parked(t.Context())
			return err == nil && len(parked) == 1 && *parked[0].ID != first.Load()
		})
		parked, err := l.Parked(t.Context())
		if err != nil || time.Until(parked[0].NextAt) > time.Minute || time.Since(parked[0].ParkedAt) > time.Minute {
			t.Fatalf("got %+v, %v", parked, err)
		}
	})
}

func TestClosing(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	taken := make(chan struct{}, 10)
	l, start := newLog(t, d, fact.Consumer{
		Name: "stuck", Kinds: []string{"thing.happened"},
		Take: func(ctx context.Context, _ *ent.Tx, _ fact.Batch) (fact.Done, error) {
			taken <- struct{}{}
			<-ctx.Done()
			return fact.Done{}, ctx.Err()
		},
	})
	start()
	happen(t, d, l, newID())
	<-taken
	begun := time.Now()
	l.Close()
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if parked, err := l.Parked(t.Context()); len(parked) > 0 || err != nil {
		t.Errorf("parked: %+v, %v", parked, err)
	}
	if stats, err := l.Stats(t.Context()); err != nil || stats[0].Depth != 1 {
		t.Errorf("%+v, %v: it has to be there for the next", stats, err)
	}
}

func TestDroppingABurst(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	a, bad, good := newID(), newID(), newID()
	l, start := newLog(t, d, fact.Consumer{
		Name: "fragile", Kinds: []string{"thing.shook"},
		Take: func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
			for _, x := range b.Bursts {
				if x.Person == bad {
					return fact.Done{}, errors.New("not for them")
				}
				if err := effect(ctx, tx, "fragile", x.Person, x.Through); err != nil {
					return fact.Done{}, err
				}
			}
			return fact.Done{}, nil
		},
	})
	start()
	note := func(person uuid.UUID) {
		err := d.Tx(t.Context(), func(tx *ent.Tx) error {
			return l.Note(t.Context(), tx, "thing.shook", fact.Burst{Subject: a, Person: person, Since: 1, Through: 1})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	note(bad)
	eventually(t, "it is parked", func() bool {
		parked, err := l.Parked(t.Context())
		return err == nil && len(parked) == 1
	})
	if _, err := d.SQL.ExecContext(t.Context(), "UPDATE fact_parked SET next_at = now() + interval '1 hour'"); err != nil {
		t.Fatal(err)
	}
	note(good)
	if err := d.Tx(t.Context(), func(tx *ent.Tx) error {
		parked, err := l.Parked(t.Context())
		if err != nil {
			return err
		}
		_, err = l.Drop(t.Context(), tx, parked[0])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other person's goes on", func() bool { return len(effects(t, d, "fragile", good)) == 1 })
}
