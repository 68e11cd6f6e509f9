package transport_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
)

const eventComplete = "event: complete\ndata: \n\n"

// An eventStream is the answer to a request that accepts one.
type eventStream struct {
	t        *testing.T
	response *http.Response
	reader   *bufio.Reader
}

// subscribes is the body that subscribes.
func subscribes() string {
	return `{"query":"subscription S($after: String) { updates(after: $after) }"}`
}

func eventOf(text, cursor string) string {
	var event bytes.Buffer
	event.WriteString("event: next\n")
	if cursor != "" {
		event.WriteString("id: " + cursor + "\n")
	}
	event.WriteString(`data: {"data":{"updates":"` + text + `"}}` + "\n\n")
	return event.String()
}

func (f *fixture) request(t *testing.T, method, body string, headers ...string) *http.Request {
	t.Helper()
	target := f.url
	if method == http.MethodGet {
		target += "?query=" + url.QueryEscape(body)
		body = ""
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// stream posts a request and reads its answer as an event stream.
func (f *fixture) stream(t *testing.T, body string, headers ...string) *eventStream {
	t.Helper()
	return f.streamOf(t, f.request(t, http.MethodPost, body, append(headers, "Accept", "text/event-stream")...))
}

func (f *fixture) streamOf(t *testing.T, r *http.Request) *eventStream {
	t.Helper()
	response, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream; charset=utf-8" {
		t.Fatalf("got %s %s: %s", response.Status, got, readAll(t, response.Body))
	}
	return &eventStream{t, response, bufio.NewReader(response.Body)}
}

// want wants exactly this text next.
func (s *eventStream) want(text string) {
	s.t.Helper()
	got := make([]byte, len(text))
	if n, err := io.ReadFull(s.reader, got); err != nil {
		s.t.Fatalf("got %q and %v, want %q", got[:n], err, text)
	}
	if string(got) != text {
		s.t.Fatalf("got %q, want %q", got, text)
	}
}

// wantEnd wants nothing more.
func (s *eventStream) wantEnd() {
	s.t.Helper()
	if rest := readAll(s.t, s.reader); rest != "" {
		s.t.Fatalf("got %q, want the end", rest)
	}
}

func TestEventStreams(t *testing.T) {
	t.Parallel()

	t.Run("a subscription streams its results with their cursors, until it completes", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		s := f.stream(t, subscribes())
		for name, want := range map[string]string{"X-Accel-Buffering": "no", "Cache-Control": "no-store"} {
			if got := s.response.Header.Get(name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		s.want(":\n\n")
		sub := f.subscriptions.take(t)
		if got := f.Stats(); got.Streams != 1 || got.Subscriptions != 1 {
			t.Errorf("counted %+v", got)
		}
		for i := range 100 {
			sub.next(fmt.Sprint(i), fmt.Sprint("c", i))
		}
		for i := range 100 {
			s.want(eventOf(fmt.Sprint(i), fmt.Sprint("c", i)))
		}
		sub.next("without", "")
		sub.next("with a bad one", "a\nevent: complete")
		sub.to.(transport.Offerer).Offer([]byte("{\"data\":\r\n\t{\"updates\": \"typing\"}}"))
		sub.to.Complete()
		sub.next("too late", "")
		s.want(eventOf("without", "") + eventOf("with a bad one", ""))
		s.want("event: next\ndata: {\"data\":  \t{\"updates\": \"typing\"}}\n\n" + eventComplete)
		s.wantEnd()
		sub.ended(t)
		eventually(t, "nothing is open", func() bool { return f.Stats() == transport.Stats{} })
	})

	t.Run("over HTTP/2 a stream may be silent for longer than a write may take", func(t *testing.T) {
		t.Parallel()
		var spoken http.Protocols
		spoken.SetUnencryptedHTTP2(true)
		f := serveWith(t, func(s *http.Server) { s.Protocols, s.WriteTimeout = &spoken, 100*time.Millisecond },
			limits(transport.Limits{Write: 50 * time.Millisecond, Heartbeat: 500 * time.Millisecond}))
		through := &http.Transport{Protocols: &spoken}
		t.Cleanup(through.CloseIdleConnections)
		f.client = &http.Client{Transport: through}
		s := f.stream(t, subscribes())
		if s.response.ProtoMajor != 2 {
			t.Fatalf("it is %s", s.response.Proto)
		}
		s.want(":\n\n")
		sub := f.subscriptions.take(t)
		s.want(":\n\n") // after five hundred milliseconds of silence
		sub.next("1", "c1")
		sub.to.Complete()
		s.want(eventOf("1", "c1") + eventComplete)
		s.wantEnd()
	})

	t.Run("GET subscribes as well", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		s := f.streamOf(t, f.request(t, http.MethodGet, "subscription { updates }", "Accept", "text/event-stream"))
		f.subscriptions.take(t).to.Complete()
		s.want(":\n\n" + eventComplete)
		s.wantEnd()
	})

	t.Run("a subscription is streamed to who takes single answers as well", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		s := f.streamOf(t, f.request(t, http.MethodPost, subscribes(),
			"Accept", "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"))
		f.subscriptions.take(t).to.Complete()
		s.want(":\n\n" + eventComplete)
	})

	t.Run("queries and mutations are one result", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		s := f.stream(t, `{"query":"{ hello }"}`)
		s.want(":\n\nevent: next\ndata: {\"data\":{\"hello\":\"world\"},\"extensions\":{\"cost\":{\"requested\":1,\"limit\":5000}}}\n\n" + eventComplete)
		s.wantEnd()
		s = f.stream(t, `{"query":"mutation { touch }"}`)
		s.want(":\n\nevent: next\ndata: {\"data\":{\"touch\":1},\"extensions\":{\"cost\":{\"requested\":1,\"limit\":5000}}}\n\n" + eventComplete)
		s.wantEnd()
	})

	t.Run("errors of the document come as a result", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		for query, want := range map[string]string{
			"{ nothing }": "GRAPHQL_VALIDATION_FAILED", "{": "GRAPHQL_PARSE_FAILED", "{ refused }": "FORBIDDEN", "{ explode }": "INTERNAL",
		} {
			s := f.stream(t, `{"query":"`+query+`"}`)
			s.want(":\n\nevent: next\ndata: {\"errors\":[{\"message\":")
			if rest := readAll(t, s.reader); !strings.Contains(rest, want) || !strings.HasSuffix(rest, "}\n\n"+eventComplete) {
				t.Errorf("%s: got %q", query, rest)
			}
		}
	})

	t.Run("errors of the document are plain HTTP for who takes that as well", func(t *testing.T) {
		t.Parallel()
		a := ask(t, newHandler(), post("text/event-stream, application/graphql-response+json", `{"query":"subscription { nothing }"}`))
		if a.status != http.StatusBadRequest || a.code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("got %d %s", a.status, a.text)
		}
	})

	t.Run("what is no GraphQL request is plain HTTP", func(t *testing.T) {
		t.Parallel()
		h := newHandler()
		for name, test := range map[string]struct {
			request *http.Request
			status  int
		}{
			"broken JSON": {post("text/event-stream", "{"), http.StatusBadRequest},
			"no type":     {with(post("text/event-stream", "{}"), "Content-Type", ""), http.StatusUnsupportedMediaType},
			"a mutation":  {get("text/event-stream", "query", "mutation { touch }"), http.StatusMethodNotAllowed},
		} {
			if a := ask(t, h, test.request); a.status != test.status || a.header.Get("Content-Type") != jsonType || a.code() != "BAD_REQUEST" {
				t.Errorf("%s: got %d %s", name, a.status, a.text)
			}
		}
	})

	t.Run("a refused subscription is a result of errors", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		s := f.stream(t, subscribes())
		f.subscriptions.take(t).to.Error(gqlerror.List{{Message: "No.", Extensions: map[string]any{"code": fault.CodeForbidden}}})
		s.want(":\n\nevent: next\ndata: {\"errors\":[{\"message\":\"No.\",\"extensions\":{\"code\":\"FORBIDDEN\"}}]}\n\n" + eventComplete)
		s.wantEnd()
	})

	t.Run("Last-Event-ID is the cursor to resume from", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		for _, test := range []struct{ body, header, want string }{
			{subscribes(), "c7", "c7"},
			{subscribes(), "", ""},
			{`{"query":"subscription S($after: String) { updates(after: $after) }","variables":{"after":"c1"}}`, "c7", "c7"},
			{`{"query":"subscription S($after: String) { updates(after: $after) }","variables":{"after":"c1"}}`, "", "c1"},
			{`{"query":"subscription S($from: String = \"c1\") { updates(after: $from) }"}`, "c7", "c7"},
			{`{"query":"subscription { updates }"}`, "c7", ""},
			{`{"query":"subscription { updates(after: \"c1\") }"}`, "c7", "c1"},
		} {
			headers := []string{}
			if test.header != "" {
				headers = append(headers, "Last-Event-ID", test.header)
			}
			f.stream(t, test.body, headers...)
			sub := f.subscriptions.take(t)
			after := sub.op.Operation.SelectionSet[0]
			got, _ := argumentsOf(sub, after)["after"].(string)
			if got != test.want {
				t.Errorf("%s with %q: it resumes from %q, want %q", test.body, test.header, got, test.want)
			}
			sub.to.Complete()
		}
	})

	t.Run("a client that goes away ends its subscription", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		s := f.stream(t, subscribes())
		sub := f.subscriptions.take(t)
		_ = s.response.Body.Close()
		sub.ended(t)
		eventually(t, "nothing is open", func() bool { return f.Stats() == transport.Stats{} })
	})

	t.Run("the server's own time-outs do not end a stream", func(t *testing.T) {
		t.Parallel()
		f := serveWith(t, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond })
		s := f.stream(t, subscribes())
		sub := f.subscriptions.take(t)
		s.want(":\n\n")
		<-time.After(200 * time.Millisecond)
		sub.next("still here", "")
		s.want(eventOf("still here", ""))
	})

	inTime(t, "comments keep a stream open", func(t *testing.T) {
		f := serveInMemory(t)
		start := time.Now()
		s := f.stream(t, subscribes())
		f.subscriptions.take(t)
		s.want(":\n\n:\n\n:\n\n")
		takes(t, start, 30*time.Second)
	})
}
