package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/convenehq/convene/internal/gather"
)

// A desk answers when it is told to, and notes what it was asked.
type desk struct {
	mu     sync.Mutex
	asked  [][]int
	answer chan error
}

func (d *desk) ask(ctx context.Context, keys []int) (map[int]string, error) {
	d.mu.Lock()
	d.asked = append(d.asked, slices.Sorted(slices.Values(keys)))
	d.mu.Unlock()
	select {
	case err := <-d.answer:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	values := map[int]string{}
	for _, k := range keys {
		if k >= 0 {
			values[k] = fmt.Sprint("value ", k)
		}
	}
	return values, nil
}

func (d *desk) sizes() (all []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, keys := range d.asked {
		all = append(all, len(keys))
	}
	return all
}

func newDesk() (*desk, *gather.Gatherer[int, string]) {
	d := &desk{answer: make(chan error)}
	return d, gather.New(d.ask)
}

func TestGatherer(t *testing.T) {
	t.Parallel()
	t.Run("who comes while one statement runs goes together with the next, and at most so many at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d, g := newDesk()
			var wait sync.WaitGroup
			get := func(k int) {
				wait.Go(func() {
					if v, found, err := g.Get(t.Context(), k); err != nil || !found || v != fmt.Sprint("value ", k) {
						t.Errorf("%d: got %q, %v, %v", k, v, found, err)
					}
				})
			}
			get(0)
			synctest.Wait()
			for k := range 100 {
				get(k + 1)
				get(k + 1) // twice the same key is asked for once
			}
			synctest.Wait()
			if got := d.sizes(); !slices.Equal(got, []int{1}) {
				t.Fatalf("asked for %v before the first answer", got)
			}
			d.answer <- nil
			synctest.Wait()
			if got := d.sizes(); !slices.Equal(got, []int{1, 100}) {
				t.Fatalf("asked for %v", got)
			}
			for k := range 2 * gather.Most {
				get(1000 + k)
			}
			close(d.answer)
			wait.Wait()
			for _, n := range d.sizes() {
				if n > gather.Most {
					t.Fatalf("asked for %v", d.sizes())
				}
			}
		})
	})
	t.Run("a key that is being asked for is asked again for who comes later", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d, g := newDesk()
			var wait sync.WaitGroup
			for range 2 {
				wait.Go(func() { _, _, _ = g.Get(t.Context(), 7) })
				synctest.Wait()
			}
			close(d.answer)
			wait.Wait()
			if got := d.sizes(); !slices.Equal(got, []int{1, 1}) {
				t.Fatalf("asked for %v", got)
			}
		})
	})
	t.Run("whoever gives up harms nobody, and is not asked for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d, g := newDesk()
			ctx, cancel := context.WithCancel(t.Context())
			var wait sync.WaitGroup
			for k := range 4 {
				wait.Go(func() {
					asking := t.Context()
					if k < 2 {
						asking = ctx
					}
					_, _, err := g.Get(asking, k)
					if k < 2 != errors.Is(err, context.Canceled) {
						t.Errorf("%d: got %v", k, err)
					}
				})
				synctest.Wait() // 0 is being asked for, the others wait
			}
			cancel()
			synctest.Wait()
			close(d.answer)
			wait.Wait()
			if fmt.Sprint(d.asked) != "[[0] [2 3]]" {
				t.Fatalf("asked for %v", d.asked)
			}
			if _, _, err := g.Get(ctx, 9); !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		})
	})
	t.Run("what is not there is not found, and a fault reaches all of the batch and nobody after it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d, g := newDesk()
			away := errors.New("the database is away")
			var wait sync.WaitGroup
			wait.Go(func() {
				if _, found, err := g.Get(t.Context(), -1); found || err != nil {
					t.Errorf("got %v, %v", found, err)
				}
			})
			synctest.Wait()
			for k := range 3 {
				wait.Go(func() {
					if _, found, err := g.Get(t.Context(), k); found || !errors.Is(err, away) {
						t.Errorf("got %v, %v", found, err)
					}
				})
			}
			synctest.Wait()
			d.answer <- nil
			d.answer <- away
			wait.Wait()
			close(d.answer)
			if v, _, err := g.Get(t.Context(), 1); err != nil || v != "value 1" {
				t.Errorf("afterwards: got %q, %v", v, err)
			}
		})
	})
	t.Run("what takes too long is given up, and what panics is an error", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			_, g := newDesk()
			start := time.Now()
			if _, _, err := g.Get(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > time.Minute {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
			bad := gather.New(func(context.Context, []int) (map[int]int, error) { panic("boom") })
			if _, _, err := bad.Get(t.Context(), 1); err == nil {
				t.Error("got no error")
			}
		})
	})
	t.Run("the question knows nothing of who asks", func(t *testing.T) {
		t.Parallel()
		type secret struct{}
		g := gather.New(func(ctx context.Context, _ []int) (map[int]any, error) {
			return map[int]any{1: ctx.Value(secret{})}, nil
		})
		if v, _, err := g.Get(context.WithValue(t.Context(), secret{}, "mine"), 1); v != nil || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
	})
}
