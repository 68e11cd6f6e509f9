package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/convenehq/convene/graph/transport"
)

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
