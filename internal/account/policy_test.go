package account_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/privacy"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/viewer"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input("ada")
	in.IdempotencyKey = new("key")
	ada, err := b.accounts.Register(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	bob := b.register(t, "bob")

	// How many rows of each entity a viewer reads; -1 is a denial.
	for name, c := range map[string]struct {
		v                        viewer.Viewer
		accounts, sessions, keys int
	}{
		"nobody":      {viewer.Viewer{}, -1, -1, -1},
		"an audience": {viewer.OfAudience(uuid.New(), false), -1, -1, -1},
		"oneself":     {ada.Viewer, 1, 1, -1},
		"a stranger":  {viewer.OfPerson(uuid.New(), uuid.New()), 0, 0, -1},
	} {
		t.Run(name+" reads their own rows at most", func(t *testing.T) {
			t.Parallel()
			ctx := viewer.With(t.Context(), c.v)
			reads := func(what string, want, n int, err error) {
				t.Helper()
				if errors.Is(err, privacy.Deny) {
					n, err = -1, nil
				}
				if n != want || err != nil {
					t.Errorf("%s: read %d, %v, want %d", what, n, err, want)
				}
			}
			n, err := b.db.Ent.Account.Query().Count(ctx)
			reads("accounts", c.accounts, n, err)
			n, err = b.db.Ent.AuthSession.Query().Count(ctx)
			reads("sessions", c.sessions, n, err)
			n, err = b.db.Ent.IdempotencyKey.Query().Count(ctx)
			reads("keys", c.keys, n, err)

			found, err := b.accounts.ByIDs(ctx, []uuid.UUID{ada.Viewer.Account(), bob.Viewer.Account()})
			if err != nil || len(found) != max(c.accounts, 0) {
				t.Errorf("accounts by id: got %v, %v", found, err)
			}
			sessions, err := b.accounts.SessionsByIDs(ctx, []uuid.UUID{ada.Viewer.Session(), bob.Viewer.Session()})
			if err != nil || len(sessions) != max(c.sessions, 0) {
				t.Errorf("sessions by id: got %v, %v", sessions, err)
			}
		})
		t.Run(name+" makes nothing past the use cases, and writes nobody else's rows", func(t *testing.T) {
			t.Parallel()
			ctx := viewer.With(t.Context(), c.v)
			for what, err := range map[string]error{
				"an account": b.db.Ent.Account.Create().SetUsername("x").SetEmail("x").SetEmailClaimedAt(time.Now()).SetPasswordHash("x").Exec(ctx),
				"a session": b.db.Ent.AuthSession.Create().SetAccountID(ada.Viewer.Account()).
					SetExpiresAt(time.Now()).SetEndsAt(time.Now()).Exec(ctx),
				"a key": b.db.Ent.IdempotencyKey.Create().SetScope([]byte("x")).SetInputMAC([]byte("x")).
					SetResultID(uuid.New()).SetExpiresAt(time.Now()).Exec(ctx),
				"the keys": b.db.Ent.IdempotencyKey.Update().SetResultID(uuid.New()).Exec(ctx),
			} {
				if !errors.Is(err, privacy.Deny) {
					t.Errorf("%s: got %v, want a denial", what, err)
				}
			}
			if err := b.db.Ent.Account.UpdateOneID(bob.Viewer.Account()).SetEmail("x").Exec(ctx); !errors.Is(err, privacy.Deny) && !ent.IsNotFound(err) {
				t.Errorf("bob's account: got %v", err)
			}
			if err := b.db.Ent.AuthSession.DeleteOneID(bob.Viewer.Session()).Exec(ctx); !errors.Is(err, privacy.Deny) && !ent.IsNotFound(err) {
				t.Errorf("bob's session: got %v", err)
			}
		})
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	t.Run("answers which accounts exist, whoever asks", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, bob := b.register(t, "ada").Viewer, b.register(t, "bob").Viewer
		err := b.db.Tx(t.Context(), func(tx *ent.Tx) error {
			got, err := b.accounts.Lock(viewer.With(t.Context(), ada), tx, bob.Account(), uuid.New(), ada.Account(), bob.Account())
			if len(got) != 2 || got[0] != ada.Account() || got[1] != bob.Account() {
				t.Errorf("got %v", got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Run("makes who comes second wait, in any order, and lets rows that refer to the account be written", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, bob := b.register(t, "ada").Viewer.Account(), b.register(t, "bob").Viewer.Account()
		first, second := make(chan struct{}), make(chan error, 1)
		err := b.db.Tx(t.Context(), func(tx *ent.Tx) error {
			if _, err := b.accounts.Lock(t.Context(), tx, ada, bob); err != nil {
				return err
			}
			go func() {
				close(first)
				second <- b.db.Tx(context.WithoutCancel(t.Context()), func(tx *ent.Tx) error {
					_, err := b.accounts.Lock(t.Context(), tx, bob, ada)
					return err
				})
			}()
			<-first
			b.signIn(t, "ada") // writes a session, which refers to the account
			select {
			case err := <-second:
				t.Errorf("the second did not wait: %v", err)
			default:
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
	t.Run("deadlocks nobody", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ids := []uuid.UUID{b.register(t, "ada").Viewer.Account(), b.register(t, "bob").Viewer.Account(), b.register(t, "carol").Viewer.Account()}
		done := make(chan error)
		for i := range 8 {
			go func() {
				var err error
				for j := range 20 {
					err = errors.Join(err, b.db.Tx(t.Context(), func(tx *ent.Tx) error {
						_, err := b.accounts.Lock(t.Context(), tx, ids[(i+j)%3], ids[(i+j+1)%3])
						return err
					}))
				}
				done <- err
			}()
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestDevelopment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.register(t, "ada")
	t.Run("a demo person is found by name and can be been without a password", func(t *testing.T) {
		t.Parallel()
		id, err := b.accounts.ByUsername(t.Context(), "Ada")
		if err != nil || id != ada.Viewer.Account() {
			t.Fatalf("got %v, %v", id, err)
		}
		in, err := b.accounts.SignInAs(t.Context(), id, false)
		if err != nil || in.Viewer.Account() != id || !b.holds(t, *in.Tokens.AccessToken) {
			t.Errorf("got %v, %v", in, err)
		}
		in, err = b.accounts.SignInAs(t.Context(), id, true)
		if err != nil || in.Cookie == "" || in.Tokens.AccessToken != nil {
			t.Errorf("by cookie: got %v, %v", in, err)
		}
	})
	t.Run("nobody is found who does not exist", func(t *testing.T) {
		t.Parallel()
		if id, err := b.accounts.ByUsername(t.Context(), "nobody"); err != nil || id != uuid.Nil {
			t.Errorf("got %v, %v", id, err)
		}
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input("ada")
	in.IdempotencyKey = new("key")
	ada, err := b.accounts.Register(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	revoked := b.signIn(t, "ada")
	if _, err := b.accounts.SignOut(as(t, revoked)); err != nil {
		t.Fatal(err)
	}
	check := func(after time.Duration, keys, sessions int) {
		t.Helper()
		b.clock.Add(after)
		if err := b.accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if k, s := b.count(t, "idempotency_keys"), b.count(t, "auth_sessions"); k != keys || s != sessions {
			t.Errorf("after another %v: %d keys and %d sessions, want %d and %d", after, k, s, keys, sessions)
		}
	}
	check(23*time.Hour, 1, 2)
	check(time.Hour, 0, 2)
	check(29*24*time.Hour, 0, 1) // the revoked one; the other has just expired
	if _, _, err := b.accounts.Authenticate(t.Context(), *ada.Tokens.AccessToken); err == nil {
		t.Error("an expired session was taken")
	}
	check(30*24*time.Hour, 0, 0)
	if _, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: goodPassword}); err != nil {
		t.Errorf("signing in afterwards: %v", err)
	}
}
