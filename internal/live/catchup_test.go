package live_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// A halting renderer waits before the first word that it renders.
type halting struct {
	words
	halt func()
}

func (h halting) Render(ctx context.Context, item live.Item, own bool) ([]byte, error) {
	h.halt()
	return h.words.Render(ctx, item, own)
}

// Somebody may be owed thousands of updates. What is rendered for them alone must not keep a stream from the others.
func TestWhoWasAwayHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	l, key := newLog(t), live.Key{Kind: kind, ID: uuid.New()}
	missed := make([]string, 0, 600)
	for i := range cap(missed) { // more than a stream remembers
		l.write(t, key.ID, fmt.Sprint("m", i), 0)
		missed = append(missed, fmt.Sprint("m", i))
	}
	h := hub(t, l, live.Options{})
	watcher := read(t, h, key.ID, "")
	began, goOn := make(chan struct{}), make(chan struct{})
	halt := sync.OnceFunc(func() {
		close(began)
		<-goOn
	})
	after := h.Cursor(key, 0)
	var got []string
	var mu sync.Mutex
	resumed := make(chan error, 1)
	var detach func()
	go func() {
		var err error
		detach, err = h.Attach(t.Context(), live.Request{
			Key: key, Plan: "halting", After: &after,
			Renderer: func() (live.Renderer, error) { return halting{halt: halt}, nil },
		}, &live.Member{
			Account: uuid.New(),
			Deliver: func(frame []byte, _ string) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(frame))
			},
			Fail: func(err error) { t.Error(err) },
		})
		resumed <- err
	}()
	<-began
	h.Publish(key, l.write(t, key.ID, "new", 0))
	watcher.want(t, "new")
	close(goOn)
	if err := <-resumed; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(detach)
	mu.Lock()
	defer mu.Unlock()
	if want := append(slices.Clip(missed), "new"); !slices.Equal(got, want) {
		t.Errorf("who was away got %d updates, want %d in order: %.200q", len(got), len(want), got)
	}
}

// What a subscriber may see is found out before it joins, and whoever sees it all must know of all that hides something
// since: however much that is, and whatever else the subscriber is told.
func TestNothingHiddenIsMissedHoweverMuchItIs(t *testing.T) {
	t.Parallel()
	const owed = 5
	for name, c := range map[string]struct {
		words, hidden, more int // before the judgement, and since
		after               *live.Cursor
		want                string
	}{
		"from now on":                {words: 3, hidden: 4 * owed},
		"resuming behind it":         {words: 3, hidden: 4 * owed, more: 2, after: &live.Cursor{Seq: 3 + 4*owed}, want: "m1 m2"},
		"resuming in the midst":      {words: 3, hidden: 4 * owed, more: 2, after: &live.Cursor{Seq: 3 + owed + 1}, want: "resync:TOO_FAR_BEHIND"},
		"having missed too much":     {words: 4 * owed, hidden: 1, after: &live.Cursor{Seq: 1}, want: "resync:TOO_FAR_BEHIND"},
		"having missed too much too": {words: 4 * owed, hidden: 4 * owed, more: 1, after: &live.Cursor{Seq: 1}, want: "resync:TOO_FAR_BEHIND"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, key := newLog(t), live.Key{Kind: kind, ID: uuid.New()}
			for i := range c.words {
				l.write(t, key.ID, fmt.Sprint("w", i+1), 0)
			}
			var hidden, told []int64
			for range c.hidden {
				hidden = append(hidden, l.hide(t, key.ID).Seq)
			}
			for i := range c.more {
				l.write(t, key.ID, fmt.Sprint("m", i+1), 0)
			}
			h := hub(t, l, live.Options{Owed: owed, Sweep: time.Hour})
			if c.after != nil {
				c.after.Key, c.after.Epoch = key, h.Epoch()
			}
			read(t, h, key.ID, "") // the head is known, and nothing remembered
			var got []string
			detach, err := h.Attach(t.Context(), live.Request{
				Key: key, After: c.after, Judged: int64(c.words) + 1, Plan: "judged",
				Renderer: func() (live.Renderer, error) { return words{}, nil },
			}, &live.Member{
				Sees: func(u live.Update) bool {
					if u.Hidden && u.Seq > int64(c.words) {
						told = append(told, u.Seq)
					}
					return true
				},
				Deliver: func(frame []byte, _ string) { got = append(got, string(frame)) },
				Fail:    func(err error) { t.Error(err) },
			})
			if err != nil {
				t.Fatal(err)
			}
			detach()
			if strings.Join(got, " ") != c.want {
				t.Errorf("it was given %q, want %q", got, c.want)
			}
			if !slices.Equal(slices.Compact(told), hidden) {
				t.Errorf("it was told of %v, want %v", told, hidden)
			}
		})
	}
}
