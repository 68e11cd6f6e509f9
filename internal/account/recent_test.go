package account_test

import (
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func TestRecentAuthentication(t *testing.T) {
	t.Parallel()
	recent := func(t *testing.T, b bench, in *account.SignedIn) bool {
		t.Helper()
		err := b.accounts.RequireRecent(as(t, in))
		if err == nil {
			return true
		}
		if codes := refusals(t, err); len(codes) != 1 || codes[0] != "REAUTHENTICATION_REQUIRED" {
			t.Errorf("got %v", codes)
		}
		return false
	}
	prove := func(t *testing.T, b bench, in *account.SignedIn, password string) (*time.Time, error) {
		t.Helper()
		return b.accounts.Reauthenticate(as(t, in), account.ReauthenticateInput{Password: password})
	}

	t.Run("registering and signing in are a proof for ten minutes, each for its own session", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.register(t, "ada")
		b.clock.Add(9 * time.Minute)
		second := b.signIn(t, "ada")
		if !recent(t, b, first) || !recent(t, b, second) {
			t.Error("a proof of nine minutes ago does not count")
		}
		b.clock.Add(time.Minute)
		if recent(t, b, first) || !recent(t, b, second) {
			t.Error("a proof of ten minutes ago counts, or the other session's of one minute ago does not")
		}
	})
	t.Run("refreshing proves nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		b.clock.Add(10 * time.Minute)
		if _, err := b.accounts.Refresh(t.Context(), account.RefreshSessionInput{RefreshToken: *in.Tokens.RefreshToken}); err != nil {
			t.Fatal(err)
		}
		if recent(t, b, in) {
			t.Error("a refresh counts as a proof")
		}
	})
	t.Run("the password proves it anew, in the session that asks alone and on every node", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in, other := b.register(t, "ada"), b.signIn(t, "ada")
		b.clock.Add(time.Hour)
		until, err := prove(t, b, in, goodPassword)
		if err != nil || !until.Equal(b.clock.Now().Add(10*time.Minute).UTC().Truncate(time.Microsecond)) {
			t.Fatalf("got %v, %v", until, err)
		}
		if !recent(t, b.node(t), in) || recent(t, b, other) {
			t.Error("the proof does not count on another node, or counts in another session")
		}
		b.clock.Add(10 * time.Minute)
		if recent(t, b, in) {
			t.Error("it counts for longer than was said")
		}
	})
	t.Run("a wrong password proves nothing and takes no proof away", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		b.clock.Add(5 * time.Minute)
		for _, wrong := range []string{"", "wrong password", goodPassword + " "} {
			until, err := prove(t, b, in, wrong)
			if codes := refusals(t, err); until != nil || len(codes) != 1 || codes[0] != "WRONG_CREDENTIALS input.password" {
				t.Errorf("%q: got %v, %v", wrong, until, codes)
			}
		}
		if !recent(t, b, in) {
			t.Error("the proof of signing in is gone")
		}
		b.clock.Add(5 * time.Minute)
		if recent(t, b, in) {
			t.Error("a wrong password counts")
		}
	})
	t.Run("a session that was revoked while the password was checked proves nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in, other := b.register(t, "ada"), b.signIn(t, "ada")
		if _, err := b.accounts.RevokeOthers(as(t, other)); err != nil {
			t.Fatal(err)
		}
		if until, err := prove(t, b, in, goodPassword); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("got %v, %v", until, err)
		}
	})
	t.Run("nobody proves nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.accounts.RequireRecent(t.Context()); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("got %v", err)
		}
		_, err := b.accounts.Reauthenticate(t.Context(), account.ReauthenticateInput{Password: goodPassword})
		if !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("got %v", err)
		}
		// A person without a session, as in jobs on somebody's behalf, has proved nothing either.
		in := b.register(t, "ada")
		lone := viewer.With(t.Context(), viewer.OfPerson(in.Viewer.Account(), in.Viewer.Account()))
		if codes := refusals(t, b.accounts.RequireRecent(lone)); len(codes) != 1 || codes[0] != "REAUTHENTICATION_REQUIRED" {
			t.Errorf("got %v", codes)
		}
	})
	t.Run("twenty at once all succeed, and another's session is none of mine", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, bob := b.register(t, "ada"), b.register(t, "bob")
		b.clock.Add(time.Hour)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := prove(t, b, ada, goodPassword); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		stolen := viewer.With(t.Context(), viewer.OfPerson(bob.Viewer.Account(), ada.Viewer.Session()))
		if codes := refusals(t, b.accounts.RequireRecent(stolen)); len(codes) != 1 {
			t.Errorf("a session of Ada's counts for Bob: %v", codes)
		}
	})
	t.Run("a session from before the column is asked for its password again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		if _, err := b.db.SQL.ExecContext(t.Context(), "UPDATE auth_sessions SET authenticated_at = 'epoch'"); err != nil {
			t.Fatal(err)
		}
		if recent(t, b, in) {
			t.Error("a session that nothing is known of counts")
		}
	})
}
