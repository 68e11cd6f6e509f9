package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// lines is a log that requests write to at once.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// A chat is two nodes on one database and one Redis, and two people in a conversation.
type chat struct {
	t            *testing.T
	urls         [2]string
	tokens       [2]string
	conversation uuid.UUID
	spans        *tracetest.InMemoryExporter
	log          *lines
}

func newChat(t *testing.T) *chat {
	t.Helper()
	c := &chat{t: t, spans: tracetest.NewInMemoryExporter(), log: &lines{}}
	stop, err := telemetry.Collect(t.Context(), sdktrace.NewSimpleSpanProcessor(c.spans))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop(context.Background()) })
	d := testkit.DB(t)
	people := [2]uuid.UUID{testkit.Person(t, d, "grace"), testkit.Person(t, d, "ada")}
	for i := range c.urls {
		redis, err := live.OpenRedis(testkit.RedisURL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = redis.Close() })
		n := node.On(t, d, live.Options{Redis: redis})
		s := httptest.NewServer(siteOn(t, production, d, n, telemetry.NewLogger(c.log, true, slog.LevelDebug)))
		t.Cleanup(s.Close)
		c.urls[i] = s.URL
		in, err := n.Accounts.SignInAs(t.Context(), people[i], false)
		if err != nil {
			t.Fatal(err)
		}
		c.tokens[i] = *in.Tokens.AccessToken
		if i == 0 {
			other := relay.NewID(ent.ProfilePrefix, people[1])
			first, err := n.Messaging.Send(testkit.As(t, people[0]), messaging.SendMessageInput{RecipientID: &other, Body: "first"})
			if err != nil {
				t.Fatal(err)
			}
			c.conversation = first.ConversationID
		}
	}
	return c
}

// ask asks a node as the person who is there, in the trace of a client of its own.
func (c *chat) ask(at int, accept, query string, variables map[string]any) (trace.TraceID, io.ReadCloser) {
	c.t.Helper()
	id := trace.TraceID(uuid.New())
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, c.urls[at]+"/graphql", bytes.NewReader(body))
	r.RequestURI = "" // of a server's side
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", accept)
	r.Header.Set("Authorization", "Bearer "+c.tokens[at])
	r.Header.Set("Traceparent", fmt.Sprintf("00-%s-00000000000000c1-01", id))
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.t.Errorf("got %v, %v", answer, err)
		return id, http.NoBody
	}
	return id, answer.Body
}

// watch follows the conversation at a node, from now on.
func (c *chat) watch(at int) {
	c.t.Helper()
	_, events := c.ask(at, "text/event-stream", `subscription ($id: ID!) { conversationUpdates(conversationId: $id) { __typename } }`,
		map[string]any{"id": relay.NewID(ent.ConversationPrefix, c.conversation)})
	c.t.Cleanup(func() { _ = events.Close() })
}

func (c *chat) send(body string) trace.TraceID {
	c.t.Helper()
	id, answer := c.ask(0, "application/json", `mutation ($i: SendMessageInput!) { sendMessage(input: $i) { message { seq } } }`,
		map[string]any{"i": map[string]any{"conversationId": relay.NewID(ent.ConversationPrefix, c.conversation), "body": body}})
	_, _ = io.Copy(io.Discard, answer)
	_ = answer.Close()
	return id
}

// tree is the spans of a trace as one reads them, each behind the one it belongs to.
func (c *chat) tree(id trace.TraceID) string {
	below := map[trace.SpanID]tracetest.SpanStubs{}
	for _, s := range c.spans.GetSpans() {
		if s.SpanContext.TraceID() == id {
			below[s.Parent.SpanID()] = append(below[s.Parent.SpanID()], s)
		}
	}
	var out strings.Builder
	var write func(trace.SpanID, string)
	write = func(above trace.SpanID, indent string) {
		var some []string
		for _, s := range below[above] {
			from := ""
			if s.Parent.IsRemote() {
				from = " (from elsewhere)"
			}
			at := out.Len()
			fmt.Fprintf(&out, "%s%s %s%s\n", indent, s.SpanKind, s.Name, from)
			write(s.SpanContext.SpanID(), indent+"  ")
			some = append(some, out.String()[at:])
			text := out.String()[:at]
			out.Reset()
			out.WriteString(text)
		}
		slices.Sort(some)
		out.WriteString(strings.Join(slices.Compact(some), ""))
	}
	write(trace.SpanID{7: 0xc1}, "")
	return out.String()
}

const wholeTree = `server POST /graphql (from elsewhere)
  internal gather
    client SELECT
  internal mutation sendMessage
    internal append
      internal append_messages
        client SELECT
      producer publish
        consumer deliver
        consumer deliver (from elsewhere)
`

func TestOneSendIsOneTrace(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	c.watch(0)
	c.watch(1)
	within := func(what string, holds func() (bool, string)) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			ok, got := holds()
			if ok {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: got\n%s", what, got)
			}
			time.Sleep(5 * time.Millisecond) //nolint:forbidigo // polls what other goroutines export
		}
	}
	t.Run("from the request to the delivery on the other node", func(t *testing.T) {
		// What is sent before both subscriptions stand is not delivered to both: send until one is.
		within("the tree", func() (bool, string) {
			id := c.send("whole")
			for range 20 {
				if c.tree(id) == wholeTree {
					return true, ""
				}
				time.Sleep(5 * time.Millisecond) //nolint:forbidigo // polls what other goroutines export
			}
			return false, c.tree(id)
		})
	})
	t.Run("messages that go to the disk together are linked with what carried them", func(t *testing.T) {
		within("a link", func() (bool, string) {
			var sends sync.WaitGroup
			for range 30 {
				sends.Go(func() { c.send("together") })
			}
			sends.Wait()
			return c.linked()
		})
	})
	t.Run("no span says what was written or by whom", func(t *testing.T) {
		for _, s := range c.spans.GetSpans() {
			if text := fmt.Sprint(s.Name, s.Attributes, s.Status); strings.Contains(text, "together") || strings.Contains(text, "grace") { // ada may be in an id: it is hexadecimal
				t.Errorf("got %s", text)
			}
		}
	})
	t.Run("the log names the request and its trace, and no query", func(t *testing.T) {
		id := c.send("logged").String()
		within("the line", func() (bool, string) {
			for line := range strings.Lines(c.log.String()) {
				if strings.Contains(line, `"traceId":"`+id) {
					return strings.Contains(line, `"msg":"Answered"`) && strings.Contains(line, `"requestId":"req_`) &&
						strings.Contains(line, `"path":"/graphql"`), line
				}
			}
			return false, c.log.String()
		})
	})
	t.Run("the spans are those of the picture", c.picture) // last: it forgets those before
}

// linked tells whether some send's span and another one's batch name each other.
func (c *chat) linked() (bool, string) {
	spans := c.spans.GetSpans()
	names := func(s tracetest.SpanStub, other trace.SpanContext) bool {
		return slices.ContainsFunc(s.Links, func(l sdktrace.Link) bool { return l.SpanContext.Equal(other) })
	}
	for _, batch := range spans {
		for _, sent := range spans {
			if batch.Name == "append_messages" && sent.Name == "append" && names(batch, sent.SpanContext) {
				return names(sent, batch.SpanContext) && sent.SpanContext.TraceID() != batch.SpanContext.TraceID(), "a link one way"
			}
		}
	}
	return false, "no batch of more than one"
}
