package sibling_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/convenehq/convene/internal/sibling"
)

type row struct {
	key   int
	group *sibling.Group
}

func (r *row) Siblings() *sibling.Group     { return r.group }
func (r *row) SetSiblings(g *sibling.Group) { r.group = g }

func key(r *row) int { return r.key }

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("the first sibling fetches for all, whichever and however many ask at once", func(t *testing.T) {
		t.Parallel()
		var rows []*row
		for i := range 50 {
			rows = append(rows, &row{key: i % 20})
		}
		sibling.Join(rows)
		var fetches int
		fetch := func(_ context.Context, keys []int) (map[int]string, error) { //nolint:unparam // Load wants the error
			fetches++
			slices.Sort(keys)
			if len(keys) != 20 || keys[19] != 19 {
				t.Errorf("asked for %v", keys)
			}
			got := map[int]string{}
			for _, k := range keys[:19] {
				got[k] = fmt.Sprint("value ", k)
			}
			return got, nil
		}
		var wait sync.WaitGroup
		for _, r := range rows {
			wait.Go(func() {
				got, err := sibling.Load(t.Context(), r, "name", key, fetch)
				want := fmt.Sprint("value ", r.key)
				if r.key == 19 {
					want = "" // nothing was found for it
				}
				if err != nil || got != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			})
		}
		wait.Wait()
		if fetches != 1 {
			t.Fatalf("%d fetches", fetches)
		}
	})
	t.Run("different names are fetched apart", func(t *testing.T) {
		t.Parallel()
		r := &row{key: 1}
		for _, name := range []string{"a", "b", "a"} {
			got, err := sibling.Load(t.Context(), r, name, key, func(context.Context, []int) (map[int]string, error) {
				return map[int]string{1: name}, nil
			})
			if err != nil || got != name {
				t.Fatalf("got %q, %v", got, err)
			}
		}
	})
	t.Run("an error reaches every sibling", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		rows := sibling.Join([]*row{{key: 1}, {key: 2}})
		for _, r := range rows {
			_, err := sibling.Load(t.Context(), r, "name", key, func(context.Context, []int) (map[int]string, error) { return nil, broken })
			if !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
		}
	})
	t.Run("what is primed is not fetched", func(t *testing.T) {
		t.Parallel()
		r := &row{key: 1}
		sibling.Prime(r, "name", map[int]string{1: "here"})
		got, err := sibling.Load(t.Context(), r, "name", key, func(context.Context, []int) (map[int]string, error) {
			return nil, errors.New("fetched")
		})
		if err != nil || got != "here" {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}
