package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	subscribeA = `{"id":"a","type":"subscribe","payload":{"query":"subscription { updates }"}}`
	waitA      = `{"id":"a","type":"subscribe","payload":{"query":"{ wait }"}}`
	helloA     = `{"id":"a","type":"subscribe","payload":{"query":"{ hello }"}}`
	worldA     = `{"id":"a","type":"next","payload":{"data":{"hello":"world"}}}`
	completeA  = `{"id":"a","type":"complete"}`
)

func nextA(text string) string {
	return `{"id":"a","type":"next","payload":{"data":{"updates":"` + text + `"}}}`
}

func TestInvalidMessages(t *testing.T) {
	t.Parallel()
	payload := func(p string) string { return `{"id":"a","type":"subscribe","payload":` + p + `}` }
	f := serve(t)
	for name, text := range map[string]string{
		"nothing":                         "",
		"white space":                     "  ",
		"no JSON":                         "hello",
		"broken JSON":                     `{"type":"ping"`,
		"something behind the JSON":       `{"type":"ping"}}`,
		"two messages in one":             `{"type":"ping"}{"type":"ping"}`,
		"a string":                        `"ping"`,
		"a number":                        `1`,
		"null":                            `null`,
		"an array":                        `[{"type":"ping"}]`,
		"no type":                         `{}`,
		"a type of null":                  `{"type":null}`,
		"a type that is a number":         `{"type":1}`,
		"an unknown type":                 `{"type":"hello"}`,
		"a type in other case":            `{"type":"Ping"}`,
		"a key in other case":             `{"Type":"ping"}`,
		"a key given twice":               `{"type":"ping","type":"ping"}`,
		"a key given twice deep inside":   `{"type":"ping","payload":{"a":{"b":1,"b":1}}}`,
		"invalid UTF-8":                   "{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}",
		"half a surrogate pair":           `{"type":"ping","payload":{"a":"\udc00"}}`,
		"the older protocol's start":      `{"id":"a","type":"start","payload":{"query":"{ hello }"}}`,
		"the older protocol's stop":       `{"id":"a","type":"stop"}`,
		"the server's ack":                `{"type":"connection_ack"}`,
		"the server's next":               `{"id":"a","type":"next","payload":{"data":null}}`,
		"the server's error":              `{"id":"a","type":"error","payload":[{"message":"x"}]}`,
		"an init with an array":           `{"type":"connection_init","payload":[]}`,
		"an init with a string":           `{"type":"connection_init","payload":"x"}`,
		"a ping with a string":            `{"type":"ping","payload":"x"}`,
		"a ping with a boolean":           `{"type":"ping","payload":false}`,
		"a pong with a number":            `{"type":"pong","payload":0}`,
		"a complete without id":           `{"type":"complete"}`,
		"a complete with an empty id":     `{"type":"complete","id":""}`,
		"a complete with a number":        `{"type":"complete","id":1}`,
		"a subscribe without id":          `{"type":"subscribe","payload":{"query":"{ hello }"}}`,
		"a subscribe with an empty id":    `{"id":"","type":"subscribe","payload":{"query":"{ hello }"}}`,
		"a subscribe with a number":       `{"id":1,"type":"subscribe","payload":{"query":"{ hello }"}}`,
		"a subscribe with null":           `{"id":null,"type":"subscribe","payload":{"query":"{ hello }"}}`,
		"a subscribe with a very long id": `{"id":"` + strings.Repeat("x", 257) + `","type":"subscribe","payload":{"query":"{ hello }"}}`,
		"a subscribe without payload":     `{"id":"a","type":"subscribe"}`,
		"a payload of null":               payload(`null`),
		"a payload that is a string":      payload(`"{ hello }"`),
		"a payload that is an array":      payload(`[]`),
		"a payload without query":         payload(`{}`),
		"a query of null":                 payload(`{"query":null}`),
		"a query that is a number":        payload(`{"query":1}`),
		"variables in an array":           payload(`{"query":"{ hello }","variables":[]}`),
		"variables in a string":           payload(`{"query":"{ hello }","variables":"{}"}`),
		"a name that is a number":         payload(`{"query":"{ hello }","operationName":1}`),
		"extensions in a string":          payload(`{"query":"{ hello }","extensions":"x"}`),
		"a parameter in other case":       payload(`{"query":"{ hello }","Variables":{}}`),
	} {
		t.Run(name+" closes with 4400", func(t *testing.T) {
			t.Parallel()
			f.dial(t).sendAndWantClose(text, 4400, "Invalid message: ")
			if !strings.Contains(text, "connection_init") {
				c := f.ready(t)
				c.sendAndWantClose(text, 4400, "Invalid message: ")
			}
		})
	}

	t.Run("a binary message closes with 4400", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		c.sendAs(websocket.MessageBinary, `{"type":"ping"}`)
		c.wantClose(4400, "Invalid message: binary")
	})

	t.Run("a message over the limit closes with 1009, however much comes behind it", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		c.send(`{"type":"ping","payload":{"a":"` + strings.Repeat("x", 64<<10) + `"}}`)
		c.wantClose(1009, "")
	})
}

func (c *client) sendAndWantClose(text string, code int, reason string) {
	c.t.Helper()
	c.send(text)
	c.wantClose(code, reason)
}

func TestSocket(t *testing.T) {
	t.Parallel()
	f := serve(t)

	t.Run("another subprotocol closes with 4406", func(t *testing.T) {
		t.Parallel()
		for _, protocol := range []string{"graphql-ws", "GraphQL-Transport-WS", "x"} {
			c, _ := f.tryDial(t, protocol)
			c.wantClose(4406, "Subprotocol not acceptable")
		}
	})

	t.Run("an operation before the acknowledgement closes with 4401", func(t *testing.T) {
		t.Parallel()
		f.dial(t).sendAndWantClose(helloA, 4401, "Unauthorized")
	})

	t.Run("a second init closes with 4429", func(t *testing.T) {
		t.Parallel()
		f.ready(t).sendAndWantClose(`{"type":"connection_init"}`, 4429, "Too many initialisation requests")
	})

	t.Run("a taken id closes with 4409", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		c.sendAndWantClose(helloA, 4409, "Subscriber for a already exists")
		sub.ended(t)
	})

	t.Run("an escaped id is the same id", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		c.send(waitA)
		c.sendAndWantClose(strings.Replace(helloA, `"a"`, `"\u0061"`, 1), 4409, "Subscriber for a already exists")
	})

	t.Run("a long id is not repeated in the reason", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		id := strings.Repeat("ä", 128)
		c.send(strings.Replace(waitA, `"a"`, `"`+id+`"`, 1))
		c.sendAndWantClose(strings.Replace(waitA, `"a"`, `"`+id+`"`, 1), 4409, "Subscriber for this id already exists")
	})

	t.Run("a client that says goodbye is answered", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		if err := c.ws.Close(websocket.StatusNormalClosure, "Normal Closure"); err != nil {
			t.Errorf("it was not: %v", err)
		}
	})

	t.Run("pings are answered in kind, before the acknowledgement and after it", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t)
		for range 2 {
			c.send(`{"type":"ping"}`)
			c.want(`{"type":"pong"}`)
			c.send(`{"type":"ping","payload":null}`)
			c.want(`{"type":"pong"}`)
			c.send(`{"type":"ping","payload":{"a":[1,"ü"]}}`)
			c.want(`{"type":"pong","payload":{"a":[1,"ü"]}}`)
			c.send(`{"type":"pong"}`)
			c.send(`{"type":"pong","payload":{"a":1}}`)
			c = f.ready(t)
		}
	})

	t.Run("other members of a message are ignored", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		c.send(`{"type":"ping","id":7,"more":{}}`)
		c.want(`{"type":"pong"}`)
	})

	t.Run("completing what never was is no fault", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t)
		c.send(completeA)
		c.send(`{"type":"connection_init"}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(completeA)
		c.send(helloA)
		c.want(worldA, completeA)
	})

	t.Run("messages in fragments are read", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w, err := c.ws.Writer(ctx, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range []string{`{"type"`, `:`, `"ping"}`} {
			if _, err := w.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		c.want(`{"type":"pong"}`)
	})
}

func TestOperations(t *testing.T) {
	t.Parallel()

	t.Run("queries and mutations are answered and complete", func(t *testing.T) {
		t.Parallel()
		c := serve(t).ready(t)
		c.send(helloA)
		c.want(worldA, completeA)
		c.send(`{"id":"a","type":"subscribe","payload":{"query":"mutation M { touch }","operationName":"M","variables":{"x":1},"extensions":{}}}`)
		c.want(`{"id":"a","type":"next","payload":{"data":{"touch":1}}}`, completeA)
	})

	t.Run("a field's error comes with the result", func(t *testing.T) {
		t.Parallel()
		c := serve(t).ready(t)
		c.send(strings.Replace(helloA, "hello", "fail", 1))
		c.want(`{"id":"a","type":"next","payload":{"errors":[{"message":"it failed","extensions":{"code":"INTERNAL"}}],"data":{"fail":null}}}`, completeA)
	})

	t.Run("an operation that is no good gets an error, and its id is free again", func(t *testing.T) {
		t.Parallel()
		c := serve(t).ready(t)
		for query, code := range map[string]string{
			"{": "GRAPHQL_PARSE_FAILED", "{ nothing }": "GRAPHQL_VALIDATION_FAILED", "query Q($n: Int!) { hello }": "GRAPHQL_VALIDATION_FAILED",
			"{ refused }": "FORBIDDEN",
		} {
			text, _ := json.Marshal(query)
			c.send(`{"id":"a","type":"subscribe","payload":{"query":` + string(text) + `}}`)
			c.wantError(code)
		}
		c.send(helloA)
		c.want(worldA, completeA)
	})

	t.Run("a panic ends the operation and not the socket", func(t *testing.T) {
		t.Parallel()
		c := serve(t).ready(t)
		c.send(strings.Replace(helloA, "hello", "explode", 1))
		c.wantError("INTERNAL")
		c.send(helloA)
		c.want(worldA, completeA)
	})

	t.Run("a panic while subscribing ends the operation and not the socket", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) { o.Subscriptions = nil })
		c := f.ready(t)
		c.send(subscribeA)
		c.wantError("BAD_REQUEST")
		c.send(helloA)
		c.want(worldA, completeA)
	})

	t.Run("results come in order and spliced, until the subscription completes", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		if got := f.Stats(); got.Sockets != 1 || got.Subscriptions != 1 {
			t.Errorf("counted %+v", got)
		}
		for i := range 100 {
			sub.next(fmt.Sprint(i), "")
		}
		sub.to.Complete()
		sub.next("too late", "")
		sub.to.Error(gqlerror.List{{Message: "too late"}})
		for i := range 100 {
			c.want(nextA(fmt.Sprint(i)))
		}
		c.want(completeA)
		sub.ended(t)
		c.send(helloA)
		c.want(worldA, completeA)
		if got := f.Stats(); got.Subscriptions != 0 {
			t.Errorf("counted %+v", got)
		}
	})

	t.Run("a refused subscription gets its errors and nothing more", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		sub.to.Error(gqlerror.List{{Message: "No.", Extensions: map[string]any{"code": fault.CodeForbidden}}})
		sub.to.Complete()
		c.wantError("FORBIDDEN")
		c.send(`{"type":"ping"}`)
		c.want(`{"type":"pong"}`)
	})

	t.Run("what the client completes ends, says nothing more, and its id is free", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		sub.next("1", "")
		c.want(nextA("1"))
		c.send(completeA)
		sub.ended(t)
		sub.next("2", "")
		sub.to.Complete()
		c.send(subscribeA)
		again := f.subscriptions.take(t)
		sub.next("3", "")
		sub.to.Error(nil)
		again.next("4", "")
		c.want(nextA("4"))
	})

	t.Run("a query that the client completes says nothing", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(waitA)
		<-f.schema.waiting
		c.send(completeA)
		c.send(helloA)
		c.want(worldA, completeA)
	})

	t.Run("a hundred operations run at once and no more", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		for i := range 100 {
			c.send(fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"{ wait }"}}`, i))
		}
		for range 100 {
			<-f.schema.waiting
		}
		c.send(helloA)
		c.wantError("RATE_LIMITED")
		c.send(`{"id":"7","type":"complete"}`)
		eventually(t, "a place is free", func() bool {
			c.send(helloA)
			return c.next() == worldA
		})
		c.want(completeA)
	})

	t.Run("operations end with the socket", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(subscribeA)
		sub := f.subscriptions.take(t)
		_ = c.ws.CloseNow()
		sub.ended(t)
		sub.next("nobody reads this", "")
		eventually(t, "nothing is open", func() bool { return f.Stats() == transport.Stats{} })
	})

	t.Run("a large result is delivered though it is larger than the queue", func(t *testing.T) {
		t.Parallel()
		c := serve(t).ready(t)
		c.send(strings.Replace(helloA, "hello", "size(bytes: 1000000)", 1))
		if got := c.next(); len(got) < 1000000 {
			t.Errorf("got %.100s", got)
		}
		c.want(completeA)
	})

	t.Run("large results at once are all delivered", func(t *testing.T) {
		t.Parallel()
		c := serve(t).ready(t)
		for i := range 20 {
			c.send(fmt.Sprintf(`{"id":"%d","type":"subscribe","payload":{"query":"{ size(bytes: 300000) }"}}`, i))
		}
		for range 40 {
			c.next()
		}
	})

	t.Run("what may be lost is lost only when the client is behind", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		c := f.ready(t)
		c.send(subscribeA)
		offerer := f.subscriptions.take(t).to.(transport.Offerer)
		offerer.Offer([]byte(`{"data":{"updates":"typing"}}`))
		c.want(nextA("typing"))
	})
}

func TestSigningIn(t *testing.T) {
	t.Parallel()
	f := serve(t)
	const who = `{"id":"a","type":"subscribe","payload":{"query":"{ viewer }"}}`
	is := func(name string) string {
		return `{"id":"a","type":"next","payload":{"data":{"viewer":` + name + `}}}`
	}

	t.Run("a socket is of whom its authorization says", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t, "Origin", "https://elsewhere.example")
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(who)
		c.want(is(`"ada"`), completeA)
	})

	t.Run("without authorization it is nobody's", func(t *testing.T) {
		t.Parallel()
		for _, payload := range []string{``, `,"payload":null`, `,"payload":{}`, `,"payload":{"authorization":null}`, `,"payload":{"authorization":""}`} {
			c := f.dial(t)
			c.send(`{"type":"connection_init"` + payload + `}`)
			c.want(`{"type":"connection_ack"}`)
			c.send(who)
			c.want(is("null"), completeA)
		}
	})

	t.Run("without authorization it is of whom its cookie says", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t, "Cookie", "who=bob")
		c.send(who)
		c.want(is(`"bob"`), completeA)
	})

	t.Run("an authorization wins over a cookie", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t, "Cookie", "who=bob")
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(who)
		c.want(is(`"ada"`), completeA)
	})

	t.Run("a wrong authorization closes with 4403", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`"Bearer eve"`, `"x"`, `1`, `{}`, `["Bearer ada"]`, `"Bearer ada for -1s"`} {
			c := f.dial(t, "Cookie", "who=bob")
			c.sendAndWantClose(`{"type":"connection_init","payload":{"authorization":`+text+`}}`, 4403, "")
		}
	})

	t.Run("if nobody can tell whose it is, the client comes back", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t)
		c.sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer nobody knows"}}`, 1013, "Not available")
	})

	t.Run("a cookie signs in from the same host and from nowhere else", func(t *testing.T) {
		t.Parallel()
		for origin, allowed := range map[string]bool{
			f.url: true, "": true, "https://elsewhere.example": false, "null": false, f.url + ".example": false,
		} {
			headers := []string{"Cookie", "who=bob"}
			if origin != "" {
				headers = append(headers, "Origin", origin)
			}
			c, response := f.tryDial(t, "graphql-transport-ws", headers...)
			if (c != nil) != allowed || !allowed && response.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", origin, response.Status)
			}
		}
	})

	t.Run("a cookie signs in from where the configuration says", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) {
			o.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") == "https://app.example" }
		})
		f.ready(t, "Cookie", "who=bob", "Origin", "https://app.example")
		if c, _ := f.tryDial(t, "graphql-transport-ws", "Cookie", "who=bob", "Origin", f.url); c != nil {
			t.Error("the own host was allowed though it is not configured")
		}
	})

	t.Run("a ping with another's authorization closes with 4403", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`"Bearer bob"`, `"Bearer ada again"`, `"Bearer eve"`, `7`} {
			c := f.dial(t)
			c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
			c.want(`{"type":"connection_ack"}`)
			c.sendAndWantClose(`{"type":"ping","payload":{"authorization":`+text+`}}`, 4403, "Forbidden")
		}
	})

	t.Run("nobody's socket does not become somebody's", func(t *testing.T) {
		t.Parallel()
		f.ready(t).sendAndWantClose(`{"type":"ping","payload":{"authorization":"Bearer ada"}}`, 4403, "Forbidden")
	})

	t.Run("a ping's authorization is not sent back", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t)
		c.send(`{"type":"ping","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"pong"}`)
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(`{"type":"ping","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"pong"}`)
		c.send(`{"type":"ping","payload":{"authorization":"Bearer nobody knows"}}`)
		c.want(`{"type":"pong"}`)
	})

	t.Run("without a way to authenticate nobody signs in", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) { o.Authenticate = nil })
		f.dial(t).sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, 4403, "Forbidden")
	})

	t.Run("an authentication that fails for another reason than the token is forbidden", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) {
			o.Authenticate = func(context.Context, string) (viewer.Viewer, time.Time, error) {
				return viewer.Viewer{}, time.Time{}, errors.New("malformed")
			}
		})
		f.dial(t).sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, 4403, "Forbidden")
	})
}

// FuzzSocket looks for messages that end a socket in another way than the protocol says.
func FuzzSocket(f *testing.F) {
	for _, seed := range []string{
		`{"type":"ping"}`, `{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, helloA, subscribeA, completeA,
		`{"id":"a","type":"subscribe","payload":{"query":"{ echo(value: [1, {a: null}]) }","variables":{"a":[{}]}}}`, "[", "\xff",
		`{"type":"pong","payload":{"a":"\ud83d\ude00"}}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, acknowledged bool) {
		if strings.Contains(string(text), "wait") || len(text) > 60<<10 {
			t.Skip("this would not come to an end")
		}
		h := serveInMemory(t, func(o *transport.Options) { o.Subscriptions = nil })
		c := h.dial(t)
		if acknowledged {
			c.send(`{"type":"connection_init"}`)
			c.want(`{"type":"connection_ack"}`)
		}
		read := make(chan error, 1)
		go func() {
			for {
				text, err := c.read()
				if err == nil && !json.Valid([]byte(text)) {
					err = fmt.Errorf("the server sent %q", text)
				}
				if err != nil {
					read <- err
					return
				}
			}
		}()
		c.send(string(text))
		// A second init ends every socket that still stands.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for range 2 {
			_ = c.ws.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init"}`))
		}
		var end websocket.CloseError
		if err := <-read; !errors.As(err, &end) || !slices.Contains([]int{4400, 4401, 4403, 4429}, int(end.Code)) {
			t.Errorf("%q ended with %v", text, err)
		}
	})
}
