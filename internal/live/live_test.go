package live_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// deadline is how long a test waits for what should come at once.
const deadline = 10 * time.Second

func TestDelivery(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	h := hub(t, l, live.Options{Sweep: 100 * time.Millisecond})
	stream := func() (uuid.UUID, live.Key) {
		id := uuid.New()
		l.write(t, id, "first", 0)
		return id, live.Key{Kind: kind, ID: id}
	}
	t.Run("what was published twice is delivered once", func(t *testing.T) {
		t.Parallel()
		id, key := stream()
		r := read(t, h, id, "")
		a, b := l.write(t, id, "a", 0), l.write(t, id, "b", 0)
		h.Publish(key, a, a)
		h.Publish(key, b, a, b)
		r.want(t, "a", "b")
	})
	t.Run("what was published in another order is delivered in order", func(t *testing.T) {
		t.Parallel()
		id, key := stream()
		r := read(t, h, id, "")
		a, b, c := l.write(t, id, "a", 0), l.write(t, id, "b", 0), l.write(t, id, "c", 0)
		h.Publish(key, c)
		h.Publish(key, b)
		h.Publish(key, a)
		r.want(t, "a", "b", "c")
	})
	t.Run("what was lost before another update comes with it", func(t *testing.T) {
		t.Parallel()
		id, key := stream()
		r := read(t, h, id, "")
		l.write(t, id, "lost", 0)
		l.write(t, id, "lost-too", 0)
		h.Publish(key, l.write(t, id, "c", 0))
		r.want(t, "lost", "lost-too", "c")
	})
	t.Run("a last update that was lost is found by the sweep", func(t *testing.T) {
		t.Parallel()
		id, _ := stream()
		r := read(t, h, id, "")
		l.write(t, id, "lost", 0)
		r.want(t, "lost")
	})
	t.Run("numbers that were never used hold nothing up", func(t *testing.T) {
		t.Parallel()
		id, key := stream()
		r := read(t, h, id, "")
		h.Publish(key, l.write(t, id, "a", 3))
		h.Publish(key, l.write(t, id, "b", 1))
		r.want(t, "a", "b")
	})
	t.Run("an update that PostgreSQL does not know is not believed, and not waited for", func(t *testing.T) {
		t.Parallel()
		counted := &countingLog{log: l}
		doubting := live.New(live.Options{Epoch: func(context.Context) (string, error) { return "epoch", nil }})
		doubting.Register(kind, counted, live.Shared)
		if err := doubting.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(doubting.Close)
		id, key := stream()
		r := read(t, doubting, id, "")
		doubting.Publish(key, live.Update{Seq: 1_000_000, Data: []byte("forged")})
		doubting.Publish(key, l.write(t, id, "a", 0))
		r.want(t, "a")
		doubting.Publish(key, l.write(t, id, "b", 0))
		r.want(t, "a", "b")
		if n := counted.reads.Load(); n > 4 {
			t.Fatalf("PostgreSQL was read %d times", n)
		}
	})
	t.Run("an update that can not be rendered fails the subscriber and not the stream", func(t *testing.T) {
		t.Parallel()
		id, key := stream()
		r := read(t, h, id, "")
		h.Publish(key, l.write(t, id, "unspeakable", 0))
		h.Publish(key, l.write(t, id, "b", 0))
		r.want(t, "failed", "b")
	})
	t.Run("it is tried once for all, and anew for who comes back", func(t *testing.T) {
		t.Parallel()
		id, key := stream()
		after := h.Cursor(key, 1).String()
		var tries atomic.Int64
		isBroken := atomic.Bool{}
		isBroken.Store(true)
		var all []*reader
		for range 20 {
			all = append(all, readBy(t, h, id, "", "moody", func() (live.Renderer, error) { return moody{&isBroken, &tries}, nil }))
		}
		h.Publish(key, l.write(t, id, "a", 0))
		for _, r := range all {
			r.want(t, "failed")
		}
		if n := tries.Load(); n != 1 {
			t.Errorf("it was tried %d times, and each may take seconds", n)
		}
		readBy(t, h, id, after, "moody", nil).want(t, "failed")
		isBroken.Store(false)
		readBy(t, h, id, after, "moody", nil).want(t, "a")
	})
	t.Run("a silent subscriber is told a newer cursor now and then", func(t *testing.T) {
		t.Parallel()
		quiet := hub(t, l, live.Options{Sweep: 50 * time.Millisecond, Tell: 300 * time.Millisecond})
		id, _ := stream()
		r := read(t, quiet, id, "")
		r.want(t, "moved")
		after := r.cursor
		l.write(t, id, "next", 0)
		read(t, quiet, id, after).want(t, "next")
	})
	t.Run("a stream that does not exist is refused", func(t *testing.T) {
		t.Parallel()
		_, err := h.Attach(t.Context(), live.Request{Key: live.Key{Kind: "nothing", ID: uuid.New()}}, &live.Member{})
		if err == nil {
			t.Fatal("attached to a kind that nobody registered")
		}
	})
}

// Clients that are cut and resume at random on two nodes, with updates published at random, twice, or not
// at all, have every update once and in order.
func TestExactlyOnceWhateverIsLost(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	nodes := []*live.Hub{hub(t, l, live.Options{Sweep: 80 * time.Millisecond}), hub(t, l, live.Options{Sweep: 80 * time.Millisecond})}
	rapid.Check(t, func(rt *rapid.T) {
		id := uuid.New()
		key := live.Key{Kind: kind, ID: id}
		l.write(t, id, "zero", 0)
		start := nodes[0].Cursor(key, 0).String()
		r := read(t, nodes[0], id, start)
		wanted, got := []string{"zero"}, []string(nil)
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			word := fmt.Sprint("w", i)
			u := l.write(t, id, word, rapid.Int64Range(0, 2).Draw(rt, "skip"))
			wanted = append(wanted, word)
			for _, node := range nodes {
				for range rapid.IntRange(0, 2).Draw(rt, "published") {
					node.Publish(key, u)
				}
			}
			if rapid.Bool().Draw(rt, "cut") {
				r.detach()
				r.mu.Lock()
				got = append(got, r.words...)
				if len(r.words) > 0 {
					start = r.cursor
				}
				r.mu.Unlock()
				r = read(t, nodes[rapid.IntRange(0, 1).Draw(rt, "node")], id, start)
			}
		}
		r.want(t, wanted[len(got):]...)
		r.detach()
		if whole := slices.Concat(got, r.words); strings.Join(whole, " ") != strings.Join(wanted, " ") {
			rt.Fatalf("got %q, want %q", whole, wanted)
		}
	})
}

func TestRedisComesAndGoes(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	node := func() *live.Hub {
		client, err := live.OpenRedis(testkit.RedisURL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return hub(t, l, live.Options{Redis: client, Sweep: time.Hour})
	}
	here, there := node(), node()
	id := uuid.New()
	key := live.Key{Kind: kind, ID: id}
	l.write(t, id, "first", 0)
	r := read(t, there, id, "")
	killer, err := live.OpenRedis(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = killer.Close() }()
	var want []string
	for i := range 20 {
		// Written and published while the subscriber's connection may be away: the check that follows the
		// renewed subscription finds it, without any sweep.
		if i%4 == 3 {
			err := killer.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err()
			if err != nil && strings.Contains(err.Error(), "unknown subcommand") {
				t.Skip("the tests run on the built-in Redis, which cuts nobody off")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		word := fmt.Sprint("w", i)
		here.Publish(key, l.write(t, id, word, 0))
		want = append(want, word)
		if i%4 == 1 {
			r.want(t, want...)
		}
	}
	r.want(t, want...)
}

func TestRedisDownFromTheStart(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	client, err := live.OpenRedis("redis://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	h := hub(t, l, live.Options{Redis: client, Sweep: 80 * time.Millisecond})
	id := uuid.New()
	l.write(t, id, "first", 0)
	r := read(t, h, id, "")
	h.Publish(live.Key{Kind: kind, ID: id}, l.write(t, id, "from here", 0))
	l.write(t, id, "from-elsewhere", 0)
	r.want(t, "from here", "from-elsewhere")
	for end := time.Now().Add(deadline); !h.Degraded(); {
		if time.Now().After(end) {
			t.Fatal("the hub does not say that it is degraded")
		}
	}
}

func TestStreamsThatEndAreForgotten(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	client, err := live.OpenRedis(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	h := hub(t, l, live.Options{Redis: client, Linger: time.Millisecond, Sweep: time.Hour})
	channels := func(id uuid.UUID) []string {
		found, err := client.PubSubChannels(t.Context(), "*"+id.String()).Result()
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(deadline); !is(); <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	for range 3 {
		id := uuid.New()
		l.write(t, id, "first", 0)
		r := read(t, h, id, "")
		until("it is not subscribed to", func() bool { return len(channels(id)) > 0 })
		r.detach()
		until("its subscription does not end", func() bool { return len(channels(id)) == 0 })
	}
	until("what has ended is remembered", func() bool { return h.Leaving() == 0 })
}

//nolint:paralleltest // counts the goroutines of the process
func TestNothingIsLeftBehind(t *testing.T) {
	newLog(t) // the services of the tests stay
	ignore := goleak.IgnoreCurrent()
	l := newLog(t)
	client, err := live.OpenRedis(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	h := live.New(live.Options{Redis: client, Linger: time.Millisecond, Epoch: func(context.Context) (string, error) { return "e", nil }})
	h.Register(kind, l, live.Shared)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	h.Publish(live.Key{Kind: kind, ID: id}, l.write(t, id, "first", 0))
	r := read(t, h, id, h.Cursor(live.Key{Kind: kind, ID: id}, 0).String())
	r.want(t, "first")
	r.detach()
	h.Close()
	_ = client.Close()
	_ = l.db.Close()
	goleak.VerifyNone(t, ignore)
}
