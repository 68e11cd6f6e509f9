package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

// A porch is a node whose pages are asked as a browser does, without its scripts.
type porch struct {
	*node.Node
	handler http.Handler
	cookie  string // of who is signed in in the browser
}

const home = "https://convene.example"

func newPorch(t *testing.T) *porch {
	t.Helper()
	n := node.Mailing(t, testkit.DB(t), live.Options{})
	p := &porch{Node: n}
	p.handler = server.Routes(server.Options{
		Config: config.Config{Env: config.Production, URL: home}, Ring: n.Ring, Accounts: n.Accounts, Log: slog.New(slog.DiscardHandler),
	})
	return p
}

func (p *porch) register(t *testing.T, username string) *account.SignedIn {
	t.Helper()
	in, err := p.Accounts.Register(t.Context(), account.RegisterInput{Username: username, Email: username + "@example.com", Password: password, Cookie: true})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (p *porch) mailed(t *testing.T, username, subject string) string {
	t.Helper()
	return node.Token(t, p.Mails.Next(t, username+"@example.com", subject))
}

func (p *porch) send(t *testing.T, r *http.Request, header ...string) (*http.Response, string) {
	t.Helper()
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if p.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-convene_session", Value: p.cookie}) //nolint:gosec // it is sent, not set
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	answer := w.Result()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// open follows a link.
func (p *porch) open(t *testing.T, path, token string) (*http.Response, string) {
	t.Helper()
	return p.send(t, httptest.NewRequestWithContext(t.Context(), http.MethodGet, home+path+"?token="+url.QueryEscape(token), nil))
}

// post sends a page's form, as a browser does from that page.
func (p *porch) post(t *testing.T, path string, form url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, home+path, strings.NewReader(form.Encode()))
	if header == nil {
		header = []string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}
	}
	return p.send(t, r, append(header, "Content-Type", "application/x-www-form-urlencoded")...)
}

var heading = regexp.MustCompile(`<h1>([^<]*)</h1>`)

// shows holds a page to its heading and status.
func shows(t *testing.T, answer *http.Response, body string, status int, title string) {
	t.Helper()
	found := heading.FindStringSubmatch(body)
	if answer.StatusCode != status || found == nil || found[1] != title {
		t.Errorf("got %d %q, want %d %q", answer.StatusCode, found, status, title)
	}
}

func (p *porch) isVerified(t *testing.T, token string) bool {
	t.Helper()
	seen, err := p.Accounts.LookAtLink(t.Context(), account.KindVerify, token)
	if err != nil {
		t.Fatal(err)
	}
	return seen.IsProved
}

func TestLinkPages(t *testing.T) {
	t.Parallel()
	t.Run("the whole way of somebody who forgot a password and has nothing but the mails", func(t *testing.T) {
		t.Parallel()
		p := newPorch(t)
		p.register(t, "ada")
		first := p.mailed(t, "ada", "Confirm your address")
		answer, body := p.send(t, httptest.NewRequestWithContext(t.Context(), http.MethodGet, home+"/reset", nil))
		shows(t, answer, body, http.StatusOK, "Forgot your password?")
		answer, body = p.post(t, "/reset", url.Values{"login": {"ada"}})
		shows(t, answer, body, http.StatusOK, "Look into your mail")
		p.mailed(t, "ada", "Confirm your address to get a new password")
		for range 3 { // as programs do that look through mails
			answer, body = p.open(t, "/verify", first)
			shows(t, answer, body, http.StatusOK, "Is this your address?")
		}
		if p.isVerified(t, first) {
			t.Error("opening the link has proved the address")
		}
		answer, body = p.post(t, "/verify", url.Values{"token": {first}})
		shows(t, answer, body, http.StatusOK, "Your address is confirmed")
		answer, body = p.open(t, "/verify", first)
		shows(t, answer, body, http.StatusOK, "This address is confirmed already")
		reset := p.mailed(t, "ada", "Set a new password")
		answer, body = p.open(t, "/reset", reset)
		shows(t, answer, body, http.StatusOK, "Set a new password")
		answer, body = p.post(t, "/reset", url.Values{"token": {reset}, "password": {"short"}})
		shows(t, answer, body, http.StatusUnprocessableEntity, "Set a new password")
		if !strings.Contains(body, `role="alert"`) || !strings.Contains(body, `value="`+reset+`"`) {
			t.Errorf("the page does not say what to mend:\n%s", body)
		}
		answer, body = p.post(t, "/reset", url.Values{"token": {reset}, "password": {"another horse entirely"}})
		shows(t, answer, body, http.StatusOK, "Your password is set")
		cookies := answer.Cookies()
		if len(cookies) != 1 {
			t.Fatalf("got the cookies %v", cookies)
		}
		if _, _, err := p.Accounts.AuthenticateCookie(t.Context(), cookies[0].Value); err != nil {
			t.Errorf("the browser is not signed in: %v", err)
		}
		if _, err := p.Accounts.SignIn(t.Context(), account.SignInInput{Login: "ada", Password: "another horse entirely"}); err != nil {
			t.Error(err)
		}
		answer, body = p.open(t, "/reset", reset)
		shows(t, answer, body, http.StatusGone, "This link has been used")
		if !strings.Contains(body, "Send me a new link") {
			t.Errorf("the page has no way on:\n%s", body)
		}
		answer, body = p.post(t, "/reset", url.Values{"token": {reset}, "again": {"yes"}})
		shows(t, answer, body, http.StatusOK, "Look into your mail")
		p.mailed(t, "ada", "Set a new password")
	})
	t.Run("a link of Ada's in the browser of Bob is Ada's, and leaves Bob signed in", func(t *testing.T) {
		t.Parallel()
		p := newPorch(t)
		p.register(t, "ada")
		bob := p.register(t, "bob")
		p.cookie = bob.Cookie
		token := p.mailed(t, "ada", "Confirm your address")
		answer, body := p.post(t, "/verify", url.Values{"token": {token}})
		shows(t, answer, body, http.StatusOK, "Your address is confirmed")
		if p.isVerified(t, p.mailed(t, "bob", "Confirm your address")) {
			t.Error("Bob's address is proved too")
		}
		p.post(t, "/reset", url.Values{"login": {"ada"}})
		answer, body = p.post(t, "/reset", url.Values{"token": {p.mailed(t, "ada", "Set a new password")}, "password": {"another horse entirely"}})
		shows(t, answer, body, http.StatusOK, "Your password is set")
		if len(answer.Cookies()) > 0 {
			t.Errorf("Bob's cookie was replaced: %v", answer.Cookies())
		}
		if _, _, err := p.Accounts.AuthenticateCookie(t.Context(), bob.Cookie); err != nil {
			t.Errorf("Bob was signed out: %v", err)
		}
		if _, err := p.Accounts.SignIn(t.Context(), account.SignInInput{Login: "bob", Password: password}); err != nil {
			t.Errorf("Bob's password: %v", err)
		}
	})
	t.Run("what is no link says so, and has a way on", func(t *testing.T) {
		t.Parallel()
		p := newPorch(t)
		p.register(t, "ada")
		verify := p.mailed(t, "ada", "Confirm your address")
		for path, tokens := range map[string][]string{
			"/verify": {"", "x", `"><script>alert(1)</script>`, verify[:40], strings.Repeat("A", 5000)},
			"/reset":  {"x", verify},
			"/undo":   {"", "x", verify},
		} {
			for _, token := range tokens {
				answer, body := p.open(t, path, token)
				shows(t, answer, body, http.StatusNotFound, "This link does not work")
				answer, body = p.post(t, path, url.Values{"token": {token + " "}})
				shows(t, answer, body, http.StatusNotFound, "This link does not work")
				if strings.Contains(body, "<script") {
					t.Errorf("%s: what was typed in is markup:\n%s", path, body)
				}
			}
		}
	})
	t.Run("pages of others do not send its forms", func(t *testing.T) {
		t.Parallel()
		p := newPorch(t)
		p.register(t, "ada")
		token := p.mailed(t, "ada", "Confirm your address")
		for _, from := range [][]string{
			{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "cross-site", "Origin", "null"},
		} {
			answer, body := p.post(t, "/verify", url.Values{"token": {token}}, from...)
			shows(t, answer, body, http.StatusForbidden, "That did not come from here")
		}
		answer, body := p.post(t, "/verify", url.Values{"token": {token}, "x": {strings.Repeat("x", 9000)}})
		shows(t, answer, body, http.StatusBadRequest, "That could not be read")
		if p.isVerified(t, token) {
			t.Error("one of them did it")
		}
		// A browser from before Sec-Fetch-Site, on a page without a referrer: it works, and is not signed in.
		p.post(t, "/verify", url.Values{"token": {token}}, "Origin", "null")
		p.post(t, "/reset", url.Values{"login": {"ada"}}, "Origin", "null")
		answer, body = p.post(t, "/reset", url.Values{"token": {p.mailed(t, "ada", "Set a new password")}, "password": {"another horse entirely"}}, "Origin", "null")
		shows(t, answer, body, http.StatusOK, "Your password is set")
		if len(answer.Cookies()) > 0 {
			t.Errorf("it sets %v", answer.Cookies())
		}
	})
	t.Run("the address of a page goes nowhere, and nothing runs on it", func(t *testing.T) {
		t.Parallel()
		p := newPorch(t)
		for _, path := range []string{"/verify", "/reset", "/undo"} {
			answer, body := p.open(t, path, "x")
			for name, want := range map[string]string{
				"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			} {
				if got := answer.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			for _, word := range []string{`<html lang="en">`, `name="viewport"`, "<main>", `href="/link.css"`} {
				if !strings.Contains(body, word) {
					t.Errorf("%s lacks %s", path, word)
				}
			}
			if strings.Contains(body, "<script") || strings.Contains(body, "style=") || strings.Contains(body, "http") && !strings.Contains(body, "<!doctype") {
				t.Errorf("%s has what its policy forbids:\n%s", path, body)
			}
		}
		answer, body := p.send(t, httptest.NewRequestWithContext(t.Context(), http.MethodGet, home+"/link.css", nil))
		if answer.StatusCode != http.StatusOK || !strings.Contains(body, "prefers-color-scheme: dark") || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/css") {
			t.Errorf("the style is %d %s", answer.StatusCode, answer.Header)
		}
	})
	t.Run("the old address takes a change back", func(t *testing.T) {
		t.Parallel()
		p := newPorch(t)
		ada := p.register(t, "ada")
		p.post(t, "/verify", url.Values{"token": {p.mailed(t, "ada", "Confirm your address")}})
		if _, err := p.Accounts.ChangeEmail(asPerson(t, ada), account.ChangeEmailInput{Email: "lovelace@example.com"}); err != nil {
			t.Fatal(err)
		}
		undo := p.mailed(t, "ada", "Your account is to get another address")
		answer, body := p.post(t, "/verify", url.Values{"token": {p.mailed(t, "lovelace", "Confirm your new address")}})
		shows(t, answer, body, http.StatusOK, "Your address is confirmed")
		answer, body = p.open(t, "/undo", undo)
		shows(t, answer, body, http.StatusOK, "Keep this address?")
		answer, body = p.post(t, "/undo", url.Values{"token": {undo}})
		shows(t, answer, body, http.StatusOK, "You keep your address")
		answer, body = p.open(t, "/undo", undo)
		shows(t, answer, body, http.StatusGone, "This link has ended")
		p.mailed(t, "ada", "Set a new password")
	})
}

// asPerson is a context in which somebody who signed in asks.
func asPerson(t *testing.T, in *account.SignedIn) context.Context {
	t.Helper()
	return viewer.With(t.Context(), in.Viewer)
}
