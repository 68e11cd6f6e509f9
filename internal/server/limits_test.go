package server_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

func TestAddressOf(t *testing.T) {
	t.Parallel()
	const trusted, trustedToo, client, forged = "10.0.0.5", "192.0.2.9", "203.0.113.7", "198.51.100.66"
	o := server.Options{
		Config: config.Config{URL: "https://convene.example", Limits: config.Limits{TrustedProxies: []string{"10.0.0.0/8", trustedToo, "2001:db8:ffff::/48", "fd00::1"}}},
		Log:    slog.New(slog.DiscardHandler),
	}
	for _, c := range []struct {
		name, peer string
		said       []string
		want       string
	}{
		{"nobody between", client + ":4711", nil, client},
		{"a header of whom we do not trust", client + ":4711", []string{forged}, client},
		{"a proxy that says nothing", trusted + ":4711", nil, trusted},
		{"a proxy", trusted + ":4711", []string{client}, client},
		{"a proxy that passes on what the client made up", trusted + ":4711", []string{forged + ", " + client}, client},
		{"headers of both", trusted + ":4711", []string{forged, client}, client},
		{"two proxies", trusted + ":4711", []string{forged + "," + client + "," + trustedToo}, client},
		{"what the client made up looks like our proxy", trusted + ":4711", []string{"10.1.2.3, " + client}, client},
		{"all are ours: the furthest", trusted + ":4711", []string{"10.0.0.77, " + trustedToo}, "10.0.0.77"},
		{"rubbish left of the client", trusted + ":4711", []string{"rubbish;, " + client}, client},
		{"rubbish", trusted + ":4711", []string{"rubbish"}, trusted},
		{"nothing between commas", trusted + ":4711", []string{client + ", , " + trustedToo}, trusted},
		{"a name", trusted + ":4711", []string{"unknown"}, trusted},
		{"too many numbers", trusted + ":4711", []string{"203.0.113.7.9"}, trusted},
		{"a comma alone", trusted + ":4711", []string{","}, trusted},
		{"with a port", trusted + ":4711", []string{client + ":5555"}, client},
		{"IPv6", "[2001:db8:ffff::1]:4711", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 with a port", "[fd00::1]:4711", []string{"[2001:db8::7]:80"}, "2001:db8::7"},
		{"IPv6 in brackets", "[fd00::1]:4711", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.5]:4711", []string{"::ffff:" + client}, client},
		{"no address of the network's", "@", []string{client}, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.said
			if got := server.AddressOf(o, r); got.String() != c.want {
				t.Errorf("it comes from %s, want %s", got, c.want)
			}
		})
	}
}

// fleet is so many nodes over one database and one Redis.
func fleet(t *testing.T, count int, c config.Config, log *slog.Logger) []http.Handler {
	t.Helper()
	d := testkit.DB(t)
	var nodes []http.Handler
	for range count {
		redis, err := live.OpenRedis(testkit.RedisURL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = redis.Close() })
		limits := limit.New(limit.Options{Rates: server.Rates(c), Redis: redis})
		limits.Start()
		t.Cleanup(limits.Close)
		o := optionsOn(t, c, d, node.On(t, d, live.Options{Redis: redis}), log)
		o.Limits = limits
		nodes = append(nodes, server.Routes(o))
	}
	return nodes
}

// anyAddress is one that no other test has.
func anyAddress() string {
	of := netip.MustParseAddr("2001:db8::1").As16()
	_, _ = rand.Read(of[4:8])
	return netip.AddrFrom16(of).String()
}

// graphql sends an operation from an address, through a proxy, and returns the answer and its first code.
func graphql(t *testing.T, h http.Handler, from, query string, variables any, header ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://convene.example/graphql", bytes.NewReader(body))
	r.RemoteAddr = "10.0.0.5:4711"
	r.Header.Set("X-Forwarded-For", from)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer struct {
		Errors []struct {
			Extensions struct {
				Code       string
				RetryAfter int
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if len(answer.Errors) == 0 {
		return w, ""
	}
	if said := answer.Errors[0].Extensions; said.Code == "RATE_LIMITED" && (said.RetryAfter < 1 || w.Header().Get("Retry-After") != fmt.Sprint(said.RetryAfter)) {
		t.Errorf("it says to come back after %d, and %q", said.RetryAfter, w.Header().Get("Retry-After"))
	}
	return w, answer.Errors[0].Extensions.Code
}

const (
	askNothing = `{ __typename }`
	register   = `mutation ($input: RegisterInput!) { register(input: $input) { session { accessToken } userErrors { code } } }`
	signIn     = `mutation ($input: SignInInput!) { signIn(input: $input) { session { accessToken } userErrors { code } } }`
)

func inputOf(pairs ...string) map[string]any {
	input := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		input[pairs[i]] = pairs[i+1]
	}
	return map[string]any{"input": input}
}

// registered is the access token of somebody new.
func registered(t *testing.T, h http.Handler) (username, token string) {
	t.Helper()
	username = "p" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
	w, code := graphql(t, h, anyAddress(), register, inputOf("username", username, "email", username+"@example.com", "password", password))
	var answer struct {
		Data struct {
			Register struct{ Session struct{ AccessToken string } }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || code != "" || answer.Data.Register.Session.AccessToken == "" {
		t.Fatalf("register: %s", w.Body)
	}
	return username, answer.Data.Register.Session.AccessToken
}

func behindProxy(l config.Limits) config.Config {
	c := production
	l.TrustedProxies = []string{"10.0.0.5"}
	c.Limits = l
	return c
}

// through sends operations to the nodes in turn until one is refused, and says how many were not.
func through(t *testing.T, nodes []http.Handler, most int, send func(h http.Handler) (*httptest.ResponseRecorder, string)) int {
	t.Helper()
	for i := range most {
		w, code := send(nodes[i%len(nodes)])
		if code == "RATE_LIMITED" {
			if w.Code != http.StatusTooManyRequests && w.Code != http.StatusOK {
				t.Errorf("it is refused with %d", w.Code)
			}
			return i
		}
		if code != "" {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
	}
	return most
}

func TestLimits(t *testing.T) {
	t.Parallel()

	t.Run("an account gets what it may have from all nodes together, wherever it asks from", func(t *testing.T) {
		t.Parallel()
		nodes := fleet(t, 2, behindProxy(config.Limits{OperationsPerAccount: 2}), slog.New(slog.DiscardHandler))
		_, token := registered(t, nodes[0])
		_, other := registered(t, nodes[0])
		send := func(token string) func(http.Handler) (*httptest.ResponseRecorder, string) {
			return func(h http.Handler) (*httptest.ResponseRecorder, string) {
				return graphql(t, h, anyAddress(), askNothing, nil, "Authorization", "Bearer "+token)
			}
		}
		// Each node lets 20 through by itself; once they know of each other, both together do.
		if got := through(t, nodes, 200, send(token)); got < 20 || got > 45 {
			t.Errorf("%d got through", got)
		}
		eventually(t, "each node refuses what the other let through", func() bool {
			_, here := send(token)(nodes[0])
			_, there := send(token)(nodes[1])
			return here == "RATE_LIMITED" && there == "RATE_LIMITED"
		})
		if _, code := send(other)(nodes[0]); code != "" {
			t.Errorf("somebody else is answered %s", code)
		}
	})

	t.Run("an address is counted with forged tokens and with none, and can not hide behind a header", func(t *testing.T) {
		t.Parallel()
		nodes := fleet(t, 1, behindProxy(config.Limits{OperationsPerAddress: 1}), slog.New(slog.DiscardHandler))
		from := anyAddress()
		n := 0
		got := through(t, nodes, 100, func(h http.Handler) (*httptest.ResponseRecorder, string) {
			n++ // another forged address each time, left of what the proxy saw
			return graphql(t, h, fmt.Sprintf("198.51.100.%d, %s", n, from), askNothing, nil)
		})
		if got != 5 { // a request and what it asks for count 1 each, of ten seconds' worth
			t.Errorf("%d got through", got)
		}
		if _, code := graphql(t, nodes[0], from, askNothing, nil, "Authorization", "Bearer forged"); code != "RATE_LIMITED" {
			t.Errorf("a forged token is answered %s", code)
		}
		if _, code := graphql(t, nodes[0], anyAddress(), askNothing, nil); code != "" {
			t.Errorf("another address is answered %s", code)
		}
	})

	t.Run("signing in may fail so often for a login, and for an address", func(t *testing.T) {
		t.Parallel()
		nodes := fleet(t, 1, behindProxy(config.Limits{FailedSignIns: 3}), slog.New(slog.DiscardHandler))
		username, _ := registered(t, nodes[0])
		try := func(from, login, password string) (string, string) {
			w, code := graphql(t, nodes[0], from, signIn, inputOf("login", login, "password", password))
			return code, w.Body.String()
		}
		for range 10 {
			if code, body := try(anyAddress(), username, password); code != "" || !strings.Contains(body, `"accessToken":"ey`) {
				t.Fatalf("signing in: %s", body)
			}
		}
		from := anyAddress()
		for i := range 3 {
			if code, body := try(from, username, "wrong one"); code != "" || !strings.Contains(body, "WRONG_CREDENTIALS") {
				t.Fatalf("the wrong password, time %d: %s", i, body)
			}
		}
		if code, _ := try(from, strings.ToUpper(username), password); code != "RATE_LIMITED" {
			t.Errorf("the next is answered %q", code)
		}
		if code, body := try(anyAddress(), username, password); code != "" || !strings.Contains(body, `"accessToken":"ey`) {
			t.Errorf("whoever is elsewhere is answered %s", body)
		}
		from = anyAddress()
		for i := range 15 {
			if code, body := try(from, fmt.Sprint("nobody", i), "wrong one"); code != "" {
				t.Fatalf("login %d at one address: %s", i, body)
			}
		}
		if code, _ := try(from, "nobody-else", "wrong one"); code != "RATE_LIMITED" {
			t.Errorf("the next login is answered %q", code)
		}
		// Many in one request are many.
		aliases := ""
		for i := range 5 {
			aliases += fmt.Sprintf(`s%d: signIn(input: {login: "many", password: "wrong one"}) { userErrors { code } } `, i)
		}
		if w, _ := graphql(t, nodes[0], anyAddress(), "mutation { "+aliases+"}", nil); strings.Count(w.Body.String(), "RATE_LIMITED") < 1 {
			t.Errorf("five at once are answered %s", w.Body)
		}
	})

	t.Run("so many may register at an address", func(t *testing.T) {
		t.Parallel()
		nodes := fleet(t, 1, behindProxy(config.Limits{RegistrationsPerAddress: 2}), slog.New(slog.DiscardHandler))
		from := anyAddress()
		for i := range 3 {
			name := "q" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
			_, code := graphql(t, nodes[0], from, register, inputOf("username", name, "email", name+"@example.com", "password", password))
			if isRefused := code == "RATE_LIMITED"; isRefused != (i == 2) {
				t.Errorf("the time %d: %q", i, code)
			}
		}
	})

	t.Run("so many may forget their password at an address", func(t *testing.T) {
		t.Parallel()
		nodes := fleet(t, 1, behindProxy(config.Limits{FailedSignIns: 1}), slog.New(slog.DiscardHandler))
		const forgot = `mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { code } } }`
		from := anyAddress()
		for i := range 6 {
			_, code := graphql(t, nodes[0], from, forgot, inputOf("login", fmt.Sprint("nobody", i)))
			if isRefused := code == "RATE_LIMITED"; isRefused != (i == 5) {
				t.Errorf("the time %d: %q", i, code)
			}
		}
	})

	t.Run("a proxy that nobody named is told of, once", func(t *testing.T) {
		t.Parallel()
		var said bytes.Buffer
		nodes := fleet(t, 1, production, slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})))
		for range 3 {
			graphql(t, nodes[0], anyAddress(), askNothing, nil)
		}
		if got := strings.Count(said.String(), "CONVENE_TRUSTED_PROXIES"); got != 1 {
			t.Errorf("it is told %d times: %s", got, said.String())
		}
	})
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("it never came to this: %s", what)
}
