package live_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// nodeOn is a hub that hears of others through a Redis.
func nodeOn(t testing.TB, l live.Source, url string, sweep time.Duration) *live.Hub {
	t.Helper()
	client, err := live.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return hub(t, l, live.Options{Redis: client, Sweep: sweep})
}

// streamsOf are streams of some partitions, so many of each.
func streamsOf(each int, partitions ...int) (ids []uuid.UUID) {
	for _, p := range partitions {
		for n := 0; n < each; {
			if id := uuid.New(); live.Partition(live.Key{Kind: kind, ID: id}) == p {
				ids = append(ids, id)
				n++
			}
		}
	}
	return ids
}

// A flow is words that are written to streams on one node and read on another.
type flow struct {
	t     testing.TB
	log   log
	here  *live.Hub
	mu    sync.Mutex
	sent  map[string]time.Time
	worst time.Duration
}

// watch reads a stream to the end of the flow and notes how long each word took.
func (f *flow) watch(there *live.Hub, id uuid.UUID) *reader {
	f.log.write(f.t, id, "first", 0)
	r := read(f.t, there, id, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note = func(word string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if at, ok := f.sent[word]; ok {
			f.worst = max(f.worst, time.Since(at))
		}
	}
	return r
}

// send writes a word and publishes it.
func (f *flow) send(id uuid.UUID, word string) {
	f.t.Helper()
	u := f.log.write(f.t, id, word, 0)
	f.mu.Lock()
	f.sent[word] = time.Now()
	f.mu.Unlock()
	f.here.Publish(live.Key{Kind: kind, ID: id}, u)
}

func newFlow(t testing.TB, l log, here *live.Hub) *flow {
	return &flow{t: t, log: l, here: here, sent: map[string]time.Time{}}
}

// Slots that move to other servers while words flow, without any sweep: none is missing, none comes twice, and all
// come in order.
func TestASlotThatMoves(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t)
	l := newLog(t)
	here, there := nodeOn(t, l, c.URL(), time.Hour), nodeOn(t, l, c.URL(), time.Hour)
	const partition, other = 7, 8
	f := newFlow(t, l, here)
	ids := streamsOf(2, partition, other)
	readers := make([]*reader, len(ids))
	for i, id := range ids {
		readers[i] = f.watch(there, id)
	}
	want := make([][]string, len(ids))
	step := func(n int) {
		for i, id := range ids {
			word := fmt.Sprint("w", i, ".", n)
			f.send(id, word)
			want[i] = append(want[i], word)
		}
	}
	moves := 0
	for n := range 200 {
		step(n)
		if n%20 == 10 {
			owner, err := c.Owner(t.Context(), partition)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Move(t.Context(), partition, (owner+1)%3); err != nil {
				t.Fatal(err)
			}
			moves++
		}
		if n%50 == 49 {
			for i, r := range readers {
				r.want(t, want[i]...)
			}
		}
	}
	for i, r := range readers {
		r.want(t, want[i]...)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.worst > 5*time.Second {
		t.Errorf("a word took %v: nothing but the move itself should hold it up", f.worst)
	}
	t.Logf("%d moves, %d words to %d streams: the slowest took %v", moves, 200*len(ids), len(ids), f.worst.Round(time.Millisecond))
}

// A server that goes away for good has its slots taken over by its replica, and one that comes back is found again.
func TestAServerOfTheClusterThatGoesAway(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t)
	l := newLog(t)
	here, there := nodeOn(t, l, c.URL(), 200*time.Millisecond), nodeOn(t, l, c.URL(), 200*time.Millisecond)
	partitionOf := func(server int) int {
		for p := range live.Partitions {
			if owner, err := c.Owner(t.Context(), p); err == nil && owner == server && p > 0 {
				return p
			}
		}
		t.Fatal("the server has no partition")
		return 0
	}
	away, stays := partitionOf(1), partitionOf(2)
	f := newFlow(t, l, here)
	ids := streamsOf(1, away, stays)
	gone, kept := f.watch(there, ids[0]), f.watch(there, ids[1])
	both := func(word string) {
		f.send(ids[0], word)
		f.send(ids[1], word)
	}
	both("before")
	gone.want(t, "before")
	kept.want(t, "before")

	if err := c.Kill(1); err != nil {
		t.Fatal(err)
	}
	both("without")
	gone.want(t, "before", "without") // by the sweep
	kept.want(t, "before", "without")
	degraded(t, there, true)
	degraded(t, here, true)

	if err := c.Restart(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	degraded(t, there, false)
	degraded(t, here, false)

	if _, err := c.AddReplica(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(1); err != nil {
		t.Fatal(err)
	}
	both("taken-over")
	degraded(t, there, true)
	degraded(t, there, false) // the replica has it now
	degraded(t, here, false)
	both("after")
	gone.want(t, "before", "without", "taken-over", "after")
	kept.want(t, "before", "without", "taken-over", "after")
}

// degraded waits until a hub says so, or no longer.
func degraded(t testing.TB, h *live.Hub, want bool) {
	t.Helper()
	for end := time.Now().Add(3 * deadline); h.Degraded() != want; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the hub says degraded: %v, want %v", !want, want)
		}
	}
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	counts := make([]int, live.Partitions)
	for range 100 * live.Partitions {
		counts[live.Partition(live.Key{Kind: kind, ID: uuid.New()})]++
	}
	if slices.Min(counts) < 40 {
		t.Errorf("streams are spread unevenly: %v", counts)
	}
	// Nodes of all versions have to agree.
	if p := live.Partition(live.Key{Kind: "conversation", ID: uuid.UUID{1, 2, 3}}); p != wantPartition {
		t.Errorf("the partition of a stream is %d, and was %d", p, wantPartition)
	}
}

const wantPartition = 22
