package account_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

func TestRegisterAgain(t *testing.T) {
	t.Parallel()
	keyed := func(username string) account.RegisterInput {
		in := input(username)
		in.IdempotencyKey = new("key-1")
		return in
	}
	must := func(t *testing.T, b bench, in account.RegisterInput) *account.SignedIn {
		t.Helper()
		got, err := b.accounts.Register(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("gives a new session in place of the first, for one hash", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := must(t, b, keyed("ada"))
		for range 2 {
			before := b.accounts.PasswordHashes()
			again := must(t, b, keyed("ada"))
			if n := b.accounts.PasswordHashes() - before; n != 1 {
				t.Errorf("took %d hashes", n)
			}
			if again.Viewer.Account() != first.Viewer.Account() || again.Viewer.Session() == first.Viewer.Session() {
				t.Errorf("got %v after %v", again.Viewer, first.Viewer)
			}
			if b.holds(t, *first.Tokens.AccessToken) || !b.holds(t, *again.Tokens.AccessToken) {
				t.Error("the first session stands, or the second does not")
			}
			first = again
		}
		if n := b.count(t, "accounts"); n != 1 {
			t.Errorf("%d accounts", n)
		}
	})
	t.Run("does it once for three at the same moment, and leaves one session", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var wg sync.WaitGroup
		answers := make([]*account.SignedIn, 3)
		for i := range answers {
			wg.Go(func() {
				var err error
				if answers[i], err = b.accounts.Register(t.Context(), keyed("ada")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		standing := 0
		for _, in := range answers {
			if in == nil || in.Viewer.Account() != answers[0].Viewer.Account() {
				t.Fatalf("got %v", in)
			}
			if b.session(t, in.Viewer.Session()).RevokedAt == nil {
				standing++
			}
		}
		if standing != 1 || b.count(t, "accounts") != 1 {
			t.Errorf("%d sessions stand, %d accounts", standing, b.count(t, "accounts"))
		}
	})
	t.Run("refuses another password", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		must(t, b, keyed("ada"))
		in := keyed("ada")
		in.Password = "another password"
		_, err := b.accounts.Register(t.Context(), in)
		if codes := refusals(t, err); len(codes) != 1 || codes[0] != "WRONG_CREDENTIALS input.password" {
			t.Errorf("got %v", codes)
		}
	})
	t.Run("refuses another input under the key", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		must(t, b, keyed("ada"))
		for name, change := range map[string]func(*account.RegisterInput){
			"username": func(in *account.RegisterInput) { in.Username = "bob" },
			"name":     func(in *account.RegisterInput) { in.DisplayName = new("Ada") },
			"mode":     func(in *account.RegisterInput) { in.Cookie = true },
		} {
			in := keyed("ada")
			change(&in)
			if _, err := b.accounts.Register(t.Context(), in); !isFault(err, fault.CodeIdempotencyKeyReused) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	t.Run("is another registration under another address", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first, other := must(t, b, keyed("ada")), must(t, b, keyed("bob"))
		if first.Viewer.Account() == other.Viewer.Account() || b.count(t, "accounts") != 2 {
			t.Errorf("got %v and %v", first.Viewer, other.Viewer)
		}
	})
	t.Run("keeps no refusal under the key", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		in := keyed("ada")
		in.Email = "other@example.com"
		if _, err := b.accounts.Register(t.Context(), in); len(refusals(t, err)) != 1 {
			t.Fatalf("got %v", err)
		}
		in.Username = "bob"
		must(t, b, in)
	})
	t.Run("is forgotten after a day", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		must(t, b, keyed("ada"))
		b.clock.Add(24 * time.Hour)
		_, err := b.accounts.Register(t.Context(), keyed("ada"))
		if codes := refusals(t, err); len(codes) != 1 || codes[0] != "USERNAME_TAKEN input.username" {
			t.Errorf("got %v", codes)
		}
		in := keyed("bob")
		in.Email = "ada@example.com"
		must(t, b, in) // the same scope, made anew
	})
	t.Run("is known after the keys were rotated", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := must(t, b, keyed("ada"))
		later := onDatabase(t, b.url, rotated(t), b.clock, b.o)
		if again := must(t, later, keyed("ada")); again.Viewer.Account() != first.Viewer.Account() {
			t.Errorf("got %v after %v", again.Viewer, first.Viewer)
		}
	})
	t.Run("begins anew if the account was erased", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := must(t, b, keyed("ada"))
		if err := b.db.Ent.Account.DeleteOneID(first.Viewer.Account()).Exec(system(t)); err != nil {
			t.Fatal(err)
		}
		if again := must(t, b, keyed("ada")); again.Viewer.Account() == first.Viewer.Account() || again.Viewer.Account() == uuid.Nil {
			t.Errorf("got %v", again.Viewer)
		}
	})
	t.Run("takes keys of 1 to 64 characters", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for i, key := range []string{"k", strings.Repeat("ü", 64)} {
			in := input(fmt.Sprintf("person%d", i))
			in.IdempotencyKey = &key
			must(t, b, in)
		}
		for _, key := range []string{"", strings.Repeat("k", 65)} {
			in := input("bob")
			in.IdempotencyKey = &key
			_, err := b.accounts.Register(t.Context(), in)
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Code != fault.CodeBadRequest || strings.Join(refused.Argument, ".") != "input.idempotencyKey" {
				t.Errorf("%q: got %v", key, err)
			}
		}
	})
	t.Run("leaves nothing of the input to be read in the key's row", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		must(t, b, keyed("ada"))
		row, err := b.db.Ent.IdempotencyKey.Query().Only(viewer.AsSystem(t.Context(), "test"))
		if err != nil || len(row.Scope) != 32 || len(row.InputMAC) != 32 {
			t.Errorf("got %v, %v", row, err)
		}
	})
}

// rotated is the ring of the tests' key with a newer one in front.
func rotated(t testing.TB) *token.Ring {
	t.Helper()
	r, err := token.NewRing([]byte(strings.Repeat("n", 32)), []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
