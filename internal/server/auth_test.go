package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	password   = "correct horse battery"
	cookieName = "convene_session"
)

// bench is the middleware in front of a handler that notes who asked.
type bench struct {
	db       *db.DB
	options  server.Options
	accounts *account.Service
	tokens   *account.SignedIn
	cookie   *account.SignedIn
}

func setup(t *testing.T) bench {
	t.Helper()
	ring, err := token.NewRing([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	b := bench{db: testkit.DB(t)}
	b.accounts = account.New(b.db, ring, profile.New(b.db, node.Facts(b.db)), node.Facts(b.db), account.Options{})
	b.options = server.Options{
		Config:   config.Config{URL: "http://convene.example", Origins: []string{"https://app.example"}},
		Ring:     ring,
		Accounts: b.accounts,
	}
	b.tokens, err = b.accounts.Register(t.Context(), account.RegisterInput{Username: "ada", Email: "ada@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	b.cookie, err = b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: password, Cookie: true})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ask sends a request and tells who the handler saw; nil if it saw none.
func (b bench) ask(t *testing.T, method string, header ...string) (*viewer.Viewer, *httptest.ResponseRecorder) {
	t.Helper()
	var seen *viewer.Viewer
	handler := server.Authenticate(b.options, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		v := viewer.From(r.Context())
		seen = &v
	}))
	r := httptest.NewRequestWithContext(t.Context(), method, "http://convene.example/graphql", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return seen, w
}

func codeOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct {
		Data   any
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.NewDecoder(w.Body).Decode(&body); err != nil || len(body.Errors) != 1 || body.Errors[0].Message == "" {
		t.Fatalf("got %+v, %v, want one error", body, err)
	}
	return body.Errors[0].Extensions.Code
}

// cookiesOf are the cookies that an answer sets.
func cookiesOf(w *httptest.ResponseRecorder) []*http.Cookie {
	var all []*http.Cookie
	for _, line := range w.Header().Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil {
			all = append(all, c)
		}
	}
	return all
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bearer, cookie := "Bearer "+*b.tokens.Tokens.AccessToken, cookieName+"="+b.cookie.Cookie
	nobody := viewer.Viewer{}
	for name, c := range map[string]struct {
		method string
		header []string
		want   viewer.Viewer
	}{
		"nobody without credentials":       {"POST", nil, nobody},
		"a person by token":                {"POST", []string{"Authorization", bearer}, b.tokens.Viewer},
		"a person by token, any case":      {"POST", []string{"Authorization", "bEARER" + bearer[6:]}, b.tokens.Viewer},
		"a person by cookie":               {"POST", []string{"Cookie", cookie}, b.cookie.Viewer},
		"a person by cookie among others":  {"GET", []string{"Cookie", "a=b; " + cookie + "; c=d"}, b.cookie.Viewer},
		"the token's person of both":       {"POST", []string{"Authorization", bearer, "Cookie", cookie}, b.tokens.Viewer},
		"nobody by another cookie":         {"POST", []string{"Cookie", "session=" + b.cookie.Cookie}, nobody},
		"a person by token, cross-site":    {"POST", []string{"Authorization", bearer, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, b.tokens.Viewer},
		"nobody cross-site":                {"POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, nobody},
		"a cookie's person, same origin":   {"POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}, b.cookie.Viewer},
		"a cookie's person, typed address": {"GET", []string{"Cookie", cookie, "Sec-Fetch-Site", "none"}, b.cookie.Viewer},
		"a cookie's person, our Origin":    {"POST", []string{"Cookie", cookie, "Origin", "http://convene.example"}, b.cookie.Viewer},
		"a cookie's person, trusted page":  {"POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-site", "Origin", "https://app.example"}, b.cookie.Viewer},
		"a cookie's person, trusted watch": {"GET", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://app.example"}, b.cookie.Viewer},
	} {
		t.Run("sees "+name, func(t *testing.T) {
			t.Parallel()
			got, w := b.ask(t, c.method, c.header...)
			if got == nil || *got != c.want {
				t.Errorf("got %v and status %d", got, w.Code)
			}
			if set := w.Header().Get("Set-Cookie"); set != "" {
				t.Errorf("sets the cookie %s", set)
			}
		})
	}
	for name, c := range map[string]struct {
		method string
		header []string
		want   string
	}{
		"a token that is no good":               {"POST", []string{"Authorization", "Bearer x"}, "UNAUTHENTICATED"},
		"an empty token":                        {"POST", []string{"Authorization", "Bearer"}, "UNAUTHENTICATED"},
		"an empty header":                       {"POST", []string{"Authorization", ""}, "UNAUTHENTICATED"},
		"another scheme":                        {"POST", []string{"Authorization", "Basic YWRhOmFkYQ=="}, "UNAUTHENTICATED"},
		"two tokens":                            {"POST", []string{"Authorization", bearer, "Authorization", bearer}, "UNAUTHENTICATED"},
		"a bad token beside a good cookie":      {"POST", []string{"Authorization", "Bearer x", "Cookie", cookie}, "UNAUTHENTICATED"},
		"a cookie's value as a token":           {"POST", []string{"Authorization", "Bearer " + b.cookie.Cookie}, "UNAUTHENTICATED"},
		"a cookie from another site":            {"POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, "FORBIDDEN"},
		"a cookie from a neighbouring host":     {"POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-site", "Origin", "http://other.convene.example"}, "FORBIDDEN"},
		"a cookie by GET from another site":     {"GET", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site"}, "FORBIDDEN"},
		"a cookie with a foreign Origin":        {"POST", []string{"Cookie", cookie, "Origin", "https://evil.example"}, "FORBIDDEN"},
		"a cookie with the Origin null":         {"POST", []string{"Cookie", cookie, "Origin", "null"}, "FORBIDDEN"},
		"a cookie with our host's other scheme": {"POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://convene.example"}, "FORBIDDEN"},
		"a socket by cookie of another page":    {"GET", []string{"Cookie", cookie, "Connection", "Upgrade", "Upgrade", "websocket", "Origin", "https://evil.example"}, "FORBIDDEN"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			got, w := b.ask(t, c.method, c.header...)
			if code := codeOf(t, w); got != nil || code != c.want {
				t.Errorf("got %v and %s, want %s", got, code, c.want)
			}
		})
	}
	t.Run("clears a cookie that is no good and goes on as nobody", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{"", "x", *b.tokens.Tokens.AccessToken} {
			got, w := b.ask(t, "POST", "Cookie", cookieName+"="+value)
			if got == nil || *got != nobody {
				t.Errorf("%q: got %v", value, got)
			}
			set := cookiesOf(w)
			if len(set) != 1 || set[0].Name != cookieName || set[0].MaxAge != -1 || set[0].Path != "/" {
				t.Errorf("%q: sets %v", value, set)
			}
		}
	})
	t.Run("refuses a token whose session has ended", func(t *testing.T) {
		t.Parallel()
		in, err := b.accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.accounts.SignOut(viewer.With(t.Context(), in.Viewer)); err != nil {
			t.Fatal(err)
		}
		got, w := b.ask(t, "POST", "Authorization", "Bearer "+*in.Tokens.AccessToken)
		if code := codeOf(t, w); got != nil || code != "UNAUTHENTICATED" {
			t.Errorf("got %v and %s", got, code)
		}
	})
}

func TestCookie(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	// write lets a handler use the request's cookie and returns what the answer sets.
	write := func(t *testing.T, o server.Options, use func(context.Context, http.ResponseWriter), header ...string) []*http.Cookie {
		t.Helper()
		handler := server.Authenticate(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { use(r.Context(), w) }))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/graphql", nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return cookiesOf(w)
	}
	set := func(ctx context.Context, _ http.ResponseWriter) { graph.CookiesFrom(ctx).Set("value", expires) }
	unset := func(ctx context.Context, _ http.ResponseWriter) { graph.CookiesFrom(ctx).Clear() }
	t.Run("is out of reach of scripts and of other sites", func(t *testing.T) {
		t.Parallel()
		got := write(t, b.options, set)
		if len(got) != 1 || got[0].Name != cookieName || got[0].Value != "value" || !got[0].Expires.Equal(expires) ||
			!got[0].HttpOnly || got[0].SameSite != http.SameSiteStrictMode || got[0].Path != "/" || got[0].Domain != "" || got[0].Secure {
			t.Errorf("got %v", got)
		}
	})
	t.Run("is bound to the very host over HTTPS", func(t *testing.T) {
		t.Parallel()
		o := b.options
		o.Config.URL = "https://convene.example"
		got := write(t, o, set)
		if len(got) != 1 || got[0].Name != "__Host-"+cookieName || !got[0].Secure || got[0].Path != "/" || got[0].Domain != "" {
			t.Errorf("got %v", got)
		}
		if got := write(t, o, unset, "Cookie", "__Host-"+cookieName+"="+b.cookie.Cookie); len(got) != 1 || got[0].MaxAge != -1 || !got[0].Secure {
			t.Errorf("cleared: got %v", got)
		}
	})
	t.Run("replaces the clearing of one that was no good", func(t *testing.T) {
		t.Parallel()
		if got := write(t, b.options, set, "Cookie", cookieName+"=x"); len(got) != 1 || got[0].Value != "value" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("is cleared only for whom it let in", func(t *testing.T) {
		t.Parallel()
		if got := write(t, b.options, unset, "Cookie", cookieName+"="+b.cookie.Cookie); len(got) != 1 || got[0].MaxAge != -1 {
			t.Errorf("by cookie: got %v", got)
		}
		got := write(t, b.options, unset, "Cookie", cookieName+"="+b.cookie.Cookie, "Authorization", "Bearer "+*b.tokens.Tokens.AccessToken)
		if len(got) != 0 {
			t.Errorf("by token: got %v", got)
		}
	})
	t.Run("can't be set once the answer has begun", func(t *testing.T) {
		t.Parallel()
		write(t, b.options, func(ctx context.Context, w http.ResponseWriter) {
			if c := graph.CookiesFrom(ctx); !c.IsOpen() {
				t.Error("it is not open to begin with")
			}
			w.Header().Set("Content-Type", "text/event-stream")
			if c := graph.CookiesFrom(ctx); c.IsOpen() {
				t.Error("it is open still")
			}
		})
	})
	t.Run("can't be set for a page of another origin, nor over a socket", func(t *testing.T) {
		t.Parallel()
		for _, header := range [][]string{
			{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Connection", "Upgrade", "Upgrade", "websocket"},
		} {
			write(t, b.options, func(ctx context.Context, _ http.ResponseWriter) {
				if graph.CookiesFrom(ctx) != nil {
					t.Errorf("%v: it can", header)
				}
			}, header...)
		}
	})
}

func TestCheckOrigin(t *testing.T) {
	t.Parallel()
	check := server.CheckOrigin(config.Config{URL: "https://Convene.example/", Origins: []string{"http://localhost:5173"}})
	for name, c := range map[string]struct {
		origin, host string
		want         bool
	}{
		"no Origin":                       {"", "convene.example", true},
		"the host's own":                  {"https://10.0.0.7:8080", "10.0.0.7:8080", true},
		"the public address, by a proxy":  {"https://convene.example", "10.0.0.7:8080", true},
		"a configured one":                {"http://localhost:5173", "convene.example", true},
		"a configured host, another port": {"http://localhost:5174", "convene.example", false},
		"another one":                     {"https://evil.example", "convene.example", false},
		"one that begins alike":           {"https://convene.example.evil.example", "convene.example", false},
		"null":                            {"null", "convene.example", false},
		"the same host, unencrypted":      {"http://convene.example", "convene.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/graphql", nil)
			r.Host = c.host
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if got := check(r); got != c.want {
				t.Errorf("got %v", got)
			}
			if r.Method != http.MethodGet {
				t.Error("the request was changed")
			}
		})
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := httptest.NewRecorder()
	server.JWKS(b.options)(w, httptest.NewRequestWithContext(t.Context(), "GET", "/.well-known/jwks.json", nil))
	var set struct{ Keys []map[string]string }
	if err := json.NewDecoder(w.Body).Decode(&set); err != nil || len(set.Keys) != 1 || set.Keys[0]["crv"] != "Ed25519" {
		t.Errorf("got %v, %v", set, err)
	}
	if media := w.Header().Get("Content-Type"); media != "application/jwk-set+json" {
		t.Errorf("it is %s", media)
	}
	if _, isPrivate := set.Keys[0]["d"]; isPrivate {
		t.Error("it gives the private key away")
	}
}
