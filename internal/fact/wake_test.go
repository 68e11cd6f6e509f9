package fact_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
)

// newSleeper is a log that does nothing that it is not woken for.
func newSleeper(t *testing.T, d *db.DB, c fact.Consumer) *fact.Log {
	t.Helper()
	l := fact.New(d, fact.NewCatalogue(kinds), fact.Options{Poll: time.Hour})
	l.Consumer(c)
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestWaking(t *testing.T) {
	t.Parallel()

	t.Run("what is more than a batch is taken at once", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		l := newSleeper(t, d, writes("one", nil))
		a := newID()
		happen(t, d, l, slices.Repeat([]uuid.UUID{a}, 300)...)
		eventually(t, "all are done", func() bool { return len(effects(t, d, "one", a)) == 300 })
		err := d.Tx(t.Context(), func(tx *ent.Tx) error {
			all := make([]fact.Burst, 600)
			for n := range all {
				all[n] = fact.Burst{Subject: a, Person: newID(), Since: 1, Through: 1}
			}
			return l.Note(t.Context(), tx, "thing.shook", all...)
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "all bursts are done", func() bool { return len(effects(t, d, "one", a)) == 900 })
	})

	t.Run("what comes while another node is at the partition is not left lying", func(t *testing.T) {
		t.Parallel()
		d := newDB(t)
		taken, goOn := make(chan struct{}, 10), make(chan struct{})
		c := writes("one", nil)
		take := c.Take
		c.Take = func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
			taken <- struct{}{}
			select {
			case <-goOn:
			case <-ctx.Done():
			}
			return take(ctx, tx, b)
		}
		slow, quick := newSleeper(t, d, c), newSleeper(t, d, writes("one", nil))
		a := newID()
		happen(t, d, slow, a)
		eventually(t, "the slow one is at it", func() bool { return len(taken) > 0 })
		happen(t, d, quick, a)
		<-time.After(100 * time.Millisecond) // for the quick one to find it taken
		close(goOn)
		eventually(t, "both are done", func() bool { return len(effects(t, d, "one", a)) == 2 })
	})
}
