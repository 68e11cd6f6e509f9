package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
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

const (
	graphQLType = "application/graphql-response+json; charset=utf-8"
	jsonType    = "application/json; charset=utf-8"
)

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	body   struct {
		Errors []struct {
			Message    string
			Extensions struct {
				Code     string
				Argument []string
			}
		}
		Data       json.RawMessage
		Extensions map[string]any
	}
}

// code is the first error's code.
func (a answer) code() string {
	if len(a.body.Errors) == 0 {
		return ""
	}
	return a.body.Errors[0].Extensions.Code
}

func ask(t *testing.T, h http.Handler, r *http.Request) answer {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	a := answer{status: recorder.Code, header: recorder.Header(), text: recorder.Body.String()}
	if err := json.Unmarshal(recorder.Body.Bytes(), &a.body); err != nil {
		t.Fatalf("the answer %q is not JSON: %v", a.text, err)
	}
	return a
}

func post(accept, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return r
}

func get(accept string, params ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(params); i += 2 {
		values.Add(params[i], params[i+1])
	}
	r := httptest.NewRequest(http.MethodGet, "/graphql?"+values.Encode(), nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return r
}

// with changes a request.
func with(r *http.Request, name, value string) *http.Request {
	if value == "" {
		r.Header.Del(name)
	} else {
		r.Header.Set(name, value)
	}
	return r
}

func TestGraphQLOverHTTP(t *testing.T) {
	t.Parallel()
	const gql, plain = "application/graphql-response+json", "application/json"
	ok, broken, unknown := `{"query":"{ __typename }"}`, `{"query":"{"}`, `{"query":"{ nothing }"}`
	uncoerced := `{"query":"query Q($id: ID!) { echo(id: $id) }","variables":{"id":null}}`
	tests := []struct {
		name    string
		request *http.Request
		status  int
		media   string
		code    string
	}{
		{"graphql-response+json is answered in kind", post(gql, ok), 200, graphQLType, ""},
		{"json is answered in kind", post(plain, ok), 200, jsonType, ""},
		{"whoever takes anything gets json", post("*/*", ok), 200, jsonType, ""},
		{"whoever takes any application gets json", post("application/*", ok), 200, jsonType, ""},
		{"whoever says nothing gets json", post("", ok), 200, jsonType, ""},
		{"of two named types the newer wins", post(plain+", "+gql, ok), 200, graphQLType, ""},
		{"a weight wins over that", post(plain+", "+gql+";q=0.9", ok), 200, jsonType, ""},
		{"a named type wins over anything", post("*/*, "+gql, ok), 200, graphQLType, ""},
		{"a weight of nothing excludes", post("*/*, "+plain+";q=0", ok), 200, graphQLType, ""},
		{"a browser's list gets json", post("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ok), 200, jsonType, ""},
		{"single answers stay single for who also takes events", post(plain+", text/event-stream", ok), 200, jsonType, ""},
		{"an unknown type is not acceptable", post("text/plain", ok), 406, jsonType, "BAD_REQUEST"},
		{"another charset is not acceptable", post(plain+"; charset=utf-16", ok), 406, jsonType, "BAD_REQUEST"},
		{"UTF-8 in capitals is acceptable", post(plain+"; charset=UTF-8", ok), 200, jsonType, ""},

		{"a request may say that it is UTF-8", with(post("", ok), "Content-Type", "application/json; charset=utf-8"), 200, jsonType, ""},
		{"a request may use all of Unicode", post("", `{"query":"{ echo(text: \"Run🏃Swim🏊\") }"}`), 200, jsonType, ""},
		{"a request in another charset is refused", with(post("", ok), "Content-Type", "application/json; charset=latin1"), 415, jsonType, "BAD_REQUEST"},
		{"a request without a type is refused", with(post("", ok), "Content-Type", ""), 415, jsonType, "BAD_REQUEST"},
		{"a request of another type is refused", with(post(gql, ok), "Content-Type", "text/plain"), 415, graphQLType, "BAD_REQUEST"},
		{"a form is refused", with(post("", "query={hello}"), "Content-Type", "application/x-www-form-urlencoded"), 415, jsonType, "BAD_REQUEST"},
		{"a compressed body is refused", with(post("", ok), "Content-Encoding", "gzip"), 415, jsonType, "BAD_REQUEST"},

		{"GET reads a query", get("", "query", "{ __typename }"), 200, jsonType, ""},
		{"GET reads a query for graphql-response+json", get(gql, "query", "{ __typename }"), 200, graphQLType, ""},
		{"GET reads variables", get(gql, "query", "query Q($t: String!) { echo(text: $t) }", "variables", `{"t":"x"}`), 200, graphQLType, ""},
		{"GET reads null variables", get("", "query", "{ hello }", "variables", "null", "extensions", ""), 200, jsonType, ""},
		{"GET reads a name", get("", "query", "query A { hello } query B { hello }", "operationName", "B"), 200, jsonType, ""},
		{"GET ignores other parameters", get("", "query", "{ hello }", "utm", "x"), 200, jsonType, ""},
		{"GET does no mutation", get(gql, "query", "mutation { touch }"), 405, graphQLType, "BAD_REQUEST"},
		{"GET does no mutation for json either", get("", "query", "mutation { touch }"), 405, jsonType, "BAD_REQUEST"},
		{"GET wants a query", get(gql), 400, graphQLType, "BAD_REQUEST"},
		{"GET wants one query", get("", "query", "{ hello }", "query", "{ hello }"), 400, jsonType, "BAD_REQUEST"},
		{"GET wants variables in JSON", get("", "query", "{ hello }", "variables", "{"), 400, jsonType, "BAD_REQUEST"},
		{"GET wants an object of variables", get("", "query", "{ hello }", "variables", "[]"), 400, jsonType, "BAD_REQUEST"},
		{"GET wants nothing behind the variables", get("", "query", "{ hello }", "variables", "{} {}"), 400, jsonType, "BAD_REQUEST"},
		{"GET wants UTF-8", get("", "query", "{ hello #\xff\n }"), 400, jsonType, "BAD_REQUEST"},
		{"GET wants a well-formed URL", func() *http.Request { r := get(""); r.URL.RawQuery = "query=%zz"; return r }(), 400, jsonType, "BAD_REQUEST"},
		{"GET wants a URL of bounded length", get("", "query", strings.Repeat("#", 256<<10)), 414, jsonType, "BAD_REQUEST"},

		{"PUT is not allowed", with(httptest.NewRequest(http.MethodPut, "/graphql", nil), "Accept", gql), 405, graphQLType, "BAD_REQUEST"},
		{"HEAD is not allowed", httptest.NewRequest(http.MethodHead, "/graphql?query={hello}", nil), 405, jsonType, "BAD_REQUEST"},
		{"DELETE is not allowed", httptest.NewRequest(http.MethodDelete, "/graphql", nil), 405, jsonType, "BAD_REQUEST"},

		{"a missing body is refused", post("", ""), 400, jsonType, "BAD_REQUEST"},
		{"a blank body is refused", post("", " \n"), 400, jsonType, "BAD_REQUEST"},
		{"a missing query is refused", post(gql, `{"notquery":"{ __typename }"}`), 400, graphQLType, "BAD_REQUEST"},
		{"an object as the query is refused", post("", `{"query":{"obj":"ect"}}`), 400, jsonType, "BAD_REQUEST"},
		{"a number as the query is refused", post("", `{"query":0}`), 400, jsonType, "BAD_REQUEST"},
		{"a boolean as the query is refused", post("", `{"query":false}`), 400, jsonType, "BAD_REQUEST"},
		{"an array as the query is refused", post("", `{"query":["array"]}`), 400, jsonType, "BAD_REQUEST"},
		{"null as the query is refused", post("", `{"query":null}`), 400, jsonType, "BAD_REQUEST"},
		{"an object as the name is refused", post("", `{"query":"{hello}","operationName":{"a":1}}`), 400, jsonType, "BAD_REQUEST"},
		{"a number as the name is refused", post("", `{"query":"{hello}","operationName":0}`), 400, jsonType, "BAD_REQUEST"},
		{"a boolean as the name is refused", post("", `{"query":"{hello}","operationName":false}`), 400, jsonType, "BAD_REQUEST"},
		{"an array as the name is refused", post("", `{"query":"{hello}","operationName":["a"]}`), 400, jsonType, "BAD_REQUEST"},
		{"a string as the name is read", post(gql, `{"query":"query Q { __typename }","operationName":"Q"}`), 200, graphQLType, ""},
		{"null as the name is read", post(gql, `{"query":"{ hello }","operationName":null}`), 200, graphQLType, ""},
		{"null as variables is read", post(plain, `{"query":"{ hello }","variables":null}`), 200, jsonType, ""},
		{"null as extensions is read", post(plain, `{"query":"{ hello }","extensions":null}`), 200, jsonType, ""},
		{"a string as variables is refused", post("", `{"query":"{hello}","variables":"string"}`), 400, jsonType, "BAD_REQUEST"},
		{"a number as variables is refused", post("", `{"query":"{hello}","variables":0}`), 400, jsonType, "BAD_REQUEST"},
		{"a boolean as variables is refused", post("", `{"query":"{hello}","variables":false}`), 400, jsonType, "BAD_REQUEST"},
		{"an array as variables is refused", post("", `{"query":"{hello}","variables":["array"]}`), 400, jsonType, "BAD_REQUEST"},
		{"an object of variables is read", post(gql, `{"query":"query Q($t: String!) { echo(text: $t) }","variables":{"t":"x"}}`), 200, graphQLType, ""},
		{"a string as extensions is refused", post("", `{"query":"{hello}","extensions":"string"}`), 400, jsonType, "BAD_REQUEST"},
		{"a number as extensions is refused", post("", `{"query":"{hello}","extensions":0}`), 400, jsonType, "BAD_REQUEST"},
		{"a boolean as extensions is refused", post("", `{"query":"{hello}","extensions":false}`), 400, jsonType, "BAD_REQUEST"},
		{"an array as extensions is refused", post("", `{"query":"{hello}","extensions":["array"]}`), 400, jsonType, "BAD_REQUEST"},
		{"an object of extensions is read", post(plain, `{"query":"{hello}","extensions":{"some":"value"}}`), 200, jsonType, ""},
		{"other members are ignored", post(gql, `{"query":"{hello}","id":{"a":[1]}}`), 200, graphQLType, ""},

		{"broken JSON is refused", post(plain, `{ "not a JSON`), 400, jsonType, "BAD_REQUEST"},
		{"broken JSON is refused for graphql-response+json", post(gql, `{ "not a JSON`), 400, graphQLType, "BAD_REQUEST"},
		{"something behind the JSON is refused", post("", ok+` {}`), 400, jsonType, "BAD_REQUEST"},
		{"a bracket behind the JSON is refused", post("", ok+`}`), 400, jsonType, "BAD_REQUEST"},
		{"a key in other case is refused", post("", `{"query":"{hello}","Variables":{}}`), 400, jsonType, "BAD_REQUEST"},
		{"only a key in other case is refused", post("", `{"QUERY":"{hello}"}`), 400, jsonType, "BAD_REQUEST"},
		{"a key given twice is refused", post("", `{"query":"{hello}","query":"{hello}"}`), 400, jsonType, "BAD_REQUEST"},
		{"a variable given twice is refused", post("", `{"query":"{hello}","variables":{"a":{"b":1,"b":2}}}`), 400, jsonType, "BAD_REQUEST"},
		{"an unused key given twice is refused", post("", `{"query":"{hello}","other":{"b":1,"b":2}}`), 400, jsonType, "BAD_REQUEST"},
		{"invalid UTF-8 is refused", post("", "{\"query\":\"{hello} #\xff\"}"), 400, jsonType, "BAD_REQUEST"},
		{"half a surrogate pair is refused", post("", `{"query":"{hello}","variables":{"a":"\ud800"}}`), 400, jsonType, "BAD_REQUEST"},
		{"bottomless nesting is refused", post("", `{"query":"{hello}","variables":{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}}`), 400, jsonType, "BAD_REQUEST"},
		{"a batch is refused", post("", "["+ok+"]"), 400, jsonType, "BAD_REQUEST"},
		{"a string for a request is refused", post("", `"{hello}"`), 400, jsonType, "BAD_REQUEST"},
		{"a body over the limit is refused", post("", `{"query":"{hello}`+strings.Repeat(" ", 256<<10)+`"}`), 413, jsonType, "BAD_REQUEST"},

		{"a syntax error is 200 for json", post(plain, broken), 200, jsonType, "GRAPHQL_PARSE_FAILED"},
		{"a validation error is 200 for json", post(plain, unknown), 200, jsonType, "GRAPHQL_VALIDATION_FAILED"},
		{"a variable's error is 200 for json", post(plain, uncoerced), 200, jsonType, "GRAPHQL_VALIDATION_FAILED"},
		{"a syntax error is 400 for graphql-response+json", post(gql, broken), 400, graphQLType, "GRAPHQL_PARSE_FAILED"},
		{"a validation error is 400 for graphql-response+json", post(gql, unknown), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"a variable's error is 400 for graphql-response+json", post(gql, uncoerced), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"an empty document is a validation error", post(gql, `{"query":""}`), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"an unknown name is a validation error", post(gql, `{"query":"query A { hello }","operationName":"B"}`), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"no name for two operations is a validation error", post(gql, `{"query":"query A { hello } query B { hello }"}`), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"too many tokens are a syntax error", post(gql, `{"query":"{`+strings.Repeat(" hello", 4000)+` }"}`), 400, graphQLType, "GRAPHQL_PARSE_FAILED"},
		{"@defer is refused", post(gql, `{"query":"{ ...F @defer } fragment F on Query { hello }"}`), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"@defer within a fragment is refused", post(gql, `{"query":"{ ...F } fragment F on Query { ... @ defer { hello } }"}`), 400, graphQLType, "GRAPHQL_VALIDATION_FAILED"},
		{"the word defer is not", post(gql, `{"query":"{ echo(text: \"@defer\") }"}`), 200, graphQLType, ""},

		{"a subscription is refused", post(gql, `{"query":"subscription { updates }"}`), 400, graphQLType, "BAD_REQUEST"},
		{"a subscription by GET is refused", get("", "query", "subscription { updates }"), 200, jsonType, "BAD_REQUEST"},
		{"an error of a field is 200", post(gql, `{"query":"{ fail }"}`), 200, graphQLType, "INTERNAL"},
		{"an error before the first field has its status", post(gql, `{"query":"{ refused }"}`), 403, graphQLType, "FORBIDDEN"},
		{"an error before the first field is 200 for json", post(plain, `{"query":"{ refused }"}`), 200, jsonType, "FORBIDDEN"},
		{"a panic is a 500", post(gql, `{"query":"{ explode }"}`), 500, graphQLType, "INTERNAL"},
		{"a mutation is done", post(gql, `{"query":"mutation { touch }"}`), 200, graphQLType, ""},
	}
	f := newHandler()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, f, test.request)
			if a.status != test.status || a.header.Get("Content-Type") != test.media || a.code() != test.code {
				t.Errorf("got %d %s %q, want %d %s %q\n%s", a.status, a.header.Get("Content-Type"), a.code(),
					test.status, test.media, test.code, a.text)
			}
			if !utf8.ValidString(a.text) {
				t.Error("the answer is not UTF-8")
			}
			wantData := test.code == "" || strings.HasPrefix(test.name, "an error of a field")
			if (a.body.Data != nil) != wantData {
				t.Errorf("data there: %t, want %t: %s", a.body.Data != nil, wantData, a.text)
			}
			if test.status == http.StatusMethodNotAllowed && a.header.Get("Allow") == "" {
				t.Error("the answer does not say what is allowed")
			}
		})
	}
}

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
		if a.header.Get("Cache-Control") != "no-store" || a.text != `{"data":{"hello":"world"}}` {
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
