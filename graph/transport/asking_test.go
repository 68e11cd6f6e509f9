package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/graph/transport/wall"
)

// refusal is an error as a client sees it.
type refusal struct {
	Message    string
	Path       []any
	Extensions map[string]any
}

// result is what came of an operation, whatever it came over.
type result struct {
	Data       json.RawMessage
	Errors     []refusal
	Extensions map[string]any
	size       int
}

func (r result) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return fmt.Sprint(r.Errors[0].Extensions["code"])
}

// overAll runs one operation over every transport.
func (f *fixture) overAll(t *testing.T, payload string) map[string]result {
	t.Helper()
	return map[string]result{
		"HTTP": f.overHTTP(t, payload), "a socket": f.overSocket(t, payload), "an event stream": f.overEvents(t, payload),
	}
}

func read(t *testing.T, text string) (r result) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("read %.300s: %v", text, err)
	}
	r.size = len(text)
	return r
}

func (f *fixture) overHTTP(t *testing.T, payload string) result {
	t.Helper()
	return read(t, ask(t, f, post("application/graphql-response+json", payload)).text)
}

func (f *fixture) overSocket(t *testing.T, payload string) result {
	t.Helper()
	c := f.ready(t)
	c.send(`{"id":"a","type":"subscribe","payload":` + payload + `}`)
	kind, text, err := c.ws.Read(context.Background())
	if err != nil || kind != websocket.MessageText {
		t.Fatal(err)
	}
	var m struct {
		Type    string
		Payload json.RawMessage
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.Type == "error" {
		return read(t, `{"errors":`+string(m.Payload)+`}`)
	}
	return read(t, string(m.Payload))
}

func (f *fixture) overEvents(t *testing.T, payload string) result {
	t.Helper()
	text := readAll(t, f.stream(t, payload).reader)
	_, data, _ := strings.Cut(text, "data: ")
	data, _, _ = strings.Cut(data, "\n")
	return read(t, data)
}

// payloadOf is a request for a document.
func payloadOf(document string, more ...string) string {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return `{"query":` + string(text) + strings.Join(more, "") + `}`
}

func TestLimitsOfDocuments(t *testing.T) {
	t.Parallel()
	f := serve(t, limits(transport.Limits{Wall: wall.Limits{
		Bytes: 400, Tokens: 60, Fields: 12, Aliases: 3, Directives: 3, Variables: 3, Depth: 4, IntrospectionDepth: 6, Mutations: 2, Cost: 10, UpdateCost: 1,
	}}))
	repeat := strings.Repeat
	for limit, c := range map[string]struct{ met, exceeded string }{
		"bytes":              {"{ hello }#" + repeat("x", 390), "{ hello }#" + repeat("x", 391)},
		"tokens":             {"{ echo(value: [" + repeat("1 ", 51) + "]) }", "{ echo(value: [" + repeat("1 ", 52) + "]) }"},
		"fields":             {"{" + repeat("... @skip(if: true) { hello hello hello } ", 3) + " hello hello }", "{" + repeat("... @skip(if: true) { hello hello hello } ", 3) + " hello hello hello hello }"},
		"aliases":            {"{ a: hello b: hello c: hello }", "{ a: hello b: hello c: hello d: hello }"},
		"directives":         {"{ ... @skip(if: true) { hello @skip(if: true) } hello @skip(if: false) }", "{ ... @skip(if: true) { hello @skip(if: true) } viewer @skip(if: true) hello @skip(if: false) }"},
		"variables":          {"query ($a: Int $b: Int $c: Int) { a: echo(number: $a) b: echo(number: $b) c: echo(number: $c) }", "query ($a: Int $b: Int $c: Int $d: Int) { hello }"},
		"introspectionDepth": {"{ __schema { types { ofType { ofType { ofType { name } } } } } }", "{ __schema { types { ofType { ofType { ofType { ofType { name } } } } } } }"},
		"mutations":          {"mutation { touch touch }", "mutation { touch touch touch }"},
		"cost":               {"{" + repeat("hello ", 10) + "}", "{" + repeat("hello ", 11) + "}"},
	} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			for over, got := range f.overAll(t, payloadOf(c.met)) {
				if code := got.code(); code != "" && limit != "introspectionDepth" { // the fixture answers nothing of its schema
					t.Errorf("over %s, just met: got %+v", over, got.Errors)
				}
			}
			for over, got := range f.overAll(t, payloadOf(c.exceeded)) {
				if got.code() != "QUERY_TOO_COMPLEX" || got.Data != nil {
					t.Errorf("over %s, exceeded: got %s %+v", over, got.Data, got.Errors)
					continue
				}
				about := got.Errors[0].Extensions
				if about["limit"] != limit || about["found"].(float64) <= about["allowed"].(float64) {
					t.Errorf("over %s: got %v", over, about)
				}
			}
		})
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	f := serve(t)
	t.Run("each answer to a query or a mutation says what it cost", func(t *testing.T) {
		t.Parallel()
		for _, document := range []string{`{ hello size(bytes: 1) }`, `mutation { a: touch b: touch }`, `{ hello fail }`} {
			for over, got := range f.overAll(t, payloadOf(document)) {
				if cmp.Diff(got.Extensions, map[string]any{"cost": map[string]any{"requested": 2., "limit": 5000.}}) != "" {
					t.Errorf("%s over %s: got %v", document, over, got.Extensions)
				}
			}
		}
	})
	t.Run("updates do not, as their bytes are everybody's", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(`{"id":"a","type":"subscribe","payload":{"query":"subscription { updates }"}}`)
		f.subscriptions.take(t).next("hello", "")
		if _, text, err := c.ws.Read(t.Context()); err != nil || strings.Contains(string(text), "cost") {
			t.Errorf("got %s %v", text, err)
		}
	})
	t.Run("of a document that is known, it is that of the variables", func(t *testing.T) {
		t.Parallel()
		for _, yes := range []string{"true", "false", "true"} {
			got := f.overHTTP(t, payloadOf(`query ($y: Boolean!) { hello viewer @include(if: $y) }`, `,"variables":{"y":`+yes+`}`))
			want := map[string]float64{"true": 2, "false": 1}[yes]
			if got.Extensions["cost"].(map[string]any)["requested"] != want {
				t.Errorf("%s: got %v", yes, got.Extensions)
			}
		}
	})
}

func TestScalarsOfVariables(t *testing.T) {
	t.Parallel()
	f := serve(t)
	for _, c := range []struct {
		kind, field string
		good, bad   []string
	}{
		{"Int", "number", []string{"10", "1e2", "100.0", "-2147483648", "null"}, []string{`"10"`, "1.5", "2147483648", "1e10", "true", "[1]", "92233720368547758080", "{}"}},
		{"String", "text", []string{`"10"`, "null"}, []string{"10", "1.5", "true", `["a"]`, "{}"}},
		{"ID", "id", []string{`"a"`, "10"}, []string{"1.5", "1e2", "true", `["a"]`, "92233720368547758080"}},
		{"Colour", "colour", []string{`"RED"`}, []string{`"red"`, `"GREEN"`, "0", "true"}},
	} {
		document := `query ($v: ` + c.kind + `) { echo(` + c.field + `: $v) }`
		for _, value := range c.good {
			if got := f.overHTTP(t, payloadOf(document, `,"variables":{"v":`+value+`}`)); got.code() != "" {
				t.Errorf("%s is no %s: %+v", value, c.kind, got.Errors)
			}
		}
		for _, value := range c.bad {
			for over, got := range f.overAll(t, payloadOf(document, `,"variables":{"v":`+value+`}`)) {
				if got.code() != "GRAPHQL_VALIDATION_FAILED" || cmp.Diff(got.Errors[0].Extensions["argument"], []any{"v"}) != "" {
					t.Errorf("%s is taken for a %s over %s: %+v", value, c.kind, over, got.Errors)
				}
				if text := fmt.Sprint(got.Errors); strings.Contains(text, "GREEN") || strings.Contains(text, "Did you mean") {
					t.Errorf("the error tells: %s", text)
				}
			}
		}
	}
	t.Run("inside of an input", func(t *testing.T) {
		t.Parallel()
		got := f.overHTTP(t, payloadOf(`query ($v: Box) { echo(box: $v) }`, `,"variables":{"v":{"size":1,"inner":{"size":"2"}}}`))
		if cmp.Diff(got.Errors[0].Extensions["argument"], []any{"v", "inner", "size"}) != "" {
			t.Errorf("got %+v", got.Errors)
		}
	})
}

func TestErrorsAreBounded(t *testing.T) {
	t.Parallel()
	f := serve(t)
	long := strings.Repeat("n", 20_000)
	for name, payload := range map[string]string{
		"many that a resolver made":         payloadOf(`{ failOften(times: 50) }`),
		"many of a document":                payloadOf(`{` + strings.Repeat("nothing ", 400) + `}`),
		"one about a long name":             payloadOf(`{ ` + long + ` }`),
		"one at a long alias":               payloadOf(`{ ` + long + `: fail }`),
		"one about a long variable":         payloadOf(`query ($`+long+`: Int) { echo(number: $`+long+`) }`, `,"variables":{"`+long+`":"x"}`),
		"one about an input's long field":   payloadOf(`query ($v: Box) { echo(box: $v) }`, `,"variables":{"v":{"`+long+`":1}}`),
		"one about an operation's name":     payloadOf(`{ hello }`, `,"operationName":"`+long+`"`),
		"one about an unknown type":         payloadOf(`{ ... on ` + long + ` { hello } }`),
		"one about a long string":           payloadOf(`{ size(bytes: "` + long + `") }`),
		"one about a fragment that's not":   payloadOf(`{ ...` + long + ` }`),
		"one about a field that is not one": payloadOf(`{ hello(` + long + `: 1) }`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for over, got := range f.overAll(t, payload) {
				if len(got.Errors) == 0 || len(got.Errors) > 5 {
					t.Fatalf("over %s: %d errors", over, len(got.Errors))
				}
				for _, err := range got.Errors {
					text, _ := json.Marshal(err)
					if len([]rune(err.Message)) > 300 || len([]rune(fmt.Sprint(err.Path))) > 320 || len(text) > 2_000 {
						t.Errorf("over %s: an error of %d bytes", over, len(text))
					}
				}
			}
		})
	}
}

func TestKnownDocuments(t *testing.T) {
	t.Parallel()
	t.Run("one is executed by many at once", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		document := `query Q($v: JSON = {a: [1]}, $y: Boolean! = true) { ...F echo(value: $v) } fragment F on Query { hello @include(if: $y) ... { size(bytes: 3) } }`
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				got := f.overHTTP(t, payloadOf(document, fmt.Sprintf(`,"variables":{"v":{"n":%d}}`, i)))
				if got.code() != "" || !strings.Contains(string(got.Data), fmt.Sprint(i)) {
					t.Errorf("got %s %v", got.Data, got.Errors)
				}
			})
		}
		all.Wait()
	})
	t.Run("one that is not valid is never taken for known", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		for range 3 {
			if got := f.overHTTP(t, payloadOf(`{ nothing }`)); got.code() != "GRAPHQL_VALIDATION_FAILED" {
				t.Fatalf("got %+v", got)
			}
			if got := f.overHTTP(t, payloadOf(`{ ... @defer { hello } }`)); got.code() != "GRAPHQL_VALIDATION_FAILED" {
				t.Fatalf("got %+v", got)
			}
		}
	})
}

// Nothing else may run beside it: it looks at the heap.
func TestDocumentsThatComeOnceTakeUpLittle(t *testing.T) { //nolint:paralleltest // see above
	f := newHandler()
	grown := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	tries := func(n int) {
		for i := range n {
			ask(t, f, post("", payloadOf(fmt.Sprintf(`{ echo(text: "%d", value: [%s]) }`, i, strings.Repeat("1 ", 3000)))))
		}
	}
	tries(50)
	before := grown()
	tries(1000)
	if after := grown(); after > before+10<<20 {
		t.Errorf("%d MB", (after-before)>>20)
	}
	runtime.KeepAlive(f)
}
