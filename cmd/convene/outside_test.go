package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// An outside is a client of the public address.
type outside struct {
	url  string
	http *http.Client
	// sockets speak HTTP/1.1, as WebSockets do.
	sockets *http.Client
}

func newOutside(t testing.TB, url string) *outside {
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a certificate of the test's own
	both := &http.Transport{TLSClientConfig: insecure, ForceAttemptHTTP2: true}
	old := &http.Transport{TLSClientConfig: insecure.Clone()}
	t.Cleanup(func() { both.CloseIdleConnections(); old.CloseIdleConnections() })
	return &outside{url: url, http: &http.Client{Transport: both}, sockets: &http.Client{Transport: old}}
}

// post asks something and returns what is answered, and its header; the error says that no answer came.
func (c *outside) post(path, token string, body any, header ...string) (map[string]any, http.Header, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	r, err := http.NewRequest(http.MethodPost, c.url+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", answer.Status, err)
	}
	return out, answer.Header, nil
}

func (c *outside) query(t testing.TB, token, query string, variables map[string]any) map[string]any {
	t.Helper()
	got, header, err := c.post("/graphql", token, map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(header.Get("X-Request-Id"), "req_") {
		t.Error("the answer has no X-Request-Id")
	}
	return got
}

// signIn is a demo person's access token.
func (c *outside) signIn(t testing.TB, as string) string {
	t.Helper()
	got, _, err := c.post("/dev/session", "", map[string]string{"as": as})
	if err != nil {
		t.Fatal(err)
	}
	return got["accessToken"].(string)
}

// cookies signs in as a browser does, and asks who is signed in as two pages do.
func (c *outside) cookies(t *testing.T) {
	_, header, err := c.post("/graphql", "", map[string]any{
		"query":     `mutation ($in: SignInInput!) { signIn(input: $in) { userErrors { code } } }`,
		"variables": map[string]any{"in": map[string]any{"login": "ada", "password": "lunch-is-at-noon", "cookie": true}},
	}, "Origin", c.url, "Sec-Fetch-Site", "same-origin")
	if err != nil {
		t.Fatal(err)
	}
	session, err := http.ParseSetCookie(header.Get("Set-Cookie"))
	if err != nil || session.Name != "__Host-convene_session" || !session.Secure || !session.HttpOnly {
		t.Fatalf("the cookie is %v (%v)", session, err)
	}
	who := map[string]any{"query": `{ viewer { profile { username } } }`}
	for origin, want := range map[string]any{c.url: "ada", "https://elsewhere.example": nil} {
		got, _, err := c.post("/graphql", "", who, "Cookie", session.Name+"="+session.Value, "Origin", origin)
		if err != nil || dig(got, "data", "viewer", "profile", "username") != want {
			t.Errorf("a page of %s gets %v, %v", origin, got, err)
		}
	}
}

// A watched is a conversation that Ada writes in and Grace watches, over a WebSocket and by events.
type watched struct {
	c            *outside
	token        string
	conversation string
	sent         int
	failed       []error
	retried      int
	over         [2]*listener
}

// A listener resumes by its cursor whenever its connection ends.
type listener struct {
	name   string
	mu     sync.Mutex
	cursor string
	bodies []string
	ends   int
}

const watchUpdates = `subscription ($id: ID!, $after: String) { conversationUpdates(conversationId: $id, after: $after) {
	... on MessageSent { cursor message { body } } ... on CursorMoved { cursor } ... on ResyncRequired { cursor reason }
} }`

func (c *outside) begin(t *testing.T) *watched {
	t.Helper()
	w := &watched{c: c, token: c.signIn(t, "ada")}
	nodes, _ := dig(c.query(t, w.token, `{ viewer { inbox { nodes { id title cursor } } } }`, nil), "data", "viewer", "inbox", "nodes").([]any)
	cursor := ""
	for _, n := range nodes {
		if dig(n, "title") == "Grace Lindqvist" {
			w.conversation, cursor = dig(n, "id").(string), dig(n, "cursor").(string)
		}
	}
	grace := c.signIn(t, "grace")
	ctx, cancel := context.WithCancel(t.Context())
	var listening sync.WaitGroup
	for i, listen := range []func(context.Context, string, map[string]any, func([]byte)) error{c.socket, c.events} {
		l := &listener{name: []string{"WebSocket", "event stream"}[i], cursor: cursor}
		w.over[i] = l
		listening.Go(func() {
			for ctx.Err() == nil {
				_ = listen(ctx, grace, map[string]any{"id": w.conversation, "after": l.position()}, l.take)
				l.lost()
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); listening.Wait() })
	return w
}

// write sends for so long, each message once more if no answer came.
func (w *watched) write(t *testing.T, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		body := fmt.Sprintf("through the proxy %d", w.sent)
		err := w.send(body)
		if err != nil {
			w.retried++
			err = w.send(body)
		}
		if err != nil {
			w.failed = append(w.failed, err)
		}
		w.sent++
	}
}

func (w *watched) send(body string) error {
	got, _, err := w.c.post("/graphql", w.token, map[string]any{
		"query": `mutation ($in: SendMessageInput!) { sendMessage(input: $in) { message { seq } } }`,
		"variables": map[string]any{"in": map[string]any{
			"conversationId": w.conversation, "body": body, "idempotencyKey": w.conversation + body,
		}},
	})
	if err == nil && dig(got, "data", "sendMessage", "message", "seq") == nil {
		err = fmt.Errorf("got %v", got)
	}
	return err
}

func (w *watched) check(t *testing.T) {
	t.Helper()
	if len(w.failed) > 0 {
		t.Errorf("%d of %d messages failed after one retry, first: %v", len(w.failed), w.sent, w.failed[0])
	}
	for _, l := range w.over {
		eventually(t, "the "+l.name+" has them all", func() error {
			if got := l.heard(); len(got) < w.sent {
				return fmt.Errorf("%d of %d", len(got), w.sent)
			}
			return nil
		})
		for i, got := range l.heard() {
			if want := fmt.Sprintf("through the proxy %d", i); got != want {
				t.Fatalf("the %s has %q in place of %q", l.name, got, want)
			}
		}
		if l.ends == 0 {
			t.Errorf("the %s never ended, although every node was restarted", l.name)
		}
	}
	t.Logf("%d messages, %d of them retried; the connections ended %d and %d times", w.sent, w.retried, w.over[0].ends, w.over[1].ends)
}

func (l *listener) position() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

func (l *listener) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.bodies...)
}

func (l *listener) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends++
}

func (l *listener) take(payload []byte) {
	var got map[string]any
	if json.Unmarshal(payload, &got) != nil {
		return
	}
	update := dig(got, "data", "conversationUpdates")
	l.mu.Lock()
	defer l.mu.Unlock()
	if cursor, ok := dig(update, "cursor").(string); ok {
		l.cursor = cursor
	}
	if body, ok := dig(update, "message", "body").(string); ok {
		l.bodies = append(l.bodies, body)
	}
}

// socket follows over a WebSocket until it ends.
func (c *outside) socket(ctx context.Context, token string, variables map[string]any, take func([]byte)) error {
	ws, _, err := websocket.Dial(ctx, c.url+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // it became the socket
		HTTPClient: c.sockets, Subprotocols: []string{"graphql-transport-ws"},
	})
	if err != nil {
		return err
	}
	defer func() { _ = ws.CloseNow() }()
	for _, m := range []any{
		map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}},
		map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": watchUpdates, "variables": variables}},
	} {
		if err := wsjson.Write(ctx, ws, m); err != nil {
			return err
		}
	}
	for {
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := wsjson.Read(ctx, ws, &m); err != nil {
			return err
		}
		take(m.Payload)
	}
}

// events follows by server-sent events until the stream ends.
func (c *outside) events(ctx context.Context, token string, variables map[string]any, take func([]byte)) error {
	body, _ := json.Marshal(map[string]any{"query": watchUpdates, "variables": variables})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			take([]byte(data))
		}
	}
	return lines.Err()
}
