package live_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

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
