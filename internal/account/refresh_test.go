package account_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/token"
)

func (b bench) refresh(t testing.TB, refreshToken string) (*account.SessionTokens, error) {
	t.Helper()
	return b.accounts.Refresh(t.Context(), account.RefreshSessionInput{RefreshToken: refreshToken})
}

func (b bench) mustRefresh(t testing.TB, refreshToken string) *account.SessionTokens {
	t.Helper()
	tokens, err := b.refresh(t, refreshToken)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	return tokens
}

func (b bench) refuses(t testing.TB, refreshToken string) {
	t.Helper()
	tokens, err := b.refresh(t, refreshToken)
	if codes := refusals(t, err); len(codes) != 1 || codes[0] != "SESSION_ENDED input.refreshToken" || tokens != nil {
		t.Errorf("got %v, %v, want that the session has ended", tokens, codes)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	t.Run("gives a new pair each time", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		tokens := in.Tokens
		for range 5 {
			b.clock.Add(time.Hour)
			next := b.mustRefresh(t, *tokens.RefreshToken)
			if *next.RefreshToken == *tokens.RefreshToken || *next.AccessToken == *tokens.AccessToken {
				t.Fatal("got the same again")
			}
			v, until, err := b.accounts.Authenticate(t.Context(), *next.AccessToken)
			if err != nil || v != in.Viewer || !until.Equal(next.ExpiresAt) {
				t.Fatalf("the access token stands for %v until %v, %v", v, until, err)
			}
			tokens = next
		}
	})
	t.Run("gives two tabs the same successor within half a minute", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		b.clock.Add(time.Hour)
		first := b.mustRefresh(t, *in.Tokens.RefreshToken)
		b.clock.Add(30 * time.Second)
		second := b.mustRefresh(t, *in.Tokens.RefreshToken)
		if *first.RefreshToken != *second.RefreshToken {
			t.Error("the second tab got another")
		}
		b.mustRefresh(t, *second.RefreshToken)
	})
	t.Run("gives twenty at once one family, all with the same successor", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.node(t)
		in := b.register(t, "ada")
		answers := make([]*account.SessionTokens, 20)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				on := []bench{b, other}[i%2]
				var err error
				if answers[i], err = on.refresh(t, *in.Tokens.RefreshToken); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, tokens := range answers {
			if tokens == nil || *tokens.RefreshToken != *answers[0].RefreshToken {
				t.Fatal("they differ")
			}
		}
		if row := b.session(t, in.Viewer.Session()); row.Generation != 1 || row.RevokedAt != nil {
			t.Errorf("the session is %v", row)
		}
		if n := b.count(t, "auth_sessions"); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
	t.Run("with an old token, after half a minute, ends the session for whoever has it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		next := b.mustRefresh(t, *in.Tokens.RefreshToken)
		b.clock.Add(31 * time.Second)
		b.refuses(t, *in.Tokens.RefreshToken)
		b.refuses(t, *next.RefreshToken)
		if b.holds(t, *next.AccessToken) {
			t.Error("the access token is still taken")
		}
		if b.session(t, in.Viewer.Session()).RevokedAt == nil {
			t.Error("the revocation was not committed")
		}
	})
	t.Run("with a token from two generations ago ends the session at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		second := b.mustRefresh(t, *in.Tokens.RefreshToken)
		third := b.mustRefresh(t, *second.RefreshToken)
		b.refuses(t, *in.Tokens.RefreshToken)
		b.refuses(t, *third.RefreshToken)
	})
	t.Run("leaves other sessions of the account alone when one is ended for misuse", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		other := b.signIn(t, "ada")
		b.mustRefresh(t, *in.Tokens.RefreshToken)
		b.clock.Add(time.Minute)
		b.refuses(t, *in.Tokens.RefreshToken)
		b.mustRefresh(t, *other.Tokens.RefreshToken)
	})
	t.Run("refuses what is no token of ours, without asking the database", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		stranger, err := token.NewRing([]byte("another secret of thirty-two byte"))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			"", "x", *in.Tokens.AccessToken, *in.Tokens.RefreshToken + "A",
			stranger.SignRefresh(token.Refresh{Session: in.Viewer.Session()}),
			b.ring.SignCookie(in.Viewer.Session()),
			b.ring.SignRefresh(token.Refresh{Session: uuid.Must(uuid.NewV7())}), // ours, of a session that is gone
		} {
			b.refuses(t, text)
		}
		b.mustRefresh(t, *in.Tokens.RefreshToken)
	})
	t.Run("refuses a session that lives in a cookie", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		in, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: goodPassword, Cookie: true})
		if err != nil {
			t.Fatal(err)
		}
		b.refuses(t, b.ring.SignRefresh(token.Refresh{Session: in.Viewer.Session()}))
	})
	t.Run("lasts thirty days unused, and ninety however much it is used", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		idle := b.signIn(t, "ada")
		tokens := in.Tokens
		for range 4 {
			b.clock.Add(20 * 24 * time.Hour)
			tokens = b.mustRefresh(t, *tokens.RefreshToken)
		}
		b.refuses(t, *idle.Tokens.RefreshToken)
		b.clock.Add(10*24*time.Hour - time.Minute)
		tokens = b.mustRefresh(t, *tokens.RefreshToken)
		if left := tokens.ExpiresAt.Sub(b.clock.Now()); left > time.Minute {
			t.Errorf("the last access token lasts %v, longer than its session", left)
		}
		b.clock.Add(time.Minute)
		b.refuses(t, *tokens.RefreshToken)
	})
	t.Run("goes on with a token that is ahead of a restored database", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		second := b.mustRefresh(t, *in.Tokens.RefreshToken)
		third := b.mustRefresh(t, *second.RefreshToken)
		if err := b.db.Ent.AuthSession.UpdateOneID(in.Viewer.Session()).SetGeneration(0).Exec(system(t)); err != nil {
			t.Fatal(err)
		}
		b.mustRefresh(t, *third.RefreshToken)
		if row := b.session(t, in.Viewer.Session()); row.Generation != 3 {
			t.Errorf("the generation is %d", row.Generation)
		}
	})
	t.Run("outlives a rotation of keys, but not that its key is dropped", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		later := onDatabase(t, b.url, rotated(t), b.clock, b.o)
		tokens := later.mustRefresh(t, *in.Tokens.RefreshToken)
		dropped, err := token.NewRing([]byte("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"))
		if err != nil {
			t.Fatal(err)
		}
		last := onDatabase(t, b.url, dropped, b.clock, b.o)
		last.refuses(t, *in.Tokens.RefreshToken)
		last.mustRefresh(t, *tokens.RefreshToken)
		if !last.holds(t, *tokens.AccessToken) || last.holds(t, *in.Tokens.AccessToken) {
			t.Error("access tokens do not follow their keys")
		}
	})
	t.Run("notes that the session was used", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		b.clock.Add(time.Hour)
		b.mustRefresh(t, *in.Tokens.RefreshToken)
		now := b.clock.Now().UTC().Truncate(time.Microsecond)
		if row := b.session(t, in.Viewer.Session()); !row.LastUsedAt.Equal(now) || !row.ExpiresAt.Equal(now.Add(30*24*time.Hour)) {
			t.Errorf("the session is %v at %v", row, now)
		}
	})
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	t.Run("ends the session that asks, and no other", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in, other := b.register(t, "ada"), b.signIn(t, "ada")
		id, err := b.accounts.SignOut(as(t, in))
		if err != nil || *id != relay.NewID(ent.AuthSessionPrefix, in.Viewer.Session()) {
			t.Fatalf("got %v, %v", id, err)
		}
		if b.holds(t, *in.Tokens.AccessToken) || !b.holds(t, *other.Tokens.AccessToken) {
			t.Error("the wrong one ended")
		}
		b.refuses(t, *in.Tokens.RefreshToken)
		first := b.session(t, in.Viewer.Session()).RevokedAt
		b.clock.Add(time.Minute)
		if _, err := b.accounts.SignOut(as(t, in)); err != nil || !b.session(t, in.Viewer.Session()).RevokedAt.Equal(*first) {
			t.Errorf("a second time: %v", err)
		}
	})
	t.Run("asks the signed-out to sign in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if _, err := b.accounts.SignOut(t.Context()); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("got %v", err)
		}
	})
}
