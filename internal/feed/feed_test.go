package feed_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// A house is feeds of things that the test invents, on one node.
type house struct {
	db    *db.DB
	facts *fact.Log
	feeds *feed.Service
	who   []uuid.UUID

	mu   sync.Mutex
	away bool
	says map[uuid.UUID]string
}

// thingChanged shows a thing.
type thingChanged struct{ cursor, says string }

func (thingChanged) IsUpdate() {}

func newHouse(t *testing.T, people int, o feed.Options) *house {
	t.Helper()
	h := &house{db: testkit.DB(t), says: map[uuid.UUID]string{}}
	hub := live.New(live.Options{Epoch: h.db.Epoch})
	h.facts = fact.New(h.db, fact.NewCatalogue([]fact.Kind{{Name: "thing.changed", Subject: "thing"}}), fact.Options{})
	h.feeds = feed.New(h.db, hub, o)
	h.feeds.Show(feed.Subject{Kind: "thing", Prefix: "thing", Show: h.show})
	h.feeds.Follow(func(_ context.Context, _ *ent.Tx, b fact.Batch) (changes []feed.Change, _ error) {
		for _, f := range b.Facts {
			for _, who := range h.who {
				changes = append(changes, feed.Change{Account: who, Kind: "thing", Subject: f.Subject})
			}
		}
		return changes, nil
	}, "thing.changed")
	h.feeds.Consume(h.facts)
	for i := range people {
		h.who = append(h.who, testkit.Person(t, h.db, "person"+string(rune('a'+i))))
	}
	for _, start := range []func(context.Context) error{hub.Start, h.facts.Start} {
		if err := start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(hub.Close)
	t.Cleanup(h.facts.Close)
	return h
}

func (h *house) show(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]feed.Shown, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return nil, errors.New("the things are away")
	}
	shown := map[uuid.UUID]feed.Shown{}
	for _, id := range ids {
		if says, ok := h.says[id]; ok {
			shown[id] = func(cursor string) feed.Update { return thingChanged{cursor, says} }
		}
	}
	return shown, nil
}

// change has a thing say something else, or nothing any more.
func (h *house) change(t *testing.T, thing uuid.UUID, says string) {
	t.Helper()
	h.mu.Lock()
	if h.says[thing] = says; says == "" {
		delete(h.says, thing)
	}
	h.mu.Unlock()
	err := h.db.Tx(t.Context(), func(tx *ent.Tx) error {
		return h.facts.Store(t.Context(), tx, fact.Fact{Kind: "thing.changed", Subject: thing})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) settled(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stats, err := h.facts.Stats(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("not settled: %+v, %v", stats, err)
		}
		if stats[0].Depth == 0 {
			return
		}
	}
}

func next(t *testing.T, from <-chan feed.Update) feed.Update {
	t.Helper()
	select {
	case u, ok := <-from:
		if ok {
			return u
		}
		t.Fatal("the subscription has ended")
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return nil
}

func TestUpdates(t *testing.T) {
	t.Parallel()

	t.Run("who was away gets the latest state of each thing, the latest change last", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, 1, feed.Options{})
		ctx := testkit.As(t, h.who[0])
		greeting := h.greet(t, ctx)
		a, b, gone := uuid.New(), uuid.New(), uuid.New()
		h.change(t, gone, "here")
		for _, says := range []string{"one", "two", "three"} {
			h.change(t, a, says)
		}
		h.settled(t)
		h.change(t, b, "only")
		h.settled(t)
		h.change(t, a, "four")
		h.change(t, gone, "")
		h.settled(t)
		got, err := h.feeds.Updates(ctx, &greeting)
		if err != nil {
			t.Fatal(err)
		}
		if u := next(t, got).(thingChanged); u.says != "only" {
			t.Fatalf("got %+v", u)
		}
		var last string
		for range 2 { // of one transaction each, so in either order
			switch u := next(t, got).(type) {
			case thingChanged:
				if u.says != "four" {
					t.Fatalf("got %+v", u)
				}
				last = u.cursor
			case *feed.SubjectGone:
				if row, err := u.ID.Row("thing"); err != nil || row != gone {
					t.Fatalf("%v is gone", u.ID)
				}
				last = u.Cursor
			}
		}
		h.change(t, b, "again")
		if u := next(t, got).(thingChanged); u.says != "again" || u.cursor == last {
			t.Fatalf("live: %+v", u)
		}
	})

	t.Run("who comes back after the retention is told to refetch, and goes on", func(t *testing.T) {
		t.Parallel()
		late := time.Now()
		h := newHouse(t, 1, feed.Options{Clock: func() time.Time { return late }})
		ctx := testkit.As(t, h.who[0])
		greeting := h.greet(t, ctx)
		thing := uuid.New()
		h.change(t, thing, "old")
		h.settled(t)
		late = late.AddDate(0, 0, 31)
		if err := h.feeds.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := h.feeds.Updates(ctx, &greeting)
		if err != nil {
			t.Fatal(err)
		}
		u, ok := next(t, got).(*relay.ResyncRequired)
		if !ok || u.Reason != relay.ResyncReason(live.CursorTooOld) {
			t.Fatalf("got %+v", u)
		}
		h.change(t, thing, "new")
		if u := next(t, got).(thingChanged); u.says != "new" {
			t.Fatalf("got %+v", u)
		}
	})

	t.Run("a subscription that can not show a change ends, and is resumed without loss", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, 1, feed.Options{})
		ctx := testkit.As(t, h.who[0])
		got, err := h.feeds.Updates(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		greeting := next(t, got).(*relay.CursorMoved).Cursor
		h.setAway(true)
		h.change(t, uuid.New(), "unseen")
		for range got { // until it ends
		}
		h.setAway(false)
		if got, err = h.feeds.Updates(ctx, &greeting); err != nil {
			t.Fatal(err)
		}
		if u := next(t, got).(thingChanged); u.says != "unseen" {
			t.Fatalf("got %+v", u)
		}
	})
}

func TestWhatWasNotReadIsNotGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, feed.Options{})
	begin := func() *live.Inlet {
		inlet := &live.Inlet{}
		if _, err := h.feeds.Updates(live.WithInlet(testkit.As(t, h.who[0]), inlet), nil); err != nil {
			t.Fatal(err)
		}
		return inlet
	}
	item := live.Item{Kind: live.Updated, Update: live.Update{Seq: 1, Subject: uuid.New(), Data: []byte("thing")}}
	h.says[item.Update.Subject] = "here"

	ctx, end := context.WithTimeout(t.Context(), 5*time.Second)
	defer end()
	// As when a rendering breaks off in the midst of a run and the next is begun anew.
	if err := begin().Push(ctx, item); err == nil {
		t.Error("a thing that was not looked for is told to be gone")
	}
	inlet := begin()
	for _, items := range [][]live.Item{{item}, nil} {
		if err := inlet.Expect(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if err := inlet.Push(ctx, item); (err == nil) != (items != nil) { // what is pushed is not taken out
			t.Errorf("expecting %d: %v", len(items), err)
		}
	}
}

func (h *house) greet(t *testing.T, ctx context.Context) string { //nolint:revive // whose it is comes second
	t.Helper()
	ctx, end := context.WithCancel(ctx)
	defer end()
	got, err := h.feeds.Updates(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return next(t, got).(*relay.CursorMoved).Cursor
}

func (h *house) setAway(away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = away
}

func TestWritingFeeds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 6, feed.Options{})
	t.Run("many writers to the same feeds give each change a number of its own and never wait for each other", func(t *testing.T) {
		const writers, rounds = 8, 25
		var wait sync.WaitGroup
		for w := range writers {
			wait.Go(func() {
				for r := range rounds {
					accounts := append([]uuid.UUID(nil), h.who...)
					random := rand.New(rand.NewPCG(uint64(w), uint64(r))) //nolint:gosec // not a secret
					random.Shuffle(len(accounts), func(i, j int) { accounts[i], accounts[j] = accounts[j], accounts[i] })
					kinds, things := make([]string, len(accounts)), make([]uuid.UUID, len(accounts))
					for i := range accounts {
						kinds[i], things[i] = "thing", uuid.New()
					}
					_, err := h.db.SQL.ExecContext(t.Context(), "SELECT write_feeds($1::uuid[], $2::text[], $3::uuid[])", accounts, kinds, things)
					if err != nil {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		wait.Wait()
		var feeds, wrong int
		err := h.db.SQL.QueryRowContext(t.Context(), `
SELECT count(*), count(*) FILTER (WHERE f.seq <> $1 OR e.n <> $1 OR e.low <> 1 OR e.high <> $1)
FROM feeds f JOIN (SELECT account_id, count(*) AS n, min(seq) AS low, max(seq) AS high FROM feed_entries GROUP BY account_id) e USING (account_id)`,
			writers*rounds).Scan(&feeds, &wrong)
		if err != nil || feeds != len(h.who) || wrong > 0 {
			t.Fatalf("%d feeds, %d wrong, %v", feeds, wrong, err)
		}
	})
}
