package account_test

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	t.Run("takes the username or the address, in any case", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.register(t, "ada")
		for _, login := range []string{"ada", "ADA", "@ada", " ada ", "ada@example.com", "Ada@EXAMPLE.com "} {
			in := b.signIn(t, login)
			if in.Viewer.Account() != first.Viewer.Account() || in.Viewer.Session() == first.Viewer.Session() {
				t.Errorf("%q: got %v", login, in.Viewer)
			}
			if !b.holds(t, *in.Tokens.AccessToken) {
				t.Errorf("%q: the access token is refused", login)
			}
		}
	})
	t.Run("answers unknown and wrong alike, for one hash and one statement each", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		var answer string
		for _, c := range []account.SignInInput{
			{Login: "ada", Password: "wrong password"},
			{Login: "ada@example.com", Password: "wrong password"},
			{Login: "nobody.here", Password: goodPassword},
			{Login: "nobody@example.com", Password: goodPassword},
			{Login: "", Password: ""},
			{Login: "@", Password: goodPassword},
			{Login: "ada", Password: ""},
			{Login: "ada", Password: strings.Repeat("p", 100_000)},
		} {
			ctx, statements := db.CountStatements(t.Context())
			before := b.accounts.PasswordHashes()
			in, err := b.accounts.SignIn(ctx, c)
			if hashes := b.accounts.PasswordHashes() - before; hashes != 1 || statements.Load() != 1 {
				t.Errorf("%q: %d hashes, %d statements", c.Login, hashes, statements.Load())
			}
			if codes := refusals(t, err); len(codes) != 1 || codes[0] != "WRONG_CREDENTIALS" || in != nil {
				t.Errorf("%q: got %v, %v", c.Login, in, codes)
			}
			if answer == "" {
				answer = err.Error()
			} else if err.Error() != answer {
				t.Errorf("%q: got %q, another got %q", c.Login, err, answer)
			}
		}
		before := b.accounts.PasswordHashes()
		b.signIn(t, "ada")
		if hashes := b.accounts.PasswordHashes() - before; hashes != 1 {
			t.Errorf("the right password took %d hashes", hashes)
		}
	})
	t.Run("by address means the oldest claim, until it lapses, and the verified owner before all", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		claim := func(username string) *account.SignedIn {
			in := input(username)
			in.Email, in.Password = "shared@example.com", "password of "+username
			got, err := b.accounts.Register(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		means := func(username string, who *account.SignedIn) {
			t.Helper()
			in, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "shared@example.com", Password: "password of " + username})
			switch {
			case who == nil && len(refusals(t, err)) != 1:
				t.Errorf("%s: got %v, want a refusal", username, err)
			case who != nil && (err != nil || in.Viewer.Account() != who.Viewer.Account()):
				t.Errorf("%s: got %v, %v", username, in, err)
			}
		}
		ada := claim("ada")
		b.clock.Add(24 * time.Hour)
		bob := claim("bob")
		b.clock.Add(24 * time.Hour)
		carol := claim("carol")
		means("ada", ada)
		means("bob", nil)
		b.clock.Add(5 * 24 * time.Hour)
		means("ada", nil) // lapsed; the username still works
		if _, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: "password of ada"}); err != nil {
			t.Errorf("by username: %v", err)
		}
		means("bob", bob)
		means("carol", nil)
		if err := b.db.Ent.Account.UpdateOneID(carol.Viewer.Account()).SetEmailVerifiedAt(b.clock.Now()).Exec(system(t)); err != nil {
			t.Fatal(err)
		}
		means("carol", carol)
		means("bob", nil)
		b.clock.Add(365 * 24 * time.Hour)
		means("carol", carol)
	})
	t.Run("says that something is wrong with a stored hash, not that the password is", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		for _, hash := range []string{
			"", "plain", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$c3Vtc3Vtc3Vtc3Vtc3Vt", "$argon2id$v=16$m=1,t=1,p=1$a$b",
			"$argon2id$v=19$m=19456,t=0,p=1$c2FsdHNhbHQ$c3Vtc3Vtc3Vtc3Vtc3Vt", "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHQ$c3Vtc3Vtc3Vtc3Vtc3Vt",
			"$argon2id$v=19$m=19456,t=2,p=1$!$c3Vt", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$!", "$argon2id$v=19$nonsense$c2FsdHNhbHQ$c3Vt",
		} {
			if err := b.db.Ent.Account.UpdateOneID(in.Viewer.Account()).SetPasswordHash(hash).Exec(system(t)); err != nil {
				t.Fatal(err)
			}
			_, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: goodPassword})
			if err == nil || strings.Contains(err.Error(), "c3Vt") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("%q: got %v", hash, err)
			}
		}
	})
	t.Run("shortens what the device calls itself", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		for label, want := range map[string]string{
			"":                             "",
			"  Pixel 9\t\x1b[0m ":          "Pixel 9[0m",
			strings.Repeat("x", 5000):      strings.Repeat("x", 100),
			strings.Repeat("🦊", 5000):      strings.Repeat("🦊", 25),
			"a\xff\xfeb":                   "ab",
			"Mozilla/5.0 (X11; \u202eevil": "Mozilla/5.0 (X11; evil",
		} {
			in, err := b.accounts.SignIn(account.WithDevice(t.Context(), label), account.SignInInput{Login: "ada", Password: goodPassword})
			if err != nil {
				t.Fatal(err)
			}
			if got := b.session(t, in.Viewer.Session()).DeviceLabel; got != want {
				t.Errorf("%.20q: got %q, want %q", label, got, want)
			}
		}
	})
}

func TestCrowd(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	b := setup(t)
	b.register(t, "ada")
	runtime.GC()
	var peak atomic.Uint64
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
		for {
			metrics.Read(sample)
			peak.Store(max(peak.Load(), sample[0].Value.Uint64()+sample[1].Value.Uint64()))
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			login := "ada"
			if i%2 == 1 {
				login = fmt.Sprintf("nobody%d", i)
			}
			_, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: login, Password: goodPassword})
			if login == "ada" && err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(done)
	watch.Wait()
	if got := peak.Load() >> 20; got >= 300 {
		t.Errorf("fifty who sign in at once took %d MB", got)
	} else {
		t.Logf("fifty who sign in at once took %d MB", got)
	}
}

func BenchmarkSignIn(b *testing.B) {
	s := setup(b)
	s.register(b, "ada")
	for b.Loop() {
		s.signIn(b, "ada")
	}
}
