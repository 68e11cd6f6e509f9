package transport_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/limit"
)

func crowd(c transport.Crowd) option { return func(o *transport.Options) { o.Crowd = c } }

// limited is a fixture whose requests come from the address that their `from` cookie says, and are counted.
func limited(t *testing.T, rates limit.Rates, options ...option) *fixture {
	t.Helper()
	l := limit.New(limit.Options{Rates: rates})
	return serveWith(t, func(s *http.Server) {
		next := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var from netip.Addr
			if cookie, err := r.Cookie("from"); err == nil {
				from = netip.MustParseAddr(cookie.Value)
			}
			next.ServeHTTP(w, r.WithContext(limit.With(r.Context(), l.Client(from))))
		})
	}, options...)
}

// A reply is all of a response.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request and reads its answer.
func (f *fixture) do(t *testing.T, r *http.Request) reply {
	t.Helper()
	response, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return reply{response.StatusCode, response.Header, readAll(t, response.Body)}
}

func TestCrowd(t *testing.T) {
	t.Parallel()

	t.Run("an account that has all its sockets is turned away when it says who it is, with a code that brings it back", func(t *testing.T) {
		t.Parallel()
		f := serve(t, crowd(transport.Crowd{PerAccount: 2}))
		sign := `{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`
		again := `{"type":"connection_init","payload":{"authorization":"Bearer ada again"}}`
		first, second, third := f.dial(t), f.dial(t), f.dial(t)
		first.send(sign)
		first.want(`{"type":"connection_ack"}`)
		second.send(again)
		second.want(`{"type":"connection_ack"}`)
		third.sendAndWantClose(sign, 1013, "Too many sockets")
		f.ready(t, "Cookie", "who=bob")
		f.ready(t)
		_ = first.ws.CloseNow()
		eventually(t, "there is room again", func() bool {
			c := f.dial(t)
			c.send(sign)
			text, err := c.read()
			return err == nil && text == `{"type":"connection_ack"}`
		})
	})

	t.Run("one that signs in by cookie is told before there is a socket, and event streams count too", func(t *testing.T) {
		t.Parallel()
		f := serve(t, crowd(transport.Crowd{PerAccount: 2}))
		f.ready(t, "Cookie", "who=ada")
		s := f.stream(t, subscribes(), "Cookie", "who=ada")
		sub := f.subscriptions.take(t)
		c, response := f.tryDial(t, "graphql-transport-ws", "Cookie", "who=ada")
		if c != nil || response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "10" {
			t.Fatalf("a socket: %v", response)
		}
		r := f.request(t, http.MethodPost, subscribes(), "Accept", "text/event-stream", "Cookie", "who=ada")
		if got := f.do(t, r); got.status != http.StatusTooManyRequests || !strings.Contains(got.body, `"code":"RATE_LIMITED"`) {
			t.Fatalf("a stream: %v", got)
		}
		sub.to.Complete()
		_ = readAll(t, s.reader)
		eventually(t, "there is room again", func() bool {
			c, _ := f.tryDial(t, "graphql-transport-ws", "Cookie", "who=ada")
			return c != nil
		})
	})

	t.Run("all at one address share its sockets", func(t *testing.T) {
		t.Parallel()
		f := limited(t, nil, crowd(transport.Crowd{PerAddress: 3}))
		for _, who := range []string{"ada", "bob", "nobody"} {
			f.ready(t, "Cookie", "who="+who, "Cookie", "from=203.0.113.7")
		}
		if c, response := f.tryDial(t, "graphql-transport-ws", "Cookie", "from=203.0.113.7"); c != nil || response.StatusCode != http.StatusTooManyRequests {
			t.Fatal("a fourth is taken")
		}
		f.ready(t, "Cookie", "from=203.0.113.8")
		for range 5 { // no address is nobody's address
			f.ready(t)
		}
	})

	inTime(t, "who sends too much is read more slowly, and keeps the socket", func(t *testing.T) {
		f := serveInMemory(t, crowd(transport.Crowd{Messages: 10}))
		c := f.ready(t)
		start := time.Now()
		go func() {
			for i := range 140 {
				c.send(fmt.Sprintf(`{"type":"ping","payload":{"n":%d}}`, i))
			}
		}()
		for i := range 140 {
			c.want(fmt.Sprintf(`{"type":"pong","payload":{"n":%d}}`, i))
		}
		takes(t, start, 10*time.Second) // 40 at once, and ten a second
	})

	inTime(t, "and so is who sends too many pings of the WebSocket's own", func(t *testing.T) {
		f := serveInMemory(t, crowd(transport.Crowd{Messages: 10}))
		c := f.ready(t)
		start := time.Now()
		reading := c.ws.CloseRead(context.Background())
		for range 140 {
			if err := c.ws.Ping(reading); err != nil {
				t.Fatal(err)
			}
		}
		takes(t, start, 10*time.Second)
	})

	inTime(t, "who is read more slowly is not taken for gone", func(t *testing.T) {
		f := serveInMemory(t, crowd(transport.Crowd{Messages: 1}))
		c := f.ready(t)
		go func() {
			for range 100 {
				c.send(`{"type":"pong"}`)
			}
			c.send(`{"type":"ping","payload":{"last":true}}`)
		}()
		for got := ""; got != `{"type":"pong","payload":{"last":true}}`; got = c.next() {
			if strings.Contains(got, "complete") {
				t.Fatal(got)
			}
		}
	})
}

func TestLimited(t *testing.T) {
	t.Parallel()
	rates := limit.Rates{limit.Operations: limit.Within(time.Hour, 1, 10), limit.Requests: limit.Within(time.Hour, 1, 100)}

	t.Run("a query counts 1, and who has asked for too much is told when to come back", func(t *testing.T) {
		t.Parallel()
		f := limited(t, rates)
		ask := func(accept, query string, header ...string) reply {
			t.Helper()
			return f.do(t, f.request(t, http.MethodPost, `{"query":"`+query+`"}`, append(header, "Accept", accept)...))
		}
		for range 10 {
			if got := ask("application/json", "{ hello }", "Cookie", "who=ada"); got.status != http.StatusOK || strings.Contains(got.body, "errors") {
				t.Fatalf("refused: %v", got)
			}
		}
		for accept, status := range map[string]int{"application/graphql-response+json": 429, "application/json": 200, "text/event-stream": 200} {
			got := ask(accept, "{ hello }", "Cookie", "who=ada")
			if got.status != status || !strings.Contains(got.body, `"code":"RATE_LIMITED","retryAfter":3600`) || strings.Contains(got.body, `"data":`) {
				t.Errorf("%s is answered %v", accept, got)
			}
			if after := got.header.Get("Retry-After"); after != "3600" {
				t.Errorf("%s: come back after %q", accept, after)
			}
		}
		if body := ask("application/json", "{ hello }", "Cookie", "who=bob").body; strings.Contains(body, "errors") {
			t.Errorf("somebody else is refused: %s", body)
		}
	})

	t.Run("each field of a mutation counts 5, however it is written", func(t *testing.T) {
		t.Parallel()
		for query, weight := range map[string]int{
			"mutation { touch }": 5, "mutation { a: touch b: touch }": 10, "mutation { ...f } fragment f on Mutation { touch }": 5,
			"{ hello a: hello b: hello }": 1,
		} {
			f := limited(t, rates)
			through := 0
			for {
				body := f.do(t, f.request(t, http.MethodPost, `{"query":"`+query+`"}`, "Cookie", "who=ada")).body
				if strings.Contains(body, "RATE_LIMITED") {
					break
				}
				through++
			}
			if want := 10 / weight; through != want {
				t.Errorf("%s was let through %d times, want %d", query, through, want)
			}
		}
	})

	t.Run("a large body counts as it arrives, so that many at once are no way to fill a node's memory", func(t *testing.T) {
		t.Parallel()
		for size, want := range map[int]int{100: 10, 20_000: 3, 100_000: 0} {
			f := limited(t, rates)
			through := 0
			for {
				got := f.do(t, f.request(t, http.MethodPost, `{"query":"{ hello }"`+strings.Repeat(" ", size)+`}`, "Cookie", "who=ada"))
				if strings.Contains(got.body, "RATE_LIMITED") {
					if size > 100 && (got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "") {
						t.Errorf("%d bytes are answered %v", size, got)
					}
					break
				}
				through++
			}
			if through != want {
				t.Errorf("%d bytes were let through %d times, want %d", size, through, want)
			}
		}
	})

	t.Run("a weight of one's own counts", func(t *testing.T) {
		t.Parallel()
		f := limited(t, rates, func(o *transport.Options) {
			o.Weigh = func(op *graphql.OperationContext) int { return len(op.Operation.SelectionSet) }
		})
		for i, code := range []string{"", "", "RATE_LIMITED"} {
			body := f.do(t, f.request(t, http.MethodPost, `{"query":"{ hello a: hello b: hello c: hello d: hello }"}`, "Cookie", "who=ada")).body
			if got := strings.Contains(body, "RATE_LIMITED"); got != (code != "") {
				t.Errorf("the time %d: %s", i, body)
			}
		}
	})

	t.Run("over a socket each operation counts the same, and the socket stays", func(t *testing.T) {
		t.Parallel()
		f := limited(t, rates)
		c := f.ready(t, "Cookie", "who=ada", "Cookie", "from=203.0.113.9")
		for range 9 {
			c.send(helloA)
			c.next()
			c.want(completeA)
		}
		c.send(subscribeA)
		f.subscriptions.take(t).to.Complete()
		c.want(completeA)
		for _, operation := range []string{helloA, subscribeA} {
			c.send(operation)
			if got := c.next(); !strings.Contains(got, `"type":"error"`) || !strings.Contains(got, `"code":"RATE_LIMITED","retryAfter":3600`) {
				t.Fatalf("got %s", got)
			}
		}
		c.send(`{"type":"ping"}`)
		c.want(`{"type":"pong"}`)
		if body := f.do(t, f.request(t, http.MethodPost, `{"query":"{ hello }"}`, "Cookie", "who=ada again")).body; !strings.Contains(body, "RATE_LIMITED") {
			t.Errorf("another session of the account: %s", body)
		}
	})

	t.Run("who has not signed in is counted by the address", func(t *testing.T) {
		t.Parallel()
		f := limited(t, limit.Rates{limit.Requests: limit.Within(time.Hour, 1, 2)})
		for address, want := range map[string]int{"203.0.113.7": 2, "203.0.113.8": 2} {
			for i := range 4 {
				body := f.do(t, f.request(t, http.MethodPost, `{"query":"{ hello }"}`, "Cookie", "from="+address)).body
				if isLet := !strings.Contains(body, "RATE_LIMITED"); isLet != (i < want) {
					t.Errorf("%s, the time %d: %s", address, i, body)
				}
			}
		}
	})
}

func TestLargeResults(t *testing.T) {
	t.Parallel()
	const most = 2000
	f := serve(t, limits(transport.Limits{Result: most}))

	t.Run("over a socket the operation is refused, and the socket stays", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		c.send(strings.Replace(helloA, "hello", "size(bytes: 3000)", 1))
		c.wantError("QUERY_TOO_COMPLEX")
		c.send(strings.Replace(helloA, "hello", "size(bytes: 1000)", 1))
		if got := c.next(); len(got) < 1000 {
			t.Fatalf("got %s", got)
		}
		c.want(completeA)
	})
	t.Run("a subscription ends with what was before it", func(t *testing.T) {
		t.Parallel()
		f := serve(t, limits(transport.Limits{Result: most}))
		c := f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		sub.next("small", "1")
		sub.next(strings.Repeat("x", most), "2")
		sub.next("late", "3")
		c.want(nextA("small"))
		c.wantError("QUERY_TOO_COMPLEX")
		sub.ended(t)
		c.send(helloA)
		c.next()
	})
	t.Run("an event stream says so and completes", func(t *testing.T) {
		t.Parallel()
		got := readAll(t, f.stream(t, `{"query":"{ size(bytes: 3000) }"}`).reader)
		if !strings.Contains(got, "QUERY_TOO_COMPLEX") || !strings.HasSuffix(got, eventComplete) || len(got) > most {
			t.Errorf("got %.300s", got)
		}
	})
}
