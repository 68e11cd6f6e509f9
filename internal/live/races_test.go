package live_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
)

// A scene is a stream with ten entries, on a node that has one subscriber and remembers nothing yet.
type scene struct {
	log     *countingLog
	hub     *live.Hub
	id      uuid.UUID
	key     live.Key
	entries []live.Update
	watcher *reader
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{log: &countingLog{log: newLog(t)}, id: uuid.New()}
	s.key = live.Key{Kind: kind, ID: s.id}
	for i := range 10 {
		s.entries = append(s.entries, s.log.write(t, s.id, fmt.Sprint("w", i+1), 0))
	}
	s.hub = live.New(live.Options{Epoch: func(context.Context) (string, error) { return "epoch", nil }})
	s.hub.Register(kind, s.log, live.Shared)
	if err := s.hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.hub.Close)
	s.watcher = read(t, s.hub, s.id, "")
	return s
}

func (s *scene) resume(t *testing.T, after int64) *reader {
	t.Helper()
	return read(t, s.hub, s.id, s.hub.Cursor(s.key, after).String())
}

func TestWhatComesDuringAReplay(t *testing.T) {
	t.Parallel()
	t.Run("a message and its edit that come while history is read are not lost", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		then := func() {
			a := s.log.write(t, s.id, "w11", 0)
			b := s.log.change(t, s.id, a, "W11")
			s.hub.Publish(s.key, a, b)
			s.watcher.want(t, "w11", "changed")
		}
		s.log.then.Store(&then)
		s.resume(t, 8).want(t, "w9", "w10", "W11", "changed")
		s.resume(t, 9).want(t, "w10", "W11", "changed")
	})
	t.Run("an edit that comes while history is read is not undone for the next one", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		then := func() {
			s.hub.Publish(s.key, s.log.change(t, s.id, s.entries[9], "W10"))
			s.watcher.want(t, "changed")
		}
		s.log.then.Store(&then)
		s.resume(t, 8).want(t, "w9", "w10", "changed")
		s.resume(t, 8).want(t, "w9", "W10", "changed")
	})
	t.Run("what was rendered for one replay is not kept beyond an edit", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.hub.Publish(s.key, s.log.write(t, s.id, "w11", 0))
		s.watcher.want(t, "w11")
		s.resume(t, 8).want(t, "w9", "w10", "w11")
		s.hub.Publish(s.key, s.log.change(t, s.id, s.entries[9], "W10"))
		s.watcher.want(t, "w11", "changed")
		s.resume(t, 8).want(t, "w9", "W10", "w11", "changed")
	})
}

// What a subscriber may see is found out before it joins. Whatever changes that in between reaches it, also
// if it begins behind that.
func TestSeesIsToldWhatItMissed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	judged := int64(len(s.entries)) + 1
	hidden := s.log.hide(t, s.id)
	s.hub.Publish(s.key, hidden, s.log.write(t, s.id, "w12", 0))
	s.watcher.want(t, "w12")
	for name, after := range map[string]*live.Cursor{
		"from now on": nil,
		"resuming":    {Key: s.key, Epoch: "epoch", Seq: hidden.Seq + 1},
		"refetching":  {Key: s.key, Epoch: "another", Seq: 3},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var told []int64
			detach, err := s.hub.Attach(t.Context(), live.Request{
				Key: s.key, After: after, Judged: judged, Plan: name,
				Renderer: func() (live.Renderer, error) { return words{}, nil },
			}, &live.Member{
				Sees: func(u live.Update) bool {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, u.Seq)
					return true
				},
				Deliver: func(frame []byte, _ string) {
					if string(frame) != "resync:EPOCH_CHANGED" {
						t.Errorf("it was given %s", frame)
					}
				},
				Fail: func(err error) { t.Error(err) },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer detach()
			mu.Lock()
			defer mu.Unlock()
			if len(told) != 1 || told[0] != hidden.Seq {
				t.Fatalf("it was told of %v, want %d", told, hidden.Seq)
			}
		})
	}
}

// A client that joined later than its cursor, on a node that is behind its joining.
func TestANodeBehindTheJoining(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 5 {
		s.log.write(t, s.id, fmt.Sprint("later", i), 0)
	}
	var got []string
	detach, err := s.hub.Attach(t.Context(), live.Request{
		Key: s.key, After: &live.Cursor{Key: s.key, Epoch: "epoch", Seq: 4}, From: 14, Plan: "joined",
		Renderer: func() (live.Renderer, error) { return words{}, nil },
	}, &live.Member{
		Deliver: func(frame []byte, _ string) { got = append(got, string(frame)) },
		Fail:    func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer detach()
	if fmt.Sprint(got) != "[later4]" {
		t.Fatalf("got %v", got)
	}
}
