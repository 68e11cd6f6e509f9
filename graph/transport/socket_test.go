package transport_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/convenehq/convene/graph/transport"
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

	t.Run("a panic over a message closes its socket with 1011, and no others", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) {
			o.Authenticate = func(context.Context, string) (viewer.Viewer, time.Time, error) { panic("boom") }
		})
		other := f.ready(t)
		f.dial(t).sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, 1011, "Internal error")
		other.send(`{"type":"ping"}`)
		other.want(`{"type":"pong"}`)
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
