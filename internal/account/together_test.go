package account_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
)

// All who come at once are asked about together, and each is told of their own session alone.
func TestManyAuthenticateTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const people = 300
	tokens := crowd(t, b, people)
	d, heard := testkit.Overhear(t, b.url)
	accounts := account.New(d, b.ring, b.profiles, node.Facts(d), account.Options{Clock: b.clock.Now})
	// While the first is being asked about, the others gather.
	lock, err := b.db.SQL.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(t.Context(), "LOCK TABLE auth_sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	ask := func(i int) {
		asking.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%10 == 3 {
				cancel() // who gives up harms nobody
			}
			v, _, err := accounts.Authenticate(ctx, tokens[i].token)
			switch {
			case i%10 == 3 && err != nil:
			case i%10 == 7: // revoked
				if !isFault(err, fault.CodeUnauthenticated) {
					t.Errorf("%d: got %v, %v", i, v, err)
				}
			case err != nil || v.Account() != tokens[i].account || v.Session() != tokens[i].session:
				t.Errorf("%d: got %v, %v", i, v, err)
			}
		})
	}
	ask(0)
	for len(heard.About("auth_sessions")) == 0 {
		runtime.Gosched()
	}
	for i := 1; i < people; i++ {
		ask(i)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	asking.Wait()
	if n := len(heard.About("auth_sessions")); n > 20 {
		t.Errorf("%d statements for %d people", n, people)
	}
}

// A keeper has a token of a session.
type keeper struct {
	account, session uuid.UUID
	token            string
}

// crowd are so many people, each with a session, of which every tenth is revoked.
func crowd(t *testing.T, b bench, people int) []keeper {
	t.Helper()
	access := token.NewAccess(b.ring, "convene", b.clock.Now)
	all := make([]keeper, people)
	accounts, sessions := make([]uuid.UUID, people), make([]uuid.UUID, people)
	for i := range all {
		k := keeper{account: uuid.Must(uuid.NewV7()), session: uuid.Must(uuid.NewV7())}
		var err error
		if k.token, _, err = access.Sign(k.account, k.session, b.clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		all[i], accounts[i], sessions[i] = k, k.account, k.session
	}
	_, err := b.db.SQL.ExecContext(t.Context(), `
INSERT INTO accounts (id, username, email, email_claimed_at, password_hash)
SELECT id, 'crowd' || n, 'crowd' || n || '@example.org', now(), 'none' FROM unnest($1::uuid[]) WITH ORDINALITY AS c (id, n)`, accounts)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.db.SQL.ExecContext(t.Context(), `
INSERT INTO auth_sessions (id, account_id, device_label, generation, is_cookie, rotated_at, last_used_at, expires_at, ends_at, revoked_at)
SELECT s, a, '', 0, false, $3, $3, $3::timestamptz + interval '1 day', $3::timestamptz + interval '1 day', CASE WHEN n % 10 = 8 THEN $3 END
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (s, a, n)`, sessions, accounts, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return all
}
