package limit_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/viewer"
)

// A clock stands still until it is told otherwise.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// asking is a context of somebody who has signed in.
func asking(t testing.TB, account uuid.UUID) context.Context {
	t.Helper()
	return viewer.With(t.Context(), viewer.OfPerson(account, uuid.Nil))
}

// waitOf is how long an error says to wait; zero without an error.
func waitOf(t testing.TB, err error) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.CodeRateLimited || f.RetryAfter < time.Second {
		t.Fatalf("it is refused by %v", err)
	}
	return f.RetryAfter
}

var somewhere = netip.MustParseAddr("203.0.113.7")

// TestRate holds what is let through to what a rate means: in no time is more let through than the burst and
// what came back in that time, and nothing is refused that this would allow.
func TestRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := limit.Rate{
			Burst: rapid.IntRange(1, 20).Draw(t, "burst"),
			Every: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "every")),
		}
		type taken struct {
			at time.Duration
			n  int
		}
		var let []taken
		// allows goes through all times that end now and begin with something that was let through.
		allows := func(now time.Duration, n int) bool {
			sum := n
			for i := len(let) - 1; i >= 0; i-- {
				sum += let[i].n
				if time.Duration(sum-rate.Burst)*rate.Every > now-let[i].at {
					return false
				}
			}
			return true
		}
		c := &clock{time.Unix(1_800_000_000, 0)}
		start := c.at
		l := limit.New(limit.Options{Rates: limit.Rates{limit.Operations: rate}, Clock: c.now})
		client, me := l.Client(netip.Addr{}), uuid.New()
		ctx := viewer.With(context.Background(), viewer.OfPerson(me, uuid.Nil))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			c.at = c.at.Add(time.Duration(rapid.Int64Range(0, 3*int64(rate.Every)).Draw(t, "pause")))
			now, n := c.at.Sub(start), rapid.IntRange(1, rate.Burst).Draw(t, "n")
			isLet := client.Ask(ctx, n) == nil
			if isLet != allows(now, n) {
				t.Fatalf("%d at %v let through: %v, want %v, after %v", n, now, isLet, !isLet, let)
			}
			if isLet {
				let = append(let, taken{now, n})
			}
		}
	})
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	setup := func(r limit.Rates) (*limit.Limiter, *clock) {
		c := &clock{time.Unix(1_800_000_000, 0)}
		return limit.New(limit.Options{Rates: r, Clock: c.now}), c
	}

	t.Run("what it says to wait is enough and not too much", func(t *testing.T) {
		t.Parallel()
		l, c := setup(limit.Rates{limit.Operations: limit.Within(10*time.Second, 1, 3)})
		client, ctx := l.Client(somewhere), asking(t, uuid.New())
		for range 3 {
			if err := client.Ask(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		if got := waitOf(t, client.Ask(ctx, 1)); got != 10*time.Second {
			t.Fatalf("wait %v", got)
		}
		if got := waitOf(t, client.Ask(ctx, 2)); got != 20*time.Second {
			t.Fatalf("wait %v for two", got)
		}
		c.at = c.at.Add(10*time.Second - 1)
		if got := waitOf(t, client.Ask(ctx, 1)); got != time.Second {
			t.Fatalf("wait %v a moment before", got)
		}
		c.at = c.at.Add(1)
		if err := client.Ask(ctx, 1); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("what is worth more than the burst takes all of it", func(t *testing.T) {
		t.Parallel()
		l, _ := setup(limit.Rates{limit.Operations: limit.PerSecond(1)})
		client, ctx := l.Client(somewhere), asking(t, uuid.New())
		if err := client.Ask(ctx, 1000); err != nil {
			t.Fatal(err)
		}
		if got := waitOf(t, client.Ask(ctx, 1)); got != time.Second {
			t.Fatalf("wait %v", got)
		}
	})
	t.Run("an account is counted wherever it is, and an address whoever is there", func(t *testing.T) {
		t.Parallel()
		l, _ := setup(limit.Rates{limit.Operations: limit.PerSecond(1), limit.Requests: limit.PerSecond(2)})
		here, there := l.Client(somewhere), l.Client(netip.MustParseAddr("203.0.113.8"))
		ada, bob, cy := asking(t, uuid.New()), asking(t, uuid.New()), asking(t, uuid.New())
		for i := range 10 {
			if err := []*limit.Client{here, there}[i%2].Ask(ada, 1); err != nil {
				t.Fatal(err)
			}
		}
		waitOf(t, there.Ask(ada, 1))
		if there.Ask(ada, 1) == nil {
			t.Error("one account gets more at another address")
		}
		if err := here.Ask(bob, 10); err != nil {
			t.Fatal(err)
		}
		if err := here.Ask(cy, 5); err != nil {
			t.Fatal(err)
		}
		if here.Ask(cy, 1) == nil || here.Arrive() == nil || here.Ask(t.Context(), 1) == nil {
			t.Error("one address gets more for other accounts")
		}
		// What the address refused is not held against the account.
		if err := there.Ask(cy, 5); err != nil {
			t.Error(err)
		}
	})
	t.Run("networks of IPv6 count as one, and mapped addresses as what they map", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			a, b string
			same bool
		}{
			{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", true},
			{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
			{"::ffff:203.0.113.7", "203.0.113.7", true},
			{"203.0.113.7", "203.0.113.8", false},
			{"fe80::1%eth0", "fe80::2%eth1", true},
		} {
			if same := limit.Network(netip.MustParseAddr(c.a)) == limit.Network(netip.MustParseAddr(c.b)); same != c.same {
				t.Errorf("%s and %s are the same: %v", c.a, c.b, same)
			}
		}
		if limit.Network(netip.Addr{}).IsValid() {
			t.Error("no address is somewhere")
		}
	})
	t.Run("whom all is back to, and who is one of too many, is forgotten", func(t *testing.T) {
		t.Parallel()
		c := &clock{time.Unix(1_800_000_000, 0)}
		l := limit.New(limit.Options{Rates: limit.Rates{limit.Requests: limit.PerSecond(1)}, Clock: c.now, Most: 1600})
		most := somewhere
		if err := l.Client(most).Ask(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		at := netip.MustParseAddr("198.18.0.0")
		for range 20_000 {
			_ = l.Client(at).Arrive()
			at = at.Next()
		}
		if got := limit.Counted(l); got > 1600 {
			t.Errorf("it keeps count of %d", got)
		}
		if l.Client(most).Arrive() == nil {
			t.Error("who has used most is forgotten")
		}
		c.at = c.at.Add(11 * time.Second)
		limit.Tidy(l)
		if got := limit.Counted(l); got != 0 {
			t.Errorf("it still keeps count of %d", got)
		}
	})
	t.Run("without a client, a rate or an address nothing is counted", func(t *testing.T) {
		t.Parallel()
		l, _ := setup(limit.Rates{limit.Requests: limit.PerSecond(1), limit.SignIns: limit.PerSecond(0)})
		for name, client := range map[string]*limit.Client{"no client": limit.From(t.Context()), "no address": l.Client(netip.Addr{}), "no rate": limit.New(limit.Options{}).Client(somewhere)} {
			for range 100 {
				_, err := client.Register()
				attempt, err2 := client.SignIn("ada")
				if err := errors.Join(err, err2, client.Arrive(), client.Ask(t.Context(), 1)); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				attempt.Forgive()
			}
		}
	})
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	setup := func() *limit.Limiter {
		c := &clock{time.Unix(1_800_000_000, 0)}
		return limit.New(limit.Options{Clock: c.now, Rates: limit.Rates{
			limit.Logins: limit.Within(time.Minute, 1, 5), limit.SignIns: limit.Within(time.Minute, 1, 10), limit.Registrations: limit.Within(time.Minute, 1, 3),
		}})
	}
	at := func(l *limit.Limiter, i int) *limit.Client {
		return l.Client(netip.AddrFrom4([4]byte{198, 18, 0, byte(i)}))
	}

	t.Run("failing as one login is counted at each address, however it is written", func(t *testing.T) {
		t.Parallel()
		l := setup()
		for _, login := range []string{"ada", "Ada", " ada ", "@ada", "ADA"} {
			if _, err := at(l, 9).SignIn(login); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := at(l, 1).SignIn("ada"); err != nil {
			t.Fatalf("it counts elsewhere: %v", err)
		}
		if _, err := at(l, 9).SignIn("ada"); waitOf(t, err) != time.Minute {
			t.Fatalf("got %v", err)
		}
		if _, err := at(l, 9).SignIn("bob"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("failing at one address is counted for whatever logins", func(t *testing.T) {
		t.Parallel()
		l := setup()
		for i := range 10 {
			if _, err := at(l, 1).SignIn(string(rune('a' + i))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := at(l, 1).SignIn("z"); waitOf(t, err) != time.Minute {
			t.Fatalf("got %v", err)
		}
		if _, err := at(l, 2).SignIn("z"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("what is forgiven does not count", func(t *testing.T) {
		t.Parallel()
		l := setup()
		for range 100 {
			attempt, err := at(l, 1).SignIn("ada")
			if err != nil {
				t.Fatal(err)
			}
			attempt.Forgive()
			unknown, err := l.Client(netip.Addr{}).SignIn("bob")
			if err != nil {
				t.Fatal(err)
			}
			unknown.Forgive()
		}
		// Once each, or whoever has a password would guess others for nothing.
		for range 5 {
			if _, err := l.Client(netip.Addr{}).SignIn("bob"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Client(netip.Addr{}).SignIn("bob"); err == nil {
			t.Error("it was forgiven twice")
		}
	})
	t.Run("registering is counted by the address", func(t *testing.T) {
		t.Parallel()
		l := setup()
		for range 3 {
			if _, err := at(l, 1).Register(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := at(l, 1).Register(); waitOf(t, err) != time.Minute {
			t.Fatalf("got %v", err)
		}
	})
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("it never came to this: %s", what)
}

func hexOf(id uuid.UUID) string { return hex.EncodeToString(id[:]) }
