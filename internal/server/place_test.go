package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

// A place is two nodes on one database that listen on ports.
type place struct {
	t         *testing.T
	db        *db.DB
	nodes     [2]*node.Node
	addresses [2]string
	graphs    [2]*transport.Handler
}

func newPlace(t *testing.T, withRedis bool, sweep time.Duration, limits transport.Limits) *place {
	t.Helper()
	p := &place{t: t, db: testkit.DB(t)}
	for i := range p.nodes {
		o := live.Options{Sweep: sweep}
		if withRedis {
			redis, err := live.OpenRedis(testkit.RedisURL(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = redis.Close() })
			o.Redis = redis
		}
		n := node.On(t, p.db, o)
		made := optionsOn(t, production, p.db, n, slog.New(slog.DiscardHandler))
		exec := graph.NewExecutor(n.Resolver, false)
		made.Graph = transport.New(transport.Options{
			Executor: exec, Subscriptions: transport.NewShared(exec, n.Hub), Authenticate: n.Accounts.Authenticate,
			Limits: limits, Log: slog.New(slog.DiscardHandler),
		})
		p.nodes[i], p.graphs[i], p.addresses[i] = n, made.Graph, listeningWith(t, made)
	}
	return p
}

// A resident is somebody who has signed in.
type resident struct {
	id    uuid.UUID
	in    *account.SignedIn
	token string
}

func (r resident) as(t *testing.T) context.Context { return viewer.With(t.Context(), r.in.Viewer) }

func (p *place) person(username string) resident {
	p.t.Helper()
	return p.signIn(testkit.Person(p.t, p.db, username))
}

func (p *place) signIn(id uuid.UUID) resident {
	p.t.Helper()
	in, err := p.nodes[0].Accounts.SignInAs(p.t.Context(), id, false)
	if err != nil {
		p.t.Fatal(err)
	}
	return resident{id, in, *in.Tokens.AccessToken}
}

func (p *place) send(from resident, in relay.ID, body string) {
	p.t.Helper()
	if _, err := p.nodes[0].Messaging.Send(from.as(p.t), messaging.SendMessageInput{ConversationID: &in, Body: body}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) open(members ...resident) relay.ID {
	p.t.Helper()
	var ids []uuid.UUID
	for _, m := range members {
		ids = append(ids, m.id)
	}
	c, err := p.nodes[0].Messaging.Open(p.t.Context(), "Everybody", ids...)
	if err != nil {
		p.t.Fatal(err)
	}
	return relay.NewID(ent.ConversationPrefix, c.ID)
}

// A visitor is the client of a socket.
type visitor struct {
	t  *testing.T
	ws *websocket.Conn
}

// visit opens a socket at an address and signs in.
func (p *place) visit(address, token string) *visitor {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, "ws://"+address+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if response != nil && response.Body != nil {
		_ = response.Body.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(8 << 20)
	v := &visitor{p.t, ws}
	v.say(map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}})
	if got, err := v.read(); err != nil || got["type"] != "connection_ack" {
		p.t.Fatalf("got %v, %v", got, err)
	}
	return v
}

func (v *visitor) say(message map[string]any) {
	v.t.Helper()
	text, _ := json.Marshal(message)
	if err := v.ws.Write(v.t.Context(), websocket.MessageText, text); err != nil {
		v.t.Fatal(err)
	}
}

// read is the next message but for pings, which it answers.
func (v *visitor) read() (map[string]any, error) {
	for {
		ctx, cancel := context.WithTimeout(v.t.Context(), patience)
		_, text, err := v.ws.Read(ctx)
		cancel()
		if err != nil {
			return nil, err
		}
		message := map[string]any{}
		if err := json.Unmarshal(text, &message); err != nil {
			return nil, err
		}
		if message["type"] != "ping" {
			return message, nil
		}
		_ = v.ws.Write(v.t.Context(), websocket.MessageText, []byte(`{"type":"pong"}`)) // it may be closing
	}
}

// follow subscribes to a conversation behind a cursor, and waits until that stands.
func (v *visitor) follow(conversation relay.ID, after string) {
	v.t.Helper()
	variables := map[string]any{"id": conversation}
	if after != "" {
		variables["after"] = after
	}
	v.say(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"variables": variables, "query": `subscription ($id: ID!, $after: String) {
		conversationUpdates(conversationId: $id, after: $after) { __typename ... on MessageSent { cursor message { body } } ... on CursorMoved { cursor } ... on ResyncRequired { reason } }
	}`}})
	// The protocol has no word for it; a query behind it is answered after the subscription has begun.
	v.say(map[string]any{"type": "subscribe", "id": "2", "payload": map[string]any{"query": `{ __typename }`}})
}

// hear is the body and the cursor of the next message that somebody sent.
func (v *visitor) hear() (body, cursor string, err error) {
	for {
		got, err := v.read()
		if err != nil {
			return "", "", err
		}
		text, _ := json.Marshal(got)
		var m struct {
			ID, Type string
			Payload  struct {
				Data struct {
					ConversationUpdates struct {
						Typename string `json:"__typename"`
						Cursor   string
						Message  struct{ Body string }
					}
				}
			}
		}
		if err := json.Unmarshal(text, &m); err != nil {
			return "", "", fmt.Errorf("%s: %w", text, err)
		}
		switch update := m.Payload.Data.ConversationUpdates; {
		case m.ID == "1" && m.Type != "next", update.Typename == "ResyncRequired":
			return "", "", fmt.Errorf("the subscription got %s", text)
		case update.Typename == "MessageSent":
			return update.Message.Body, update.Cursor, nil
		}
	}
}

func (v *visitor) wantHeard(bodies ...string) {
	v.t.Helper()
	for _, want := range bodies {
		if got, _, err := v.hear(); err != nil || got != want {
			v.t.Fatalf("heard %q, %v, want %q", got, err, want)
		}
	}
}

// settle sends until a subscription shows that it stands, and reads what was sent.
func (p *place) settle(v *visitor, from resident, in relay.ID) {
	p.t.Helper()
	heard := make(chan string)
	failed := make(chan error, 1)
	read := func() {
		body, _, err := v.hear()
		if err != nil {
			failed <- err
			return
		}
		heard <- body
	}
	go read()
	send := func() string {
		body := "settle " + uuid.NewString()
		p.send(from, in, body)
		return body
	}
	for last, stands := send(), false; ; {
		select {
		case body := <-heard:
			if stands = true; body == last {
				return
			}
			go read()
		case err := <-failed:
			p.t.Fatal(err)
		case <-time.After(300 * time.Millisecond):
			if !stands {
				last = send()
			}
		}
	}
}

func (v *visitor) wantClosed(code int) {
	v.t.Helper()
	for {
		_, err := v.read()
		var end websocket.CloseError
		switch {
		case err == nil:
			continue
		case !errors.As(err, &end) || int(end.Code) != code:
			v.t.Errorf("it ended with %v, want %d", err, code)
		}
		return
	}
}

// status is that of a query with an access token at a node.
func (p *place) status(address, token string) int {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, "http://"+address+"/graphql", strings.NewReader(`{"query":"{ __typename }"}`))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
