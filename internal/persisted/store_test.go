package persisted_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/internal/persisted"
)

func open(t *testing.T) (*persisted.Store, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	return persisted.New(persisted.Options{Redis: client, Log: slog.New(slog.DiscardHandler)}), server
}

func TestStore(t *testing.T) {
	t.Parallel()
	t.Run("a text is found by its hash, and no other", func(t *testing.T) {
		t.Parallel()
		s, _ := open(t)
		s.Keep(t.Context(), "a", "{ viewer }")
		if got := s.Find(t.Context(), "a"); got != "{ viewer }" {
			t.Errorf("got %q", got)
		}
		if got := s.Find(t.Context(), "b"); got != "" {
			t.Errorf("got %q", got)
		}
	})

	t.Run("it stays a day after it was last asked for", func(t *testing.T) {
		t.Parallel()
		s, server := open(t)
		s.Keep(t.Context(), "a", "{ viewer }")
		for range 3 {
			server.FastForward(23 * time.Hour)
			if got := s.Find(t.Context(), "a"); got != "{ viewer }" {
				t.Fatalf("got %q", got)
			}
		}
		server.FastForward(25 * time.Hour)
		if got := s.Find(t.Context(), "a"); got != "" {
			t.Errorf("got %q", got)
		}
	})

	t.Run("a flood of texts fills no Redis, and an hour later there is room again", func(t *testing.T) {
		t.Parallel()
		_, server := open(t)
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2, MaxRetries: -1})
		t.Cleanup(func() { _ = client.Close() })
		now := time.Now()
		s := persisted.New(persisted.Options{Redis: client, Clock: func() time.Time { return now }})
		text := strings.Repeat("#", 1<<20)
		for i := range 20 {
			s.Keep(t.Context(), strconv.Itoa(i), text)
		}
		if kept := len(server.Keys()); kept != 15 { // their names take room too
			t.Fatalf("%d are kept", kept)
		}
		if s.Find(t.Context(), "0") != text {
			t.Fatal("the first one is not")
		}
		now = now.Add(time.Hour)
		if s.Keep(t.Context(), "later", text); s.Find(t.Context(), "later") != text {
			t.Fatal("an hour later it is not kept")
		}
	})

	t.Run("while Redis is away nothing is known, and then it is again", func(t *testing.T) {
		t.Parallel()
		s, server := open(t)
		s.Keep(t.Context(), "a", "{ viewer }")
		server.SetError("LOADING")
		if got := s.Find(t.Context(), "a"); got != "" {
			t.Fatalf("got %q", got)
		}
		server.SetError("")
		for deadline := time.Now().Add(10 * time.Second); s.Find(t.Context(), "a") == ""; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it is never known again")
			}
		}
	})
}
