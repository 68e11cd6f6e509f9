package account_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

func (b bench) cookie(t testing.TB, username string) *account.SignedIn {
	t.Helper()
	in, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: username, Password: goodPassword, Cookie: true})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	t.Run("says what is wrong with a token", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		gone := b.signIn(t, "ada")
		if _, err := b.accounts.SignOut(as(t, gone)); err != nil {
			t.Fatal(err)
		}
		access := token.NewAccess(b.ring, "convene", b.clock.Now)
		sign := func(account, session uuid.UUID) string {
			signed, _, err := access.Sign(account, session, b.clock.Now().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}
		wants := func(name, bearer, want string) {
			t.Helper()
			v, _, err := b.accounts.Authenticate(t.Context(), bearer)
			if !isFault(err, fault.CodeUnauthenticated) || err.Error() != want || v != (viewer.Viewer{}) {
				t.Errorf("%s: got %v, %v", name, v, err)
			}
		}
		const invalid, ended = "The access token is not valid.", "The session has ended. Sign in again."
		wants("nothing", "", invalid)
		wants("a refresh token", *in.Tokens.RefreshToken, invalid)
		wants("a cookie", b.ring.SignCookie(in.Viewer.Session()), invalid)
		wants("a session of another account", sign(uuid.New(), in.Viewer.Session()), invalid)
		wants("a session that is gone", sign(in.Viewer.Account(), uuid.New()), ended)
		wants("a revoked session", *gone.Tokens.AccessToken, ended)
		wants("a session that lives in a cookie", sign(in.Viewer.Account(), b.cookie(t, "ada").Viewer.Session()), ended)
		wants("another scheme", "Basic "+*in.Tokens.AccessToken, invalid)
		wants("the scheme alone", "Bearer ", invalid)
		b.clock.Add(15 * time.Minute)
		wants("an expired token", *in.Tokens.AccessToken, "The access token has expired. Refresh the session.")
	})
	t.Run("takes a token as the header has it, or alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		for _, prefix := range []string{"", "Bearer ", "bearer ", "BEARER  "} {
			if !b.holds(t, prefix+*in.Tokens.AccessToken) {
				t.Errorf("%q: refused", prefix)
			}
		}
	})
	t.Run("takes a cookie's value for what it is only", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tokens := b.register(t, "ada")
		in := b.cookie(t, "ada")
		if v, _, err := b.accounts.AuthenticateCookie(t.Context(), in.Cookie); err != nil || v != in.Viewer {
			t.Errorf("got %v, %v", v, err)
		}
		for name, value := range map[string]string{
			"nothing": "", "an access token": *tokens.Tokens.AccessToken, "a refresh token": *tokens.Tokens.RefreshToken,
			"the cookie of a token session": b.ring.SignCookie(tokens.Viewer.Session()),
		} {
			if _, _, err := b.accounts.AuthenticateCookie(t.Context(), value); !isFault(err, fault.CodeUnauthenticated) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if _, err := b.accounts.SignOut(as(t, in)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.accounts.AuthenticateCookie(t.Context(), in.Cookie); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("signed out: got %v", err)
		}
	})
	t.Run("refuses a session that was revoked on another node within a second", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.node(t)
		in := b.register(t, "ada")
		if !b.holds(t, *in.Tokens.AccessToken) {
			t.Fatal("it does not stand to begin with")
		}
		if _, err := other.accounts.SignOut(as(t, in)); err != nil {
			t.Fatal(err)
		}
		if other.holds(t, *in.Tokens.AccessToken) {
			t.Error("the node that revoked it still takes it")
		}
		b.clock.Add(time.Second)
		if b.holds(t, *in.Tokens.AccessToken) {
			t.Error("the other node still takes it after a second")
		}
	})
	t.Run("asks the database once a second at most, however many ask", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		d, heard := testkit.Overhear(t, b.url)
		accounts := account.New(d, b.ring, b.profiles, node.Facts(d), account.Options{Clock: b.clock.Now})
		for range 3 {
			b.clock.Add(time.Second)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if _, _, err := accounts.Authenticate(t.Context(), *in.Tokens.AccessToken); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if asked := heard.About(""); len(asked) != 3 { // the session with its account's role and ban
			t.Errorf("took %q", asked)
		}
	})
	t.Run("notes the use of a session once a minute at most, and a cookie's session lasts longer for it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		in := b.cookie(t, "ada")
		begin := b.session(t, in.Viewer.Session())
		use := func() (until time.Time) {
			t.Helper()
			_, until, err := b.accounts.AuthenticateCookie(t.Context(), in.Cookie)
			if err != nil {
				t.Fatal(err)
			}
			return until
		}
		b.clock.Add(59 * time.Second)
		use()
		if row := b.session(t, in.Viewer.Session()); !row.LastUsedAt.Equal(begin.LastUsedAt) {
			t.Errorf("written down within a minute: %v", row)
		}
		b.clock.Add(time.Second)
		until := use()
		row := b.session(t, in.Viewer.Session())
		if !row.LastUsedAt.Equal(begin.LastUsedAt.Add(time.Minute)) || !row.ExpiresAt.Equal(begin.ExpiresAt.Add(time.Minute)) || !until.Equal(row.ExpiresAt) {
			t.Errorf("after a minute it is %v, until %v", row, until)
		}
		for range 4 {
			b.clock.Add(20 * 24 * time.Hour)
			use()
		}
		if row := b.session(t, in.Viewer.Session()); !row.ExpiresAt.Equal(row.EndsAt) {
			t.Errorf("it lasts longer than it may: %v", row)
		}
		b.clock.Add(10 * 24 * time.Hour)
		if _, _, err := b.accounts.AuthenticateCookie(t.Context(), in.Cookie); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("after ninety days: got %v", err)
		}
	})
	t.Run("goes on for a second and then says that it can't tell when PostgreSQL is away", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		cable, behind := plug(t, b.url)
		far := onDatabase(t, behind, b.ring, b.clock, b.o)
		if !far.holds(t, *in.Tokens.AccessToken) {
			t.Fatal("it does not stand to begin with")
		}
		cable.pull()
		if !far.holds(t, *in.Tokens.AccessToken) {
			t.Error("refused within the second")
		}
		b.clock.Add(time.Second)
		if _, _, err := far.accounts.Authenticate(t.Context(), *in.Tokens.AccessToken); !isFault(err, fault.CodeUnavailable) {
			t.Errorf("got %v, want UNAVAILABLE", err)
		}
	})
	t.Run("gives up when the request does, and the next is not harmed by it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := b.accounts.Authenticate(ctx, *in.Tokens.AccessToken)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if !b.holds(t, *in.Tokens.AccessToken) {
			t.Error("the next was refused")
		}
	})
	t.Run("tells in one statement which of many sessions stand, and until when what they gave out does", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in, gone := b.register(t, "ada"), b.signIn(t, "ada")
		cookie, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: goodPassword, Cookie: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.accounts.SignOut(as(t, gone)); err != nil {
			t.Fatal(err)
		}
		asked := []uuid.UUID{in.Viewer.Session(), gone.Viewer.Session(), cookie.Viewer.Session(), uuid.New()}
		ctx, statements := db.CountStatements(t.Context())
		got, err := b.accounts.Standing(ctx, asked)
		if err != nil || len(got) != 2 || statements.Load() != 1 {
			t.Fatalf("got %v, %v in %d statements", got, err, statements.Load())
		}
		month := 30 * 24 * time.Hour
		if begun := b.clock.Now().Truncate(time.Microsecond); !got[asked[0]].Equal(begun.Add(15*time.Minute)) || !got[asked[2]].Equal(begun.Add(month)) {
			t.Errorf("got %v", got)
		}
		b.clock.Add(10 * time.Minute)
		if _, err := b.accounts.Refresh(t.Context(), account.RefreshSessionInput{RefreshToken: *in.Tokens.RefreshToken}); err != nil {
			t.Fatal(err)
		}
		if got, err := b.accounts.Standing(t.Context(), asked); err != nil || !got[asked[0]].Equal(b.clock.Now().Truncate(time.Microsecond).Add(15*time.Minute)) {
			t.Errorf("refreshed: got %v, %v", got, err)
		}
	})
	t.Run("tells it of more sessions than PostgreSQL takes parameters", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada").Viewer.Session()
		asked := make([]uuid.UUID, 70_000)
		for i := range asked {
			asked[i] = uuid.New()
		}
		asked[len(asked)-1] = in
		got, err := b.accounts.Standing(t.Context(), asked)
		if _, stands := got[in]; err != nil || len(got) != 1 || !stands {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// cable leads to PostgreSQL until it is pulled.
type cable struct {
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
	isPulled bool
}

// plug puts a cable between a node and its database, and gives the database's address behind it.
func plug(t *testing.T, databaseURL string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	network, to := "tcp", u.Host
	if u.Host == "" || u.Query().Get("host") != "" {
		t.Skip("the test services listen on a socket file only")
	}
	c := &cable{}
	if c.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.pull)
	go func() {
		for {
			near, err := c.listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial(network, to)
			if err != nil || !c.keep(near, far) {
				_ = near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near) }()
			go func() { _, _ = io.Copy(near, far) }()
		}
	}()
	u.Host = c.listener.Addr().String()
	return c, u.String()
}

func (c *cable) keep(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isPulled {
		c.open = append(c.open, ends...)
	}
	return !c.isPulled
}

func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isPulled = true
	_ = c.listener.Close()
	for _, end := range c.open {
		_ = end.Close()
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	s := setup(b)
	in := s.register(b, "ada")
	for b.Loop() {
		if _, _, err := s.accounts.Authenticate(b.Context(), *in.Tokens.AccessToken); err != nil {
			b.Fatal(err)
		}
	}
}
