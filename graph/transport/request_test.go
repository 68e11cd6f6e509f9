package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	f := newHandler()

	t.Run("numbers keep their digits", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]string{
			"1":                     "int64 1",
			"-9007199254740993":     "int64 -9007199254740993",
			"9223372036854775807":   "int64 9223372036854775807",
			"9223372036854775808":   "json.Number 9223372036854775808",
			"1.5":                   "float64 1.5",
			"1e2":                   "float64 100",
			"1e999":                 "json.Number 1e999",
			`"10"`:                  "string 10",
			"[1,true,null]":         "[]interface {} [1 true <nil>]",
			`{"a":{"b":[0.5,"x"]}}`: "map[string]interface {} map[a:map[b:[0.5 x]]]",
		} {
			a := ask(t, f, post("", `{"query":"query Q($v: JSON) { echo(value: $v) }","variables":{"v":`+text+`}}`))
			var data struct{ Echo string }
			if err := json.Unmarshal(a.body.Data, &data); err != nil || data.Echo != want {
				t.Errorf("%s became %q, want %q", text, data.Echo, want)
			}
		}
	})

	t.Run("an Int variable beyond 64 bits is refused and not rounded", func(t *testing.T) {
		t.Parallel()
		a := ask(t, f, post("", `{"query":"query Q($n: Int) { echo(number: $n) }","variables":{"n":92233720368547758080}}`))
		if a.code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("got %s", a.text)
		}
	})

	t.Run("errors never repeat the body", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{
			`{"query":"{hello}","variables":{"secret"}}`,
			`{"query":"{hello}","secret":secret}`,
			`{"secret":"{hello}"}`,
			`{"query":"{hello}"} secret`,
			`{"query":"{hello}","variables":"secret"}`,
			`{"query":"{hello}","secret":1,"secret":2}`,
			`{"query":"query Q($c: Colour) { echo(colour: $c) }","variables":{"c":"secret"}}`,
			`{"query":"query Q($n: Int) { echo(number: $n) }","variables":{"n":"secret"}}`,
		} {
			if a := ask(t, f, post("", body)); strings.Contains(a.text, "secret") || a.code() == "" {
				t.Errorf("%s was answered %s", body, a.text)
			}
		}
	})

	t.Run("five errors of 300 characters are shown at most", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{
			`{"query":"{ failOften(times: 9) }"}`,
			`{"query":"{` + strings.Repeat(" "+strings.Repeat("x", 500), 9) + ` }"}`,
			`{"query":"query Q { a1 a2 a3 a4 a5 a6 a7 }"}`,
		} {
			a := ask(t, f, post("", body))
			if n := len(a.body.Errors); n == 0 || n > 5 {
				t.Errorf("%d errors", n)
			}
			for _, e := range a.body.Errors {
				if n := utf8.RuneCountInString(e.Message); n > 300 {
					t.Errorf("an error of %d characters", n)
				}
			}
		}
	})

	t.Run("the viewer reaches the resolvers", func(t *testing.T) {
		t.Parallel()
		r := post("", `{"query":"{ viewer }"}`)
		r = r.WithContext(viewer.With(r.Context(), bob))
		if a := ask(t, f.Handler, r); string(a.body.Data) != `{"viewer":"bob"}` {
			t.Errorf("got %s", a.text)
		}
	})

	t.Run("answers are kept by nobody", func(t *testing.T) {
		t.Parallel()
		a := ask(t, f, get("", "query", "{ hello }"))
		if a.header.Get("Cache-Control") != "no-store" || withoutCost(a.text) != `{"data":{"hello":"world"}}` {
			t.Errorf("got %v %s", a.header, a.text)
		}
	})

	t.Run("a query that takes too long is given up", func(t *testing.T) {
		t.Parallel()
		f := newHandler(limits(transport.Limits{Query: time.Millisecond}))
		a := ask(t, f, post("application/graphql-response+json", `{"query":"{ wait }"}`))
		if len(a.body.Errors) != 1 || a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
			t.Errorf("got %d %s", a.status, a.text)
		}
	})

	t.Run("an extension's errors go through the presenter", func(t *testing.T) {
		t.Parallel()
		f := newHandler(func(o *transport.Options) { o.Executor.Use(refusing{}) })
		for query, want := range map[string]string{"{ hello }": "QUERY_TOO_COMPLEX", "{ fail }": "RATE_LIMITED", "{ viewer }": "INTERNAL"} {
			if a := ask(t, f, post("", `{"query":"`+query+`"}`)); a.code() != want {
				t.Errorf("%s: got %s, want %s", query, a.text, want)
			}
		}
	})
}

// refusing is an extension that answers each kind of error there is.
type refusing struct{}

func (refusing) ExtensionName() string                   { return "Refusing" }
func (refusing) Validate(graphql.ExecutableSchema) error { return nil }

func (refusing) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	switch {
	case strings.Contains(op.RawQuery, "hello"):
		return &gqlerror.Error{Message: "No.", Extensions: map[string]any{"code": "QUERY_TOO_COMPLEX"}}
	case strings.Contains(op.RawQuery, "fail"):
		return gqlerror.Wrap(&fault.Error{Code: fault.CodeRateLimited, Message: "Slower."})
	default:
		return gqlerror.Wrap(errors.New("no database"))
	}
}

func TestRespondError(t *testing.T) {
	t.Parallel()
	for code, status := range map[fault.Code]int{
		fault.CodeUnauthenticated: http.StatusUnauthorized,
		fault.CodeForbidden:       http.StatusForbidden,
		fault.CodeRateLimited:     http.StatusTooManyRequests,
		fault.CodeUnavailable:     http.StatusServiceUnavailable,
		fault.CodeBadRequest:      http.StatusBadRequest,
	} {
		t.Run(string(code)+" has its status in every media type", func(t *testing.T) {
			t.Parallel()
			for accept, media := range map[string]string{
				"": jsonType, "application/graphql-response+json": graphQLType, "text/event-stream": jsonType,
			} {
				a := ask(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					transport.RespondError(w, r, &fault.Error{Code: code, Message: "No.", Err: errors.New("secret")})
				}), post(accept, "{}"))
				if a.status != status || a.header.Get("Content-Type") != media || a.code() != string(code) || a.body.Data != nil {
					t.Errorf("%s: got %d %s", accept, a.status, a.text)
				}
			}
		})
	}

	t.Run("anything else is INTERNAL and says nothing", func(t *testing.T) {
		t.Parallel()
		a := ask(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			transport.RespondError(w, r, errors.New("secret"))
		}), post("", "{}"))
		if a.status != http.StatusInternalServerError || a.code() != "INTERNAL" || strings.Contains(a.text, "secret") {
			t.Errorf("got %d %s", a.status, a.text)
		}
	})
}

// FuzzRequest looks for bodies that are answered with anything but a sound refusal or a result.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ hello }"}`, `{"query":"query Q($v: JSON) { echo(value: $v) }","variables":{"v":[1,{"a":null}]}}`,
		`{"query":"query Q($b: Box, $n: Int, $c: Colour) { echo(box: $b, number: $n, colour: $c) }","variables":{"b":{"size":1,"inner":{"size":"2"}},"n":1.0,"c":"RED"}}`,
		`{"query":"subscription { updates }","extensions":{"a":"\u0000"}}`, "[]", "null", `{"query":"{"}`, `{"query":"{ __typename @skip(if: true) }"}`,
	} {
		f.Add([]byte(seed))
	}
	h := newHandler()
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte("explode")) || bytes.Contains(body, []byte("wait")) || bytes.Contains(body, []byte("fail")) ||
			bytes.Contains(body, []byte("size")) && bytes.Contains(body, []byte("bytes")) {
			t.Skip("these fields misbehave on purpose")
		}
		r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/graphql-response+json")
		a := ask(t, h, r)
		if a.status >= 500 || (a.status == http.StatusOK) != (a.body.Data != nil) {
			t.Errorf("%q was answered %d %s", body, a.status, a.text)
		}
	})
}
