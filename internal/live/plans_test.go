package live_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// unread takes what nobody looks at.
type unread struct{}

// Render implements live.Renderer.
func (unread) Render(context.Context, live.Item, bool) ([]byte, error) { return nil, nil }

// Close implements live.Renderer.
func (unread) Close() {}

func TestPlansOfOneAccount(t *testing.T) {
	t.Parallel()
	for nature, name := range map[live.Nature]string{live.Shared: "shared", live.Personal: "personal"} {
		t.Run("a "+name+" stream is rendered for one account in so many ways and no more", func(t *testing.T) {
			t.Parallel()
			l := newLog(t)
			h := live.New(live.Options{Epoch: func(context.Context) (string, error) { return "epoch", nil }})
			h.Register(kind, l, nature)
			if err := h.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			id, somebody := uuid.New(), uuid.New()
			l.write(t, id, "first", 0)
			attach := func(account uuid.UUID, plan int) (func(), error) {
				return h.Attach(t.Context(), live.Request{
					Key: live.Key{Kind: kind, ID: id}, Plan: fmt.Sprint(plan), Exclusive: nature == live.Personal,
					Renderer: func() (live.Renderer, error) { return unread{}, nil },
				}, &live.Member{Account: account, Deliver: func([]byte, string) {}, Fail: func(err error) { t.Error(err) }})
			}
			must := func(account uuid.UUID, plan int) (leave func()) {
				leave, err := attach(account, plan)
				if err != nil {
					t.Fatalf("plan %d: %v", plan, err)
				}
				return leave
			}
			var leave []func()
			for plan := range live.MaxOwnPlans {
				leave = append(leave, must(somebody, plan))
				defer must(somebody, plan)() // another tab
			}
			if _, err := attach(somebody, live.MaxOwnPlans); !errors.Is(err, live.ErrTooManyPlans) {
				t.Fatalf("one more: got %v", err)
			}
			other := must(uuid.New(), live.MaxOwnPlans)
			must(somebody, live.MaxOwnPlans)() // which costs nothing beyond what it costs for somebody else
			other()
			leave[0]()
			if _, err := attach(somebody, live.MaxOwnPlans); !errors.Is(err, live.ErrTooManyPlans) {
				t.Fatalf("while another tab has the plan: got %v", err)
			}
		})
	}
}
