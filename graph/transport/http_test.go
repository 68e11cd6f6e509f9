package transport_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
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
		{"too many tokens are too complex", post(gql, `{"query":"{`+strings.Repeat(" hello", 4000)+` }"}`), 400, graphQLType, "QUERY_TOO_COMPLEX"},
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
