package account_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
)

// from is the context of a request from an address.
func from(t testing.TB, address string) context.Context {
	t.Helper()
	return limit.With(t.Context(), limit.New(limit.Options{}).Client(netip.MustParseAddr(address)))
}

// attempt signs in from an address and answers what became of it: "in", a code, or "wait" with how long.
func (b bench) attempt(ctx context.Context, t testing.TB, login, password string) string {
	t.Helper()
	_, err := b.accounts.SignIn(ctx, account.SignInInput{Login: login, Password: password})
	limited := (*fault.Error)(nil)
	switch {
	case err == nil:
		return "in"
	case errors.As(err, &limited) && limited.Code == fault.CodeRateLimited:
		return fmt.Sprint("wait ", limited.RetryAfter)
	}
	return refusals(t, err)[0]
}

const wrong = "WRONG_CREDENTIALS"

func TestThrottledSignIn(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) bench {
		t.Helper()
		return setupWith(t, account.Options{FailedSignIns: 3, Registrations: 2})
	}
	expect := func(t *testing.T, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	t.Run("waits longer with each failure, for names that nobody has too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		for i, login := range []string{"ada", "nobody.here", "ada@example.com", "nobody@example.com"} {
			ctx := from(t, fmt.Sprintf("198.51.100.%d", i))
			for range 3 {
				expect(t, b.attempt(ctx, t, login, "wrong one"), wrong)
			}
			expect(t, b.attempt(ctx, t, " @"+login, goodPassword), "wait 30s")
		}
		for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
			ctx := from(t, "198.51.100.0")
			expect(t, b.attempt(ctx, t, "ada", "wrong one"), fmt.Sprint("wait ", wait))
			b.clock.Add(wait)
			expect(t, b.attempt(ctx, t, "ada", "wrong one"), wrong)
		}
		b.clock.Add(time.Hour)
		for range 3 {
			expect(t, b.attempt(from(t, "198.51.100.0"), t, "ada", "wrong one"), wrong)
		}
	})
	t.Run("takes one statement more for an unknown account as for a known one, and one hash", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		for _, login := range []string{"ada", "nobody.here", "ada@example.com", "nobody@example.com"} {
			for _, want := range []struct{ hashes, statements int64 }{{1, 2}, {1, 2}, {1, 2}, {0, 2}} {
				ctx, statements := db.CountStatements(from(t, "2001:db8::1"))
				before := b.accounts.PasswordHashes()
				b.attempt(ctx, t, login, "wrong one")
				if hashes := b.accounts.PasswordHashes() - before; hashes != want.hashes || statements.Load() != want.statements {
					t.Errorf("%s: %d hashes and %d statements, want %v", login, hashes, statements.Load(), want)
				}
			}
		}
	})
	t.Run("lets nobody wait below the limit whose node's clock is behind another's", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		expect(t, b.attempt(from(t, "198.51.100.1"), t, "ada", "wrong one"), wrong)
		b.clock.Add(-time.Second)
		expect(t, b.attempt(from(t, "198.51.100.1"), t, "ada", "wrong one"), wrong)
	})
	t.Run("holds on another node and after a restart", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		for range 3 {
			expect(t, b.attempt(from(t, "198.51.100.1"), t, "ada", "wrong one"), wrong)
		}
		expect(t, b.node(t).attempt(from(t, "198.51.100.1"), t, "ada", goodPassword), "wait 30s")
	})
	t.Run("lets the owner in from elsewhere while somebody guesses", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		for range 5 {
			b.attempt(from(t, "198.51.100.1"), t, "ada", "wrong one")
		}
		expect(t, b.attempt(from(t, "203.0.113.7"), t, "ada", goodPassword), "in")
	})
	t.Run("bounds guesses from many networks, but for those that the owner signed in from", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		expect(t, b.attempt(from(t, "203.0.113.7"), t, "ada", goodPassword), "in")
		for i := range 30 {
			expect(t, b.attempt(from(t, fmt.Sprintf("198.51.100.%d", i)), t, "ada", "wrong one"), wrong)
		}
		expect(t, b.attempt(from(t, "192.0.2.1"), t, "ada", goodPassword), "wait 30s")
		expect(t, b.attempt(from(t, "203.0.113.99"), t, "ada", goodPassword), "in") // the same network
		b.clock.Add(30 * time.Second)
		expect(t, b.attempt(from(t, "192.0.2.1"), t, "ada", goodPassword), "in")
	})
	t.Run("bounds whatever one network tries", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		for i := range 15 {
			expect(t, b.attempt(from(t, "2001:db8::1"), t, fmt.Sprintf("person%d", i), "wrong one"), wrong)
		}
		expect(t, b.attempt(from(t, "2001:db8::2"), t, "ada", goodPassword), "wait 30s")
		expect(t, b.attempt(from(t, "2001:db8:0:1::2"), t, "ada", goodPassword), "in")
	})
	t.Run("counts nothing of who is right", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		ctx := from(t, "198.51.100.1")
		for range 20 {
			expect(t, b.attempt(ctx, t, "ada", goodPassword), "in")
		}
		for range 2 {
			expect(t, b.attempt(ctx, t, "ada", "wrong one"), wrong)
		}
		expect(t, b.attempt(ctx, t, "ada", goodPassword), "in")
		for range 3 {
			expect(t, b.attempt(ctx, t, "ada", "wrong one"), wrong)
		}
		expect(t, b.attempt(ctx, t, "ada", goodPassword), "wait 30s")
	})
	t.Run("lets no more through at once than one after the other", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		nodes := []bench{b, b.node(t)}
		var through atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if nodes[i%2].attempt(from(t, "198.51.100.1"), t, "nobody.here", "wrong one") == wrong {
					through.Add(1)
				}
			})
		}
		wg.Wait()
		if through.Load() != 3 {
			t.Errorf("%d of twenty at once were let through, want 3", through.Load())
		}
	})
	t.Run("bounds registering from one network", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for i, want := range []bool{true, true, false} {
			_, err := b.accounts.Register(from(t, "198.51.100.1"), input(fmt.Sprintf("person%d", i)))
			if limited := (*fault.Error)(nil); (err == nil) != want || err != nil && !errors.As(err, &limited) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if _, err := b.accounts.Register(from(t, "198.51.100.2"), input("person9")); err != nil {
			t.Error(err)
		}
	})
	t.Run("bounds the mails that somebody asks for, to one name and from one network", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ask := func(from context.Context, name string) string {
			t.Helper()
			err := account.AskForMail(from, b.accounts, name)
			if limited := (*fault.Error)(nil); errors.As(err, &limited) {
				return fmt.Sprint("wait ", limited.RetryAfter)
			} else if err != nil {
				t.Fatal(err)
			}
			return "asked"
		}
		for i := range 3 {
			expect(t, ask(from(t, fmt.Sprintf("198.51.100.%d", i)), "Ada@example.com"), "asked")
		}
		expect(t, ask(from(t, "203.0.113.1"), "ada@EXAMPLE.com"), "wait 1m0s")
		for i := range 12 {
			expect(t, ask(from(t, "198.51.100.0"), fmt.Sprintf("person%d", i)), "asked")
		}
		expect(t, ask(from(t, "198.51.100.0"), "person12"), "asked")
		expect(t, ask(from(t, "198.51.100.0"), "person13"), "asked")
		expect(t, ask(from(t, "198.51.100.0"), "person14"), "wait 30s")
	})
	t.Run("is forgotten when its time is up", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.attempt(from(t, "198.51.100.1"), t, "ada", "wrong one")
		b.clock.Add(25 * time.Hour)
		if err := b.accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := b.db.Ent.Throttle.Query().Count(system(t)); err != nil || n != 0 {
			t.Errorf("%d are kept, %v", n, err)
		}
	})
}
