package fact_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/testkit"
)

// mortalEnv makes this program the node of TestKill that gets killed, on the database that it names.
const mortalEnv = "FACT_TEST_MORTAL"

// What a mortal node says: that it is up, that it has had effects and not committed them, that it has.
const saysUp, saysEffect, saysDone = "up", "effect", "done"

// mortal is a node that consumes until it is killed.
func mortal(databaseURL string) error {
	ctx := context.Background()
	d, err := db.Open(ctx, databaseURL, db.Options{MaxConns: 4})
	if err != nil {
		return err
	}
	consumer := writes("mortal", nil)
	take := consumer.Take
	consumer.Take = func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
		done, err := take(ctx, tx, b)
		fmt.Println(saysEffect)
		// Now and then there is time to die between the effects and the commit.
		if rand.N(2) == 0 {
			<-time.After(rand.N(12 * time.Millisecond))
		}
		done.After = func() { fmt.Println(saysDone) }
		return done, err
	}
	l := fact.New(d, fact.NewCatalogue(kinds), fact.Options{Poll: 20 * time.Millisecond})
	l.Consumer(consumer)
	if err := l.Start(ctx); err != nil {
		return err
	}
	fmt.Println(saysUp)
	select {}
}

// A life is what became of one mortal node.
type life struct {
	wasUp, diedBetween bool
	batches            int
}

// kill starts a mortal node and kills it: while it starts, at any moment of its work, or soon after one of its
// effects.
func kill(t *testing.T, databaseURL string) life {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), mortalEnv+"="+databaseURL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	within := func(d time.Duration) { time.AfterFunc(rand.N(d), func() { _ = cmd.Process.Kill() }) }
	end := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer end.Stop()
	how, effects := rand.N(10), rand.N(4)
	if how == 0 {
		within(100 * time.Millisecond)
	}
	var l life
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch lines.Text() {
		case saysUp:
			l.wasUp = true
			if how < 4 {
				within(100 * time.Millisecond)
			}
		case saysEffect:
			l.diedBetween = true
			if effects--; effects < 0 {
				within(12 * time.Millisecond)
			}
		case saysDone:
			l.diedBetween = false
			l.batches++
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it was not killed, but: %v", err)
	}
	return l
}

// A node that is killed at whichever moment has had each effect exactly once, and in order, once another one has
// gone on.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 100
	if testing.Short() {
		kills = 10
	}
	began := time.Now()
	url := testkit.DatabaseURL(t)
	d := withEffects(t, testkit.Open(t, url))
	storing, _ := newLog(t, d)
	enlist(t, d, writes("mortal", nil))
	subjects := make([]uuid.UUID, 20)
	for i := range subjects {
		subjects[i] = newID()
	}
	var stored atomic.Int64
	stop := make(chan struct{})
	var storers sync.WaitGroup
	for range 2 {
		storers.Go(func() {
			for {
				some := []uuid.UUID{subjects[rand.N(20)], subjects[rand.N(20)], subjects[rand.N(20)]}
				// As if under the lock of each: in one order, so that two can not wait for each other.
				slices.SortFunc(some, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
				if err := storeLocked(t.Context(), d, storing, some); err != nil {
					t.Errorf("store: %v", err)
					return
				}
				stored.Add(int64(len(some)))
				select {
				case <-stop:
					return
				case <-time.After(rand.N(4 * time.Millisecond)):
				}
			}
		})
	}
	var up, between, batches int
	for range kills {
		l := kill(t, url)
		if l.wasUp {
			up++
		}
		if l.diedBetween {
			between++
		}
		batches += l.batches
	}
	close(stop)
	storers.Wait()

	_, start := newLog(t, d, writes("mortal", nil))
	start()
	eventually(t, "the queue is empty", func() bool { return count(t, d, "fact_queue") == 0 })
	if n := count(t, d, "facts"); n != int(stored.Load()) {
		t.Errorf("%d facts are stored, want %d", n, stored.Load())
	}
	if n := count(t, d, "effects"); n != int(stored.Load()) {
		t.Errorf("%d effects of %d facts", n, stored.Load())
	}
	for _, s := range subjects {
		if got := effects(t, d, "mortal", s); !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%v: doubled or out of order: %v", s, got)
		}
	}
	t.Logf("%d kills in %v: %d while working, of which %d between an effect and its commit; %d facts, %d batches",
		kills, time.Since(began).Round(time.Millisecond), up, between, stored.Load(), batches)
	if up < kills/2 || between < kills/20 {
		t.Errorf("of %d, %d had begun to work when they were killed, and %d had had an effect: that proves little", kills, up, between)
	}
}

// storeLocked stores facts under the locks of their subjects, as use cases do.
func storeLocked(ctx context.Context, d *db.DB, l *fact.Log, subjects []uuid.UUID) error {
	return d.Tx(ctx, func(tx *ent.Tx) error {
		facts := make([]fact.Fact, len(subjects))
		for i, s := range subjects {
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", s.String()); err != nil {
				return err
			}
			facts[i] = fact.Fact{Kind: "thing.happened", Subject: s}
		}
		return l.Store(ctx, tx, facts...)
	})
}

func count(t *testing.T, d *db.DB, table string) (n int) {
	t.Helper()
	if err := d.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
