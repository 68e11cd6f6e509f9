package live_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// A gatedLog lets heads be read when its gate is open.
type gatedLog struct {
	log
	gate atomic.Pointer[chan struct{}]
	// heads counts how often they were asked for.
	heads atomic.Int64
}

// ReadAll implements live.Source.
func (l *gatedLog) ReadAll(ctx context.Context, after []live.Place, limit int) (map[uuid.UUID]live.Reading, error) {
	l.heads.Add(1)
	if gate := l.gate.Load(); gate != nil {
		select {
		case <-*gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return l.log.ReadAll(ctx, after, limit)
}

func TestAnotherHistory(t *testing.T) {
	t.Parallel()
	t.Run("everybody is told, also if whoever found it out goes away", func(t *testing.T) {
		t.Parallel()
		l := &gatedLog{log: newLog(t)}
		var epoch atomic.Value
		epoch.Store("one")
		h := hub(t, l, live.Options{Sweep: time.Hour, Epoch: func(context.Context) (string, error) { return epoch.Load().(string), nil }})
		readers := map[uuid.UUID]*reader{}
		var id uuid.UUID
		for range 5 {
			id = uuid.New()
			l.write(t, id, "first", 0)
			readers[id] = read(t, h, id, "")
		}
		key := live.Key{Kind: kind, ID: id}
		after := h.Cursor(key, 1)

		gate := make(chan struct{})
		l.gate.Store(&gate)
		before := l.heads.Load()
		epoch.Store("two")
		h.Reconnected()
		impatient, leave := context.WithCancel(t.Context())
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			detach, err := h.Attach(impatient, live.Request{
				Key: key, After: &after, Plan: "impatient", Renderer: func() (live.Renderer, error) { return words{}, nil },
			}, &live.Member{Deliver: func([]byte, string) {}, Fail: func(error) {}})
			if err == nil {
				detach()
			}
		}()
		for end := time.Now().Add(deadline); l.heads.Load() == before; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("no head is read")
			}
		}
		leave()
		close(gate)
		<-gone
		for _, r := range readers {
			r.want(t, "resync:EPOCH_CHANGED")
		}
	})
	t.Run("it is looked for once, and nobody is judged by the old one meanwhile", func(t *testing.T) {
		t.Parallel()
		l, id := newLog(t), uuid.New()
		l.write(t, id, "first", 0)
		var asked atomic.Int64
		gate := make(chan struct{})
		h := hub(t, l, live.Options{Sweep: time.Hour, Epoch: func(context.Context) (string, error) {
			if asked.Add(1) == 1 {
				return "one", nil
			}
			<-gate
			return "two", nil
		}})
		read(t, h, id, "") // the stream is known
		after := h.Cursor(live.Key{Kind: kind, ID: id}, 0).String()
		h.Reconnected()
		var back sync.WaitGroup
		for range 50 {
			back.Go(func() { read(t, h, id, after).want(t, "resync:EPOCH_CHANGED") })
		}
		for end := time.Now().Add(deadline); asked.Load() < 2; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the epoch is not read again")
			}
		}
		close(gate)
		back.Wait()
		if n := asked.Load(); n > 2 {
			t.Errorf("it was read %d times", n-1)
		}
	})
}

// An emptyLog is streams without any updates.
type emptyLog struct{}

// Read implements live.Source.
func (emptyLog) Read(context.Context, uuid.UUID, int64, int) (live.Reading, error) {
	return live.Reading{}, nil
}

// ReadAll implements live.Source.
func (emptyLog) ReadAll(_ context.Context, after []live.Place, _ int) (map[uuid.UUID]live.Reading, error) {
	all := map[uuid.UUID]live.Reading{}
	for _, p := range after {
		all[p.ID] = live.Reading{}
	}
	return all, nil
}

// Moved implements live.Source.
func (emptyLog) Moved(context.Context, []live.Place) ([]live.Place, error) { return nil, nil }

func TestAStreamLingersFromTheLastTimeThatItWasLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const linger = 30 * time.Second
		h, id := hub(t, emptyLog{}, live.Options{Linger: linger, Sweep: time.Hour}), uuid.New()
		key := live.Key{Kind: kind, ID: id}
		for i := range 3 {
			read(t, h, id, "").detach()
			<-time.After(linger - time.Second)
			synctest.Wait()
			if !h.Has(key) {
				t.Fatal(fmt.Sprint("it is gone too soon, time ", i+1))
			}
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if h.Has(key) {
			t.Fatal("it is still there")
		}
	})
}
