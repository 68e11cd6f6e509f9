package live_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

func TestTheRingsOfANodeHaveOneBudget(t *testing.T) {
	t.Parallel()
	const budget = 64 << 10
	l := &countingLog{log: newLog(t)}
	h := hub(t, l, live.Options{Rings: budget, Sweep: time.Hour})
	big := strings.Repeat("x", 2000)
	ids := make([]uuid.UUID, 20)
	readers := make([]*reader, len(ids))
	fill := func(i int) {
		h.Publish(live.Key{Kind: kind, ID: ids[i]}, l.write(t, ids[i], big, 0), l.write(t, ids[i], big, 0))
	}
	for i := range ids {
		ids[i] = uuid.New()
		l.write(t, ids[i], "first", 0)
		readers[i] = read(t, h, ids[i], "")
		fill(i)
		readers[i].want(t, big, big)
		if i%4 == 3 {
			// Used again and again, the first stream stays.
			before := l.reads.Load()
			read(t, h, ids[0], h.Cursor(live.Key{Kind: kind, ID: ids[0]}, 1).String()).want(t, big, big)
			if n := l.reads.Load() - before; n > 0 {
				t.Errorf("behind stream %d the first one had to be read", i)
			}
		}
		if kept := h.Kept(); kept > budget {
			t.Fatalf("%d bytes are kept, of at most %d", kept, budget)
		}
	}
	if kept := h.Kept(); kept < budget/2 {
		t.Fatalf("only %d bytes are kept, of %d", kept, budget)
	}
	costs := func(i int) int64 {
		before := l.reads.Load()
		read(t, h, ids[i], h.Cursor(live.Key{Kind: kind, ID: ids[i]}, 1).String()).want(t, big, big)
		return l.reads.Load() - before
	}
	if n := costs(0); n > 0 {
		t.Errorf("the stream that was used often had to be read %d times", n)
	}
	if n := costs(len(ids) - 1); n > 0 {
		t.Errorf("the stream that was used last had to be read %d times", n)
	}
	if n := costs(1); n != 1 {
		t.Errorf("the stream that nobody used for longest was read %d times", n)
	}
}

func TestAStreamThatEndsKeepsNothing(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	h := hub(t, l, live.Options{Linger: time.Millisecond})
	id := uuid.New()
	l.write(t, id, "first", 0)
	r := read(t, h, id, "")
	h.Publish(live.Key{Kind: kind, ID: id}, l.write(t, id, "next", 0))
	r.want(t, "next")
	for end := time.Now().Add(deadline); h.Kept() == 0; <-time.After(time.Millisecond) { // counted behind the delivery
		if time.Now().After(end) {
			t.Fatal("nothing was kept: this shows nothing")
		}
	}
	r.detach()
	for end := time.Now().Add(deadline); h.Kept() > 0; <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are kept of a stream that has ended", h.Kept())
		}
	}
}

// Those who were given the same update at the same moment are not all told a newer cursor at one moment.
func TestCursorsAreToldAtManyMoments(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const members = 200
	for range members {
		read(t, s.hub, s.id, "")
	}
	s.hub.Publish(s.key, s.log.write(t, s.id, "for all", 0))
	s.watcher.want(t, "for all")
	if told := s.hub.Tell(s.key, time.Now().Add(30*time.Second)); told < members/5 || told > members*4/5 {
		t.Errorf("after half a minute %d of %d were told at once, want about half", told, members+1)
	}
}
