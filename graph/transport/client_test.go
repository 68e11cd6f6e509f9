package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A client is the other side of a socket.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial opens a socket; headers are pairs of names and values.
func (f *fixture) dial(t *testing.T, headers ...string) *client {
	t.Helper()
	c, response := f.tryDial(t, "graphql-transport-ws", headers...)
	if c == nil {
		t.Fatalf("no socket: %s", response.Status)
	}
	return c
}

func (f *fixture) tryDial(t *testing.T, protocol string, headers ...string) (*client, *http.Response) {
	t.Helper()
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, f.url, &websocket.DialOptions{
		HTTPClient: f.client, HTTPHeader: header, Subprotocols: []string{protocol},
	})
	if err != nil {
		if response == nil {
			t.Fatal(err)
		}
		return nil, response
	}
	ws.SetReadLimit(8 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t, ws}, response
}

// ready opens a socket and has it acknowledged.
func (f *fixture) ready(t *testing.T, headers ...string) *client {
	t.Helper()
	c := f.dial(t, headers...)
	c.send(`{"type":"connection_init"}`)
	c.want(`{"type":"connection_ack"}`)
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	c.sendAs(websocket.MessageText, text)
}

func (c *client) sendAs(kind websocket.MessageType, text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.ws.Write(ctx, kind, []byte(text)); err != nil {
		c.t.Fatalf("send %.100s: %v", text, err)
	}
}

func (c *client) read() (string, error) {
	// Long for a bubble's clock, too: nothing in the tests takes an hour there.
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	kind, text, err := c.ws.Read(ctx)
	if err == nil && kind != websocket.MessageText {
		c.t.Fatal("the server sent something binary")
	}
	return withoutCost(string(text)), err
}

// withoutCost is an answer without what it cost, which tests of something else need not know.
func withoutCost(text string) string { return costs.ReplaceAllString(text, "") }

var costs = regexp.MustCompile(`,"extensions":\{"cost":\{"requested":\d+,"limit":\d+\}\}`)

// next is the next message.
func (c *client) next() string {
	c.t.Helper()
	text, err := c.read()
	if err != nil {
		c.t.Fatalf("read a message: %v", err)
	}
	return text
}

// want wants exactly these messages.
func (c *client) want(texts ...string) {
	c.t.Helper()
	for _, want := range texts {
		if got := c.next(); got != want {
			c.t.Fatalf("got %s\nwant %s", got, want)
		}
	}
}

// wantError wants an error message with the code for the operation a.
func (c *client) wantError(code string) {
	c.t.Helper()
	var m struct {
		ID, Type string
		Payload  []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	text := c.next()
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.ID != "a" || m.Type != "error" ||
		len(m.Payload) == 0 || m.Payload[0].Extensions.Code != code {
		c.t.Fatalf("got %s (%v), want an error %s for a", text, err, code)
	}
}

// wantClose wants nothing but the end, with this code and reason.
func (c *client) wantClose(code int, reason string) {
	c.t.Helper()
	text, err := c.read()
	if err == nil {
		c.t.Fatalf("got %s, want the end", text)
	}
	c.wantEnd(err, code, reason)
}

// closedAfter reads on until the end and returns the messages before it.
func (c *client) closedAfter(code int, reason string) []string {
	c.t.Helper()
	var texts []string
	for {
		text, err := c.read()
		if err != nil {
			c.wantEnd(err, code, reason)
			return texts
		}
		texts = append(texts, text)
	}
}

// answerUntil answers pings until the end.
func (c *client) answerUntil(code int, reason string) {
	c.t.Helper()
	for {
		text, err := c.read()
		if err != nil {
			c.wantEnd(err, code, reason)
			return
		}
		if text == `{"type":"ping"}` {
			c.send(`{"type":"pong"}`)
		}
	}
}

func (c *client) wantEnd(err error, code int, reason string) {
	c.t.Helper()
	var end websocket.CloseError
	if !errors.As(err, &end) || int(end.Code) != code || !strings.HasPrefix(end.Reason, reason) {
		c.t.Fatalf("it ended with %v, want %d %q", err, code, reason)
	}
}

func (c *client) sendAndWantClose(text string, code int, reason string) {
	c.t.Helper()
	c.send(text)
	c.wantClose(code, reason)
}
