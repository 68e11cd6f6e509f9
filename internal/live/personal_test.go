package live_test

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// A slowRenderer holds its stream up over what it is told to, and notes what it is told to expect.
type slowRenderer struct {
	words
	moved func()

	// crowd notes how many are told at once; nil for nobody.
	crowd *crowd

	mu       sync.Mutex
	expected []int
}

type crowd struct {
	mu        sync.Mutex
	now, most int
}

func (c *crowd) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

// Render implements live.Renderer.
func (r *slowRenderer) Render(ctx context.Context, item live.Item, own bool) ([]byte, error) {
	if item.Kind == live.Moved && r.moved != nil {
		r.moved()
	}
	return r.words.Render(ctx, item, own)
}

// Expect implements live.Expecter.
func (r *slowRenderer) Expect(_ context.Context, items []live.Item) error {
	if c := r.crowd; c != nil {
		c.add(1)
		<-time.After(time.Millisecond)
		defer c.add(-1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected = append(r.expected, len(items))
	return nil
}

func TestAPersonalStreamThatIsBusyWhenRedisConfirms(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	client, err := live.OpenRedis(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	cutOff := func() error { return client.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err() }
	if err := cutOff(); err != nil && strings.Contains(err.Error(), "unknown subcommand") {
		t.Skip("the tests run on the built-in Redis, which cuts nobody off")
	}
	hub := live.New(live.Options{
		Redis: client, Sweep: time.Hour,
		Epoch: func(context.Context) (string, error) { return "epoch", nil },
	})
	hub.Register(kind, l, live.Personal)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	id := uuid.New()
	l.write(t, id, "before", 0)
	first := read(t, hub, id, "")
	u := l.write(t, id, "heard", 0)
	payload := make([]byte, 49, 64) // as updates are carried, but for the subject
	binary.BigEndian.PutUint64(payload, uint64(u.Seq))
	for heard := false; !heard; {
		client.Publish(t.Context(), "convene:live:"+kind+":"+id.String(), append(payload, u.Data...))
		select {
		case <-first.came:
			heard = true
		case <-time.After(10 * time.Millisecond):
		}
	}

	// While the stream is busy with a second one, an update is not heard because the connection breaks.
	r := &slowRenderer{moved: func() {
		l.write(t, id, "unheard", 0)
		if err := cutOff(); err != nil {
			t.Error(err)
		}
		<-time.After(500 * time.Millisecond)
	}}
	got := make(chan string, 10)
	detach, err := hub.Attach(t.Context(), live.Request{
		Key: live.Key{Kind: kind, ID: id}, Plan: "slow", Exclusive: true, Greets: true,
		Renderer: func() (live.Renderer, error) { return r, nil },
	}, &live.Member{
		Deliver: func(frame []byte, _ string) { got <- string(frame) },
		Fail:    func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer detach()
	<-got // the greeting
	select {
	case word := <-got:
		if word != "unheard" {
			t.Fatalf("got %s", word)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("what came before the confirmation was left to the sweep")
	}
	for end := time.Now().Add(deadline); ; <-time.After(time.Millisecond) {
		r.mu.Lock()
		expected := slices.Clone(r.expected)
		r.mu.Unlock()
		if slices.Equal(expected, []int{1, 0}) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("told to expect %v, want one and then none", expected)
		}
	}
}

func TestAPersonalStreamTellsTheLastOfEachSubject(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	hub := live.New(live.Options{Epoch: func(context.Context) (string, error) { return "epoch", nil }})
	hub.Register(kind, l, live.Personal)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	id, thing := uuid.New(), uuid.New()
	key := live.Key{Kind: kind, ID: id}
	l.write(t, id, "before", 0)
	watcher := read(t, hub, id, "")
	hub.Publish(key,
		l.append(t, id, "once", 0, thing), l.write(t, id, "other", 0), l.append(t, id, "twice", 0, thing))
	watcher.want(t, "other", "twice")
	// Replayed alike: before the first, between the two, and behind the last.
	read(t, hub, id, hub.Cursor(key, 1).String()).want(t, "other", "twice")
	read(t, hub, id, hub.Cursor(key, 3).String()).want(t, "twice")
	hub.Publish(key, l.append(t, id, "thrice", 0, thing))
	watcher.want(t, "other", "twice", "thrice")
	if c, err := hub.ParseCursor(key, watcher.cursor); err != nil || c.Seq != 5 {
		t.Errorf("the cursor behind the last is %+v, %v", c, err)
	}
}

func TestOneChangeForManyPeople(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	// Without a sweep, which would tell some before all are told.
	hub := live.New(live.Options{Sweep: time.Hour, Epoch: func(context.Context) (string, error) { return "epoch", nil }})
	hub.Register(kind, l, live.Personal)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	all := &crowd{}
	var delivered sync.WaitGroup
	updates := map[live.Key]live.Update{}
	for range 100 {
		id := uuid.New()
		key := live.Key{Kind: kind, ID: id}
		l.write(t, id, "before", 0)
		detach, err := hub.Attach(t.Context(), live.Request{
			Key: key, Plan: "words", Exclusive: true,
			Renderer: func() (live.Renderer, error) { return &slowRenderer{crowd: all}, nil },
		}, &live.Member{
			Deliver: func([]byte, string) { delivered.Done() },
			Fail:    func(err error) { t.Error(err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer detach()
		delivered.Add(1) // before there is something that the sweep may find
		updates[key] = l.write(t, id, "for all", 0)
	}
	for key, u := range updates {
		hub.Publish(key, u)
	}
	delivered.Wait()
	all.mu.Lock()
	defer all.mu.Unlock()
	if most := all.most; most > 16 {
		t.Errorf("%d read at once: nobody else gets a connection meanwhile", most)
	}
}
