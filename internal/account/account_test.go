package account_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const goodPassword = "correct horse battery"

// bench is a database of one's own with the slice on it, and the clock that the slice goes by.
type bench struct {
	url      string
	db       *db.DB
	ring     *token.Ring
	clock    *clock
	o        account.Options
	accounts *account.Service
	profiles *profile.Service
}

func setup(t testing.TB) bench {
	t.Helper()
	return setupWith(t, account.Options{})
}

func setupWith(t testing.TB, o account.Options) bench {
	t.Helper()
	url := testkit.DatabaseURL(t)
	ring, err := token.NewRing([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return onDatabase(t, url, ring, &clock{now: time.Now()}, o)
}

// node is one more node on the same database.
func (b bench) node(t testing.TB) bench {
	t.Helper()
	return onDatabase(t, b.url, b.ring, b.clock, b.o)
}

func onDatabase(t testing.TB, url string, ring *token.Ring, c *clock, o account.Options) bench {
	t.Helper()
	d := testkit.Open(t, url)
	profiles := profile.New(d, node.Facts(d))
	o.Clock = c.Now
	accounts := account.New(d, ring, profiles, node.Facts(d), o)
	t.Cleanup(accounts.Close)
	return bench{url: url, db: d, ring: ring, clock: c, o: o, profiles: profiles, accounts: accounts}
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func input(username string) account.RegisterInput {
	return account.RegisterInput{Username: username, Email: username + "@example.com", Password: goodPassword}
}

func (b bench) register(t testing.TB, username string) *account.SignedIn {
	t.Helper()
	in, err := b.accounts.Register(t.Context(), input(username))
	if err != nil {
		t.Fatalf("register %s: %v", username, err)
	}
	return in
}

func (b bench) signIn(t testing.TB, login string) *account.SignedIn {
	t.Helper()
	in, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: login, Password: goodPassword})
	if err != nil {
		t.Fatalf("sign in as %s: %v", login, err)
	}
	return in
}

// as is a context in which somebody who signed in asks.
func as(t testing.TB, in *account.SignedIn) context.Context {
	t.Helper()
	return viewer.With(t.Context(), in.Viewer)
}

func system(t testing.TB) context.Context {
	t.Helper()
	return viewer.AsSystem(t.Context(), "test")
}

func (b bench) count(t testing.TB, table string) int {
	t.Helper()
	var n int
	if err := b.db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (b bench) session(t testing.TB, id uuid.UUID) *ent.AuthSession {
	t.Helper()
	row, err := b.db.Ent.AuthSession.Get(system(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// refusals are the codes of an error's refusals with their fields, such as "EMAIL_INVALID input.email".
func refusals(t testing.TB, err error) []string {
	t.Helper()
	some, rest := fault.Split[*account.AccountUserError](err)
	if rest != nil {
		t.Fatalf("not a refusal: %v", rest)
	}
	out := []string{}
	for _, r := range some {
		if r.Message == "" {
			t.Errorf("%s has no sentence", r.Code)
		}
		out = append(out, strings.TrimSpace(string(r.Code)+" "+strings.Join(r.Field, ".")))
	}
	return out
}

func isFault(err error, code fault.Code) bool {
	var known *fault.Error
	return errors.As(err, &known) && known.Code == code
}

// holds tells whether an access token is taken.
func (b bench) holds(t testing.TB, access string) bool {
	t.Helper()
	_, _, err := b.accounts.Authenticate(t.Context(), access)
	if err != nil && !isFault(err, fault.CodeUnauthenticated) {
		t.Fatalf("authenticate: %v", err)
	}
	return err == nil
}
