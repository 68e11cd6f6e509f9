package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// authenticate finds out who asks, by the access token of the Authorization header or by the session
// cookie. Whoever sends neither is nobody. A token that is no good is refused: its client would otherwise
// wonder why everything looks empty. A cookie that is no good is cleared: its page could not even sign in
// again, because the browser sends it along.
func (s *Server) authenticate(next http.Handler) http.Handler {
	isOurs := CheckOrigin(s.o.Config)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := account.WithDevice(r.Context(), r.UserAgent())
		cookies, ours := s.cookies(w), isOurs(r)
		who, until, err := s.whoAsks(ctx, r, cookies, ours)
		if err != nil {
			transport.RespondError(w, r, err)
			return
		}
		if who.Kind() != viewer.Nobody {
			ctx = transport.WithExpiry(viewer.With(ctx, who), until)
		}
		if ours && r.Header.Get("Upgrade") == "" { // a socket's answer has no headers any more
			ctx = graph.WithCookies(ctx, cookies)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *Server) whoAsks(
	ctx context.Context, r *http.Request, cookies *cookieWriter, ours bool,
) (viewer.Viewer, time.Time, error) {
	if given := r.Header.Values("Authorization"); len(given) > 0 {
		if scheme, _, _ := strings.Cut(given[0], " "); len(given) > 1 || !strings.EqualFold(scheme, "Bearer") {
			return viewer.Viewer{}, time.Time{}, &fault.Error{
				Code: fault.CodeUnauthenticated, Message: "One Authorization header is wanted, with `Bearer` and an access token.",
			}
		}
		return s.o.Accounts.Authenticate(ctx, given[0])
	}
	sent := r.CookiesNamed(cookies.name)
	if len(sent) == 0 {
		return viewer.Viewer{}, time.Time{}, nil
	}
	if !ours {
		return viewer.Viewer{}, time.Time{}, &fault.Error{
			Code: fault.CodeForbidden, Message: "A page of another origin may not use the session cookie.",
		}
	}
	cookies.isUsed = true
	who, until, err := s.o.Accounts.AuthenticateCookie(ctx, sent[0].Value)
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Code == fault.CodeUnauthenticated {
		cookies.Clear()
		return viewer.Viewer{}, time.Time{}, nil
	}
	return who, until, err
}

// CheckOrigin tells whether a request comes from a page of ours: of the same origin, the public address or
// a configured origin, or from no browser at all. It goes by what browsers say themselves and no page can
// change, Sec-Fetch-Site and Origin, also for GET: by that one subscribes.
func CheckOrigin(c config.Config) func(r *http.Request) bool {
	guard := http.NewCrossOriginProtection()
	// Whoever sits between a browser and the network writes the pages of http:// addresses. The guard goes by the host
	// alone where a browser says no more than its Origin.
	isEncrypted := strings.HasPrefix(c.URL, "https://")
	named := map[string]bool{}
	for _, address := range append([]string{c.URL}, c.Origins...) {
		u, err := url.Parse(address)
		if err == nil {
			origin := u.Scheme + "://" + strings.ToLower(u.Host)
			named[origin] = true
			err = guard.AddTrustedOrigin(origin)
		}
		if err != nil { // config has checked them
			panic(fmt.Errorf("trust the origin %q: %w", address, err))
		}
	}
	return func(r *http.Request) bool {
		if origin := r.Header.Get("Origin"); isEncrypted && strings.HasPrefix(origin, "http://") && !named[origin] {
			return false
		}
		// The guard lets GET pass; it is asked as if each request could change something.
		asked := r.WithContext(r.Context())
		asked.Method = http.MethodPost
		return guard.Check(asked) == nil
	}
}

// cookieWriter sets the session cookie of an answer.
type cookieWriter struct {
	w        http.ResponseWriter
	name     string
	isSecure bool
	// isUsed tells that the request came in by the cookie.
	isUsed bool
}

// cookies writes the session cookie. Over HTTPS its name begins with __Host-: browsers take such a cookie
// only from this very host, so no neighbouring subdomain can slip us another person's session.
func (s *Server) cookies(w http.ResponseWriter) *cookieWriter {
	c := &cookieWriter{w: w, name: "convene_session", isSecure: strings.HasPrefix(s.o.Config.URL, "https://")}
	if c.isSecure {
		c.name = "__Host-" + c.name
	}
	return c
}

// IsOpen implements graph.Cookies: an answer that says what it is has been begun.
func (c *cookieWriter) IsOpen() bool { return c.w.Header().Get("Content-Type") == "" }

// Set implements graph.Cookies.
func (c *cookieWriter) Set(value string, expires time.Time) {
	c.write(&http.Cookie{Value: value, Expires: expires})
}

// Clear implements graph.Cookies.
func (c *cookieWriter) Clear() {
	if c.isUsed {
		c.write(&http.Cookie{MaxAge: -1})
	}
}

func (c *cookieWriter) write(cookie *http.Cookie) {
	cookie.Name, cookie.Path, cookie.Secure = c.name, "/", c.isSecure
	cookie.HttpOnly, cookie.SameSite = true, http.SameSiteStrictMode
	header := c.w.Header()
	// One word on it is enough: signing in replaces the clearing of what came before.
	header["Set-Cookie"] = slices.DeleteFunc(header["Set-Cookie"], func(said string) bool {
		return strings.HasPrefix(said, c.name+"=")
	})
	http.SetCookie(c.w, cookie)
}

// jwks serves the public keys, by which others can check access tokens.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.o.Ring.JWKS()) // the client has gone
}
