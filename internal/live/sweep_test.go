package live_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// A statementLog counts by which statements it is read.
type statementLog struct {
	log
	one, many, asked atomic.Int64
}

// Read implements live.Source.
func (l *statementLog) Read(ctx context.Context, id uuid.UUID, after int64, limit int) (live.Reading, error) {
	l.one.Add(1)
	return l.log.Read(ctx, id, after, limit)
}

// ReadAll implements live.Source.
func (l *statementLog) ReadAll(ctx context.Context, after []live.Place, limit int) (map[uuid.UUID]live.Reading, error) {
	l.many.Add(1)
	return l.log.ReadAll(ctx, after, limit)
}

// Moved implements live.Source.
func (l *statementLog) Moved(ctx context.Context, known []live.Place) ([]live.Place, error) {
	l.asked.Add(1)
	return l.log.Moved(ctx, known)
}

func TestTheSweepRepairsTogether(t *testing.T) {
	t.Parallel()
	for name, nature := range map[string]live.Nature{"shared streams": live.Shared, "personal streams": live.Personal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &statementLog{log: newLog(t)}
			h := live.New(live.Options{Sweep: 200 * time.Millisecond, Epoch: func(context.Context) (string, error) { return "epoch", nil }})
			h.Register(kind, l, nature)
			if err := h.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			const streams = 300
			ids, readers := make([]uuid.UUID, streams), make([]*reader, streams)
			for i := range ids {
				ids[i] = uuid.New()
				l.write(t, ids[i], "first", 0)
				readers[i] = read(t, h, ids[i], "")
			}
			one, many := l.one.Load(), l.many.Load()
			tx, err := l.db.SQL.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range ids {
				for _, word := range []string{"a", "b"} {
					_, err := tx.ExecContext(t.Context(), `WITH h AS (UPDATE heads SET seq = seq + 1 WHERE id = $1 RETURNING seq)
						INSERT INTO entries SELECT $1, seq, $2::text, gen_random_uuid() FROM h`, id, word+fmt.Sprint(i))
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			for i, r := range readers {
				r.want(t, "a"+fmt.Sprint(i), "b"+fmt.Sprint(i))
			}
			// One that was busy when the round came by verifies itself.
			if n := l.one.Load() - one; n > streams/20 {
				t.Errorf("%d of %d streams were read alone", n, streams)
			}
			// 16 slices; a round that comes before all is delivered reads some again.
			if n := l.many.Load() - many; n > streams/4 {
				t.Errorf("%d statements for %d streams", n, streams)
			}
		})
	}
	t.Run("who has missed a lot gets all of it", func(t *testing.T) {
		t.Parallel()
		l := newLog(t)
		h := hub(t, l, live.Options{Sweep: 100 * time.Millisecond})
		id := uuid.New()
		l.write(t, id, "first", 0)
		r := read(t, h, id, "")
		var want []string
		for i := range 120 {
			want = append(want, fmt.Sprint("w", i))
			l.write(t, id, want[i], 0)
		}
		r.want(t, want...)
	})
}

func TestTheSweepAsksOnceASlice(t *testing.T) {
	t.Parallel()
	l := &statementLog{log: newLog(t)}
	h := hub(t, l, live.Options{Sweep: time.Hour})
	// Streams come and go, and each is in its slice as long as it is there.
	for range 200 {
		id := uuid.New()
		l.write(t, id, "first", 0)
		read(t, h, id, "")
	}
	h.SweepOnce(t.Context())
	if n := l.asked.Load(); n > 16 {
		t.Errorf("a round asked %d times", n)
	}
}

func TestOneReadServesAllWhoAreAhead(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 5 {
		s.log.write(t, s.id, fmt.Sprint("later", i), 0)
	}
	ahead := s.hub.Cursor(s.key, 14).String()
	before := s.log.reads.Load()
	const clients = 50
	then := func() {
		// The first one reads: until all others wait.
		for end := time.Now().Add(deadline); s.hub.Users(s.key) < 1+clients && time.Now().Before(end); {
			<-time.After(time.Millisecond)
		}
		<-time.After(50 * time.Millisecond)
	}
	s.log.then.Store(&then)
	var done sync.WaitGroup
	readers := make([]*reader, clients)
	for i := range readers {
		done.Go(func() { readers[i] = read(t, s.hub, s.id, ahead) })
	}
	done.Wait()
	for _, r := range readers {
		r.want(t, "later4")
	}
	s.watcher.want(t, "later0", "later1", "later2", "later3", "later4")
	if n := s.log.reads.Load() - before; n > 5 {
		t.Errorf("50 clients that are ahead of the node cost %d reads", n)
	}
}

func TestAClientAheadOfItsNode(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	u := s.log.write(t, s.id, "elsewhere", 0)
	r := read(t, s.hub, s.id, s.hub.Cursor(s.key, u.Seq).String()) // given by another node
	s.hub.Publish(s.key, s.log.write(t, s.id, "next", 0))
	r.want(t, "next")
	s.watcher.want(t, "elsewhere", "next")
}

// A cursor from before the joining begins at it, also where the node remembers what came before.
func TestTheRingIsClamped(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.resume(t, 0).want(t, "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10") // they are in the ring now
	reads := s.log.reads.Load()
	var got []string
	detach, err := s.hub.Attach(t.Context(), live.Request{
		Key: s.key, After: &live.Cursor{Key: s.key, Epoch: "epoch", Seq: 2}, From: 8, Plan: "joined",
		Renderer: func() (live.Renderer, error) { return words{}, nil },
	}, &live.Member{
		Deliver: func(frame []byte, _ string) { got = append(got, string(frame)) },
		Fail:    func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer detach()
	if fmt.Sprint(got) != "[w9 w10]" {
		t.Errorf("got %v", got)
	}
	if s.log.reads.Load() != reads {
		t.Error("the ring was not used: this shows nothing")
	}
}

var errOver = errors.New("over")

// A hidden update may end a subscription: nothing is given after it, whichever way it comes.
func TestAHiddenUpdateThatEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// after is the cursor to resume behind, below 0 for none; judged is the head when Sees was made.
		after, judged int64
		before        []string
	}{
		{"live", -1, 0, nil},
		{"in a replay", 8, 0, []string{"w9", "w10"}},
		{"behind where Sees was made", -1, 10, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			isFirst := c.after >= 0 || c.judged > 0
			end := func() {
				hidden := s.log.hide(t, s.id)
				s.hub.Publish(s.key, hidden, s.log.write(t, s.id, "secret", 0))
				s.watcher.want(t, "secret")
			}
			if isFirst {
				end()
			}
			var mu sync.Mutex
			var got []string
			put := func(word string) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, word)
			}
			r := live.Request{Key: s.key, Plan: "ends", Renderer: func() (live.Renderer, error) { return words{}, nil }}
			if c.after >= 0 {
				r.After = &live.Cursor{Key: s.key, Epoch: "epoch", Seq: c.after}
			}
			if c.judged > 0 {
				r.Judged = c.judged + 1
			}
			detach, err := s.hub.Attach(t.Context(), r, &live.Member{
				Ends:    func(live.Update) error { return errOver },
				Deliver: func(frame []byte, _ string) { put(string(frame)) },
				Fail:    func(err error) { put(err.Error()) },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer detach()
			if !isFirst {
				end()
			}
			s.hub.Publish(s.key, s.log.write(t, s.id, "secret-too", 0))
			s.watcher.want(t, "secret", "secret-too")
			mu.Lock()
			defer mu.Unlock()
			if want := strings.Join(append(c.before, "over"), " "); strings.Join(got, " ") != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		})
	}
}
