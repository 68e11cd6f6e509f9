package transport_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/fault"
)

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
		c := serve(t, func(o *transport.Options) { o.Subscriptions = panicking{} }).ready(t)
		c.send(subscribeA)
		c.wantError("INTERNAL")
		c.send(helloA)
		c.want(worldA, completeA)
	})

	t.Run("where nothing starts subscriptions they are refused", func(t *testing.T) {
		t.Parallel()
		c := serve(t, func(o *transport.Options) { o.Subscriptions = nil }).ready(t)
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
