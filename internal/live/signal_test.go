package live_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// A signalPlan renders signals as their data, and counts how often.
type signalPlan struct {
	words
	rendered atomic.Int64
}

// Render implements live.Renderer.
func (p *signalPlan) Render(ctx context.Context, item live.Item, own bool) ([]byte, error) {
	if item.Kind != live.Signalled {
		return p.words.Render(ctx, item, own)
	}
	p.rendered.Add(1)
	return item.Signal.Data, nil
}

// An ear is a subscriber that hears signals.
type ear struct {
	mu    sync.Mutex
	heard []string
	came  chan struct{}
}

func listen(t *testing.T, h *live.Hub, key live.Key, account uuid.UUID, plan *signalPlan) *ear {
	t.Helper()
	e := &ear{came: make(chan struct{}, 1000)}
	detach, err := h.Attach(t.Context(), live.Request{
		Key: key, Plan: "signals", Renderer: func() (live.Renderer, error) { return plan, nil },
	}, &live.Member{
		Account: account,
		Hears:   func(sig live.Signal) bool { return sig.Name != "unheard" },
		Offer: func(frame []byte) {
			e.mu.Lock()
			e.heard = append(e.heard, string(frame))
			e.mu.Unlock()
			e.came <- struct{}{}
		},
		Deliver: func([]byte, string) {},
		Fail:    func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(detach)
	return e
}

// want waits for exactly these signals, in order.
func (e *ear) want(t *testing.T, want ...string) {
	t.Helper()
	end := time.After(deadline)
	for {
		e.mu.Lock()
		got := slices.Clone(e.heard)
		e.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		if len(got) > len(want) {
			t.Fatalf("heard %q, want %q", got, want)
		}
		select {
		case <-e.came:
		case <-end:
			t.Fatalf("heard %q, want %q", got, want)
		}
	}
}

func say(author uuid.UUID, data string) live.Signal {
	return live.Signal{Name: "said", Author: author, Data: []byte(data)}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	node := func(t *testing.T) *live.Hub {
		t.Helper()
		client, err := live.OpenRedis(testkit.RedisURL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return hub(t, l, live.Options{Redis: client, Sweep: time.Hour})
	}
	here, there := node(t), node(t)
	ada, bob, cy, dan := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	// room is a stream that three listen to: Ada here, Bob and Cy there.
	type room struct {
		key          live.Key
		ada, bob, cy *ear
		plan         *signalPlan
	}
	open := func(t *testing.T) room {
		t.Helper()
		id := uuid.New()
		l.write(t, id, "first", 0)
		r := room{key: live.Key{Kind: kind, ID: id}, plan: &signalPlan{}}
		r.ada = listen(t, here, r.key, ada, &signalPlan{})
		r.bob, r.cy = listen(t, there, r.key, bob, r.plan), listen(t, there, r.key, cy, r.plan)
		// Redis brings nothing before the subscription is confirmed.
		for heard := false; !heard; {
			probe := listen(t, there, r.key, dan, r.plan)
			here.Signal(r.key, live.Signal{Name: "probe", To: []uuid.UUID{dan}, Data: []byte("?")})
			select {
			case <-probe.came:
				heard = true
			case <-time.After(20 * time.Millisecond):
			}
		}
		r.plan.rendered.Store(0)
		return r
	}

	t.Run("a signal reaches the others on all nodes once, and never its author", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		here.Signal(r.key, say(ada, "a"))
		r.cy.want(t, "a")
		there.Signal(r.key, say(bob, "b"))
		r.cy.want(t, "a", "b")
		r.bob.want(t, "a")
		r.ada.want(t, "b")
		here.Signal(r.key, say(dan, "d"))
		r.ada.want(t, "b", "d")
		r.bob.want(t, "a", "d")
		r.cy.want(t, "a", "b", "d")
	})
	t.Run("it is rendered once for all who share a plan, and not at all for nobody", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		there.Signal(r.key, live.Signal{Name: "unheard", Data: []byte("x")})
		there.Signal(r.key, say(dan, "d"))
		r.bob.want(t, "d")
		r.cy.want(t, "d")
		if n := r.plan.rendered.Load(); n != 1 {
			t.Errorf("it was rendered %d times", n)
		}
	})
	t.Run("it is for some, or for all but some", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		except, to := say(ada, "not for bob"), say(ada, "for bob")
		except.Except, to.To = []uuid.UUID{bob, dan}, []uuid.UUID{bob, dan}
		here.Signal(r.key, except)
		here.Signal(r.key, to)
		here.Signal(r.key, say(dan, "last"))
		r.bob.want(t, "for bob", "last")
		r.cy.want(t, "not for bob", "last")
	})
	t.Run("one that is found out here stays here", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		here.SignalHere(r.key, say(dan, "here"))
		here.Signal(r.key, say(dan, "everywhere"))
		r.ada.want(t, "here", "everywhere")
		r.cy.want(t, "everywhere")
	})
	t.Run("who says the same too often is heard once, from whichever nodes", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		slow := say(ada, "a")
		slow.Every = time.Hour
		for range 50 {
			here.Signal(r.key, slow)
		}
		r.cy.want(t, "a")
		there.Signal(r.key, slow)
		other := slow
		other.Author, other.Data = dan, []byte("d")
		there.Signal(r.key, other)
		r.cy.want(t, "a", "d")
		r.ada.want(t, "d")
	})
	t.Run("of a crowd that speaks at once some are heard", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		for range 500 {
			one := say(uuid.New(), "x")
			one.Every = time.Hour
			here.Signal(r.key, one)
		}
		here.Signal(r.key, say(dan, "last"))
		r.ada.want(t, append(slices.Repeat([]string{"x"}, 20), "last")...)
		r.cy.want(t, append(slices.Repeat([]string{"x"}, 20), "last")...)
	})
	t.Run("updates keep their numbers, their cursors and their place", func(t *testing.T) {
		t.Parallel()
		r := open(t)
		reader := read(t, there, r.key.ID, "")
		for _, word := range []string{"a", "b", "c"} {
			here.Signal(r.key, say(dan, word))
			here.Publish(r.key, l.write(t, r.key.ID, word, 0))
		}
		reader.want(t, "a", "b", "c")
		r.bob.want(t, "a", "b", "c")
		// A replay has none.
		read(t, here, r.key.ID, here.Cursor(r.key, 1).String()).want(t, "a", "b", "c")
	})
	t.Run("a stream to which nobody listens has nobody to tell", func(t *testing.T) {
		t.Parallel()
		key := live.Key{Kind: kind, ID: uuid.New()}
		here.Signal(key, say(dan, "x"))
		if here.Listens(key) {
			t.Error("somebody listens")
		}
		if r := open(t); !here.Listens(r.key) {
			t.Error("nobody listens")
		}
	})
}
