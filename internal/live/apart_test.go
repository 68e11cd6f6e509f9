package live_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// A naming renderer says who stands in what it renders, and for whom it renders.
type naming struct {
	as     string
	shows  []uuid.UUID
	closed *atomic.Int64
}

// Render implements live.Renderer.
func (r *naming) Render(_ context.Context, item live.Item, _ bool) ([]byte, error) {
	return fmt.Appendf(nil, "%s for %s", item.Update.Data, r.as), nil
}

// Named implements live.Namer.
func (r *naming) Named() []uuid.UUID { return r.shows }

// Close implements live.Renderer.
func (r *naming) Close() { r.closed.Add(1) }

func TestApart(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	h := hub(t, l, live.Options{})
	id, shown := uuid.New(), uuid.New()
	key := live.Key{Kind: kind, ID: id}
	l.write(t, id, "first", 0)
	var closed atomic.Int64
	attach := func(name string, apart func(uuid.UUID) bool, after *live.Cursor) (<-chan string, func()) {
		got := make(chan string, 100)
		detach, err := h.Attach(t.Context(), live.Request{
			Key: key, After: after, Plan: "shared",
			Renderer: func() (live.Renderer, error) {
				return &naming{as: "all", shows: []uuid.UUID{uuid.New(), shown}, closed: &closed}, nil
			},
		}, &live.Member{
			Apart: apart,
			Own: func() (live.Renderer, error) {
				return &naming{as: name, closed: &closed}, nil
			},
			Deliver: func(frame []byte, cursor string) { got <- string(frame) + "|" + cursor },
			Fail:    func(err error) { t.Error(err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return got, detach
	}
	is := func(who uuid.UUID) func(uuid.UUID) bool { return func(p uuid.UUID) bool { return p == who } }
	start, err := h.ParseCursor(key, h.Cursor(key, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	plain, leave := attach("plain", nil, &start)
	defer leave()
	other, leave := attach("other", is(uuid.New()), &start)
	defer leave()
	own, leaveOwn := attach("own", is(shown), &start)
	h.Publish(key, l.write(t, id, "second", 0))
	for _, word := range []string{"first", "second"} {
		a, b, c := <-plain, <-other, <-own
		cursor := a[len(word+" for all"):]
		if a != word+" for all"+cursor || b != a || c != word+" for own"+cursor {
			t.Errorf("got %s, %s and %s", a, b, c)
		}
	}
	if leaveOwn(); closed.Load() != 1 {
		t.Errorf("%d renderers were closed when one left that had its own", closed.Load())
	}
}

// Those who are cut off together at different places share a read, from the lowest of them. One who is too far behind
// for what is remembered does not spoil it for the others.
func TestOneReadForDifferentPlaces(t *testing.T) {
	t.Parallel()
	l := &countingLog{log: newLog(t)}
	h := live.New(live.Options{Epoch: func(context.Context) (string, error) { return "epoch", nil }})
	h.Register(kind, l, live.Shared)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	id := uuid.New()
	key := live.Key{Kind: kind, ID: id}
	var all []string
	for i := range 560 {
		all = append(all, fmt.Sprint("w", i+1))
		l.write(t, id, all[i], 0)
	}
	read(t, h, id, "") // the head is known, and nothing remembered
	l.reads.Store(0)
	places := []int64{555, 550, 540, 559, 510, 400, 10}
	readers := make(chan *reader, len(places))
	gathered := make(chan struct{})
	// While the first one reads, the others come.
	then := func() { close(gathered); h.Waiting(key, len(places)-1) }
	l.then.Store(&then)
	go func() { readers <- read(t, h, id, h.Cursor(key, places[0]).String()) }()
	<-gathered
	for _, place := range places[1:] {
		go func() { readers <- read(t, h, id, h.Cursor(key, place).String()) }()
	}
	for range places {
		r := <-readers
		r.mu.Lock()
		n := len(r.words)
		r.mu.Unlock()
		r.want(t, all[len(all)-n:]...)
	}
	if n := l.reads.Load(); n > 3 {
		t.Errorf("%d reads", n)
	}
}
