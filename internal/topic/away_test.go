package topic_test

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/fact"
)

// ownRedis is a Redis that the test may stop, and start again without what was in it.
type ownRedis struct {
	running *embedded.Services
	url     atomic.Pointer[url.URL]
}

func (r *ownRedis) start(t *testing.T) {
	t.Helper()
	var err error
	if r.running, err = embedded.Start(t.Context(), embedded.Options{NeedRedis: true, Throwaway: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.running.Close() })
	at, err := url.Parse(r.running.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	r.url.Store(at)
}

func (r *ownRedis) stop(t *testing.T) {
	t.Helper()
	if err := r.running.Close(); err != nil {
		t.Fatal(err)
	}
}

// client finds the Redis wherever it was started last.
func (r *ownRedis) client(t *testing.T) redis.UniversalClient {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Protocol: 2, MaxRetries: 1,
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			at := r.url.Load()
			if at.Scheme == "unix" {
				return (&net.Dialer{}).DialContext(ctx, "unix", at.Path)
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", at.Host)
		},
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	server := &ownRedis{}
	server.start(t)
	b, start := newBench(t, server.client(t), 0)
	start()
	created := func(subjects ...uuid.UUID) {
		facts := make([]fact.Fact, len(subjects))
		for i, s := range subjects {
			facts[i] = fact.Fact{Kind: "account.created", Subject: s}
		}
		b.store(t, facts...)
	}
	created(newID())
	eventually(t, "the first is there", func() bool { return len(b.entries(t, "NewUser")) == 1 })

	server.stop(t)
	subjects := make([]uuid.UUID, 10)
	for i := range subjects {
		subjects[i] = newID()
	}
	for range 5 {
		created(subjects...)
	}
	eventually(t, "they wait", func() bool {
		stats, err := b.facts.Stats(t.Context())
		return err == nil && stats[0].Depth == 50
	})
	if parked := b.parked(t); len(parked) != 0 {
		t.Fatalf("parked while Redis is away: %+v", parked)
	}
	server.start(t)
	eventually(t, "the queue is empty", func() bool { return b.count(t, "fact_queue") == 0 })
	if parked := b.parked(t); len(parked) != 0 {
		t.Fatalf("parked: %+v", parked)
	}
	perSubject(t, b, 10, 5)

	if err := b.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	created(subjects...)
	eventually(t, "after a flush there is what came then", func() bool { return len(b.entries(t, "NewUser")) >= 10 })
	perSubject(t, b, 10, 1)
}

// perSubject wants so many facts of so many subjects on the topic, those of each subject in their order.
func perSubject(t *testing.T, b *bench, subjects, facts int) {
	t.Helper()
	seen := map[int]bool{}
	bySubject := map[any][]int{}
	for _, e := range b.entries(t, "NewUser") {
		id, err := strconv.Atoi(e["fact"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if !seen[id] {
			seen[id] = true
			bySubject[e["subject"]] = append(bySubject[e["subject"]], id)
		}
	}
	if len(bySubject) != subjects {
		t.Errorf("%d subjects are on the topic, want %d", len(bySubject), subjects)
	}
	for subject, ids := range bySubject {
		if len(ids) != facts || !slices.IsSorted(ids) {
			t.Errorf("%v: got %v", subject, ids)
		}
	}
}
