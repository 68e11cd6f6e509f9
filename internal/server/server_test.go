package server_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/demo"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/server"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

// site is a whole server on a database of the test's own.
func site(t *testing.T, c config.Config) http.Handler {
	t.Helper()
	d := testkit.DB(t)
	return siteOn(t, c, d, node.On(t, d, live.Options{}), slog.New(slog.DiscardHandler))
}

// siteOn is a whole server on a node.
func siteOn(t *testing.T, c config.Config, d *db.DB, n *node.Node, log *slog.Logger) http.Handler {
	t.Helper()
	return server.Routes(optionsOn(t, c, d, n, log))
}

func optionsOn(t *testing.T, c config.Config, d *db.DB, n *node.Node, log *slog.Logger) server.Options {
	t.Helper()
	exec := graph.NewExecutor(n.Resolver, !c.IsProduction())
	o := server.Options{
		Config: c, DB: d, Hub: n.Hub, Ring: n.Ring, Accounts: n.Accounts, Invites: n.Invites, Log: log, Metrics: telemetry.NewRegistry(),
		Graph: transport.New(transport.Options{
			Executor: exec, Subscriptions: transport.NewShared(exec, n.Hub),
			Authenticate: n.Accounts.Authenticate, CheckOrigin: server.CheckOrigin(c),
		}),
	}
	if c.HasDemo() {
		o.Demo = &demo.Seeder{Accounts: n.Accounts, Messaging: n.Messaging}
		if err := o.Demo.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

var (
	development = config.Config{Env: config.Dev, Seed: "on", URL: "http://127.0.0.1:8080"}
	production  = config.Config{Env: config.Production, Seed: "on", URL: "https://convene.example", Origins: []string{"https://app.example"}}
)

func get(t *testing.T, h http.Handler, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, h, http.MethodGet, host, path, "")
}

func ask(t *testing.T, h http.Handler, method, host, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://"+host+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	dev, prod := site(t, development), site(t, production)

	t.Run("the index lists what is there, and it is", func(t *testing.T) {
		t.Parallel()
		for name, h := range map[string]http.Handler{"dev": dev, "production": prod} {
			var index map[string]string
			if err := json.Unmarshal(get(t, h, "127.0.0.1:8080", "/").Body.Bytes(), &index); err != nil {
				t.Fatal(err)
			}
			if _, has := index["graphiql"]; has != (name == "dev") {
				t.Errorf("%s lists %v", name, index)
			}
			for what, path := range index {
				if status := get(t, h, "127.0.0.1:8080", path).Code; status == http.StatusNotFound {
					t.Errorf("%s: %s is not at %s", name, what, path)
				}
			}
		}
	})
	t.Run("the numbers are there in development, for this machine, and in production not at this address", func(t *testing.T) {
		t.Parallel()
		if w := get(t, dev, "localhost", "/metrics"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "convene_http_requests_total") {
			t.Errorf("development is answered %d: %.300s", w.Code, w.Body)
		}
		if w := get(t, dev, "evil.example", "/metrics"); w.Code != http.StatusForbidden {
			t.Errorf("a page of elsewhere is answered %d", w.Code)
		}
		if w := get(t, prod, "127.0.0.1:8080", "/metrics"); w.Code != http.StatusNotFound {
			t.Errorf("production is answered %d", w.Code)
		}
	})
	t.Run("a request id is taken over if it is one", func(t *testing.T) {
		t.Parallel()
		for given, taken := range map[string]bool{
			"0198f3a2-proxy_17": true, "short": false, "with space in it": false, "line\nbreaks-in-it": false, strings.Repeat("x", 65): false, "-leading-dash": false,
		} {
			w := ask(t, dev, http.MethodGet, "localhost", "/healthz", "", "X-Request-Id", given)
			if got := w.Header().Get("X-Request-Id"); (got == given) != taken || got == "" {
				t.Errorf("%q is answered %q", given, got)
			}
		}
	})
	t.Run("every answer has a request id", func(t *testing.T) {
		t.Parallel()
		a, b := get(t, dev, "localhost", "/healthz"), get(t, dev, "localhost", "/nowhere")
		if id := a.Header().Get("X-Request-Id"); id == "" || id == b.Header().Get("X-Request-Id") {
			t.Fatalf("got %q and %q", id, b.Header().Get("X-Request-Id"))
		}
	})
	t.Run("production has no development pages", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/graphiql", "/demo/", "/dev/sign-in?as=ada", "/dev/session"} {
			if w := get(t, prod, "127.0.0.1:8080", path); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
	})
	t.Run("a configured origin may use the API from a page, and no other", func(t *testing.T) {
		t.Parallel()
		for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": ""} {
			w := ask(t, prod, http.MethodOptions, "convene.example", "/graphql", "", "Origin", origin,
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s is answered %q", origin, got)
			}
		}
	})
	t.Run("a page of a configured origin may read when to come back", func(t *testing.T) {
		t.Parallel()
		w := ask(t, prod, http.MethodPost, "convene.example", "/graphql", `{"query":"{ __typename }"}`, "Origin", "https://app.example")
		if got := w.Header().Get("Access-Control-Expose-Headers"); !strings.Contains(got, "Retry-After") {
			t.Errorf("it may read %q", got)
		}
	})
}

func TestDevelopmentPages(t *testing.T) {
	t.Parallel()
	h := site(t, development)
	t.Run("they answer on this machine's own names only", func(t *testing.T) {
		t.Parallel()
		for host, want := range map[string]int{
			"127.0.0.1:8080": http.StatusOK, "localhost:8080": http.StatusOK, "[::1]:8080": http.StatusOK,
			"evil.example": http.StatusForbidden, "127.0.0.1.evil.example:8080": http.StatusForbidden, "192.0.2.1": http.StatusForbidden,
		} {
			if w := get(t, h, host, "/demo/"); w.Code != want {
				t.Errorf("%s is answered %d, want %d", host, w.Code, want)
			}
		}
	})
	t.Run("a link signs in by cookie and leads to a page of ours", func(t *testing.T) {
		t.Parallel()
		for to, want := range map[string]string{
			"": "/graphiql", "/demo/?as=ada": "/demo/?as=ada", "//evil.example": "/graphiql", "https://evil.example": "/graphiql",
			"/\\evil.example": "/graphiql", "/\t/evil.example": "/graphiql", "/\n/evil.example": "/graphiql",
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8080/dev/sign-in", nil)
			q := r.URL.Query()
			q.Set("as", "ada")
			q.Set("to", to)
			r.URL.RawQuery = q.Encode()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want || len(cookiesOf(w)) != 1 {
				t.Errorf("%q leads to %d %q, want %q", to, w.Code, w.Header().Get("Location"), want)
			}
		}
	})
	t.Run("a session is given to the demo's own page and a demo person", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			body   string
			header []string
			want   int
		}{
			"Ada":                  {`{"as":"ada"}`, []string{"Content-Type", "application/json"}, http.StatusOK},
			"nobody":               {`{"as":"mallory"}`, []string{"Content-Type", "application/json"}, http.StatusNotFound},
			"nonsense":             {`as=ada`, []string{"Content-Type", "application/json"}, http.StatusBadRequest},
			"a form":               {`as=ada`, []string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusForbidden},
			"a page of elsewhere":  {`{"as":"ada"}`, []string{"Content-Type", "application/json", "Origin", "https://evil.example"}, http.StatusForbidden},
			"a cross-site request": {`{"as":"ada"}`, []string{"Content-Type", "application/json", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		} {
			w := ask(t, h, http.MethodPost, "127.0.0.1:8080", "/dev/session", c.body, c.header...)
			if w.Code != c.want {
				t.Errorf("%s is answered %d, want %d: %s", name, w.Code, c.want, w.Body)
			}
		}
	})
}
