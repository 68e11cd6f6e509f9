package limit_test

import (
	"context"
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func open(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	client, err := live.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// anyAddress is one that no other test has.
func anyAddress() netip.Addr {
	of := netip.MustParseAddr("2001:db8::1").As16()
	_, _ = rand.Read(of[4:8])
	return netip.AddrFrom16(of)
}

// tell tells Redis on each node once, in turn.
func tell(t *testing.T, nodes ...*limit.Limiter) {
	t.Helper()
	for _, l := range nodes {
		if err := limit.Tell(l); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	// A minute for one: none comes back while a test runs.
	rates := limit.Rates{limit.Operations: limit.Within(time.Minute, 1, 20), limit.Requests: limit.Within(time.Minute, 1, 1000)}

	t.Run("what one lets through counts on the other, once both have told", func(t *testing.T) {
		t.Parallel()
		url := testkit.RedisURL(t)
		here := limit.New(limit.Options{Rates: rates, Redis: open(t, url)})
		there := limit.New(limit.Options{Rates: rates, Redis: open(t, url)})
		ctx, address := asking(t, uuid.New()), anyAddress()
		if err := here.Client(address).Ask(ctx, 15); err != nil {
			t.Fatal(err)
		}
		tell(t, here)
		if err := there.Client(address).Ask(ctx, 1); err != nil {
			t.Fatal(err)
		}
		tell(t, there)
		if err := there.Client(address).Ask(ctx, 4); err != nil {
			t.Fatalf("the rest is refused: %v", err)
		}
		if there.Client(address).Ask(ctx, 1) == nil {
			t.Error("both let through more than a limit")
		}
		if err := there.Client(address).Ask(asking(t, uuid.New()), 20); err != nil {
			t.Errorf("somebody else is refused: %v", err)
		}
	})
	t.Run("what went beyond the limit before they knew of each other is made up for", func(t *testing.T) {
		t.Parallel()
		url := testkit.RedisURL(t)
		nodes := []*limit.Limiter{}
		for range 3 {
			nodes = append(nodes, limit.New(limit.Options{Rates: rates, Redis: open(t, url)}))
		}
		ctx := asking(t, uuid.New())
		for _, l := range nodes {
			if err := l.Client(netip.Addr{}).Ask(ctx, 20); err != nil {
				t.Fatal(err)
			}
		}
		tell(t, nodes...)
		// The last to tell knows of all 60: 40 have to come back before there is room for one.
		if got := waitOf(t, nodes[2].Client(netip.Addr{}).Ask(ctx, 1)); got < 40*time.Minute || got > 41*time.Minute {
			t.Errorf("wait %v", got)
		}
	})
	t.Run("what is given back is given back to all", func(t *testing.T) {
		t.Parallel()
		url := testkit.RedisURL(t)
		rates := limit.Rates{limit.Logins: limit.Within(time.Hour, 1, 5)}
		here := limit.New(limit.Options{Rates: rates, Redis: open(t, url)})
		there := limit.New(limit.Options{Rates: rates, Redis: open(t, url)})
		login := uuid.NewString()
		for range 10 {
			attempt, err := here.Client(netip.Addr{}).SignIn(login)
			if err != nil {
				t.Fatal(err)
			}
			tell(t, here)
			attempt.Forgive()
			tell(t, here)
		}
		for range 4 {
			if _, err := there.Client(netip.Addr{}).SignIn(login); err != nil {
				t.Fatal(err)
			}
			tell(t, there)
		}
	})
	t.Run("Redis keeps nothing of who has asked for nothing lately", func(t *testing.T) {
		t.Parallel()
		client := open(t, testkit.RedisURL(t))
		quick := limit.New(limit.Options{Rates: limit.Rates{limit.Operations: limit.PerSecond(10)}, Redis: client})
		me := uuid.New()
		if err := quick.Client(netip.Addr{}).Ask(asking(t, me), 1); err != nil {
			t.Fatal(err)
		}
		tell(t, quick)
		eventually(t, "the key is gone", func() bool {
			keys, err := client.Keys(t.Context(), "*account:"+hexOf(me)).Result()
			return err == nil && len(keys) == 0
		})
	})
}

// TestTogether floods two nodes that tell Redis by themselves, and holds what gets through to what the limit
// and the time between two answers allow.
func TestTogether(t *testing.T) {
	t.Parallel()
	const perSecond, burst = 200, 100
	rates := limit.Rates{limit.Operations: limit.Within(time.Second, perSecond, burst)}
	var nodes []*limit.Limiter
	for range 2 {
		l := limit.New(limit.Options{Rates: rates, Redis: open(t, testkit.RedisURL(t))})
		l.Start()
		t.Cleanup(l.Close)
		nodes = append(nodes, l)
	}
	ctx := asking(t, uuid.New())
	start, through := time.Now(), 0
	for i := 0; time.Since(start) < 3*time.Second; i++ {
		if nodes[i%2].Client(netip.Addr{}).Ask(ctx, 1) == nil {
			through++
		}
		if i%100 == 0 {
			<-time.After(time.Millisecond) // the flood is not there to take the processor from Redis
		}
	}
	took := time.Since(start).Seconds()
	alone := burst + perSecond*took
	// Both let a burst through before they have heard of each other, and after that each what comes back
	// in the time between two answers: for a machine that is busy with other tests, half a second.
	if most := alone + burst + 2*perSecond*0.5; float64(through) > most || float64(through) < perSecond*took/2 {
		t.Errorf("%d got through in %.1f s, where one node lets %.0f through and two may %.0f", through, took, alone, most)
	}
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	rates := limit.Rates{limit.Operations: limit.Within(time.Minute, 1, 20)}
	own, err := embedded.Start(t.Context(), embedded.Options{NeedRedis: true, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	url := own.RedisURL
	here := limit.New(limit.Options{Rates: rates, Redis: open(t, url)})
	there := limit.New(limit.Options{Rates: rates, Redis: open(t, url)})
	ask := func(l *limit.Limiter, ctx context.Context, n int) error { return l.Client(netip.Addr{}).Ask(ctx, n) }
	before, during := asking(t, uuid.New()), asking(t, uuid.New())
	if err := ask(here, before, 20); err != nil {
		t.Fatal(err)
	}
	tell(t, here)
	if err := ask(there, before, 1); err != nil {
		t.Fatal(err)
	}
	tell(t, there)
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*limit.Limiter{here, there} {
		began := time.Now()
		if err := ask(l, during, 20); err != nil {
			t.Fatalf("without Redis somebody new is refused: %v", err)
		}
		if ask(l, during, 1) == nil {
			t.Error("without Redis a node lets more through than the limit")
		}
		if ask(l, before, 1) == nil {
			t.Error("without Redis a node forgets what it has heard")
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("somebody waited for Redis: %v", took)
		}
		if limit.Tell(l) == nil {
			t.Fatal("Redis is still there")
		}
	}
	// One that runs gives up telling and ends all the same.
	here.Start()
	here.Close()
}
