package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
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
	"github.com/convenehq/convene/internal/network"
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

// soon is how long something may take that is promised within a second, on a machine that is busy with other tests.
const soon = 5 * time.Second

func TestSessionsEndEverywhere(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true, 0, transport.Limits{})
	ends := map[string]func(of resident) error{
		"revoked": func(of resident) error {
			other := p.signIn(of.id)
			_, err := p.nodes[0].Accounts.Revoke(other.as(t), account.RevokeSessionInput{SessionID: relay.NewID(ent.AuthSessionPrefix, of.in.Viewer.Session())})
			return err
		},
		"signed out": func(of resident) error {
			_, err := p.nodes[0].Accounts.SignOut(of.as(t))
			return err
		},
		"banned": func(of resident) error {
			admin := viewer.With(t.Context(), viewer.OfPerson(testkit.Person(t, p.db, "admin"), uuid.New()).WithRole(viewer.RoleAdmin))
			_, err := p.nodes[0].Accounts.Ban(admin, account.BanAccountInput{AccountID: relay.NewID(ent.AccountPrefix, of.id), Reason: "A test."})
			return err
		},
	}
	bystander := p.person("bystander")
	watching := p.visit(p.addresses[1], bystander.token)
	for name, end := range ends {
		t.Run("a session that is "+name+" loses its sockets and its access on each node", func(t *testing.T) {
			who := p.person(strings.ReplaceAll(name, " ", "_"))
			var visitors []*visitor
			for _, address := range p.addresses {
				visitors = append(visitors, p.visit(address, who.token))
				if got := p.status(address, who.token); got != http.StatusOK { // remembered from now on
					t.Fatalf("it is answered %d to begin with", got)
				}
			}
			began := time.Now()
			if err := end(who); err != nil {
				t.Fatal(err)
			}
			for _, v := range visitors {
				v.wantClosed(4403)
			}
			cut := time.Since(began)
			for _, address := range p.addresses {
				eventually(t, "the token is refused", func() bool { return p.status(address, who.token) == http.StatusUnauthorized })
			}
			refused := time.Since(began)
			t.Logf("sockets were cut after %v, the token was refused after %v", cut, refused)
			if refused > soon {
				t.Errorf("it took %v", refused)
			}
		})
	}
	watching.say(map[string]any{"type": "ping"})
	if got, err := watching.read(); err != nil || got["type"] != "pong" {
		t.Errorf("somebody else's socket got %v, %v", got, err)
	}
}

func TestABlockEndsNoSocket(t *testing.T) {
	t.Parallel()
	for name, withRedis := range map[string]bool{"with Redis": true, "without Redis, by the sweep": false} {
		t.Run("a block holds in what is live, "+name+", and the subscription goes on", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, withRedis, time.Second, transport.Limits{})
			ada, bob, cy := p.person("ada"), p.person("bob"), p.person("cy")
			c := p.open(ada, bob, cy)
			adas, bobs := p.visit(p.addresses[1], ada.token), p.visit(p.addresses[1], bob.token)
			adas.follow(c, "")
			p.settle(adas, cy, c)
			bobs.follow(c, "")
			p.settle(bobs, cy, c)
			p.send(bob, c, "before")
			for body := ""; body != "before"; {
				var err error
				if body, _, err = adas.hear(); err != nil {
					t.Fatal(err)
				}
			}
			bobs.wantHeard("before")
			if _, err := p.nodes[0].Network.Block(ada.as(t), network.BlockInput{ProfileID: relay.NewID(ent.ProfilePrefix, bob.id)}); err != nil {
				t.Fatal(err)
			}
			p.send(bob, c, "of the blocked")
			p.send(ada, c, "of the blocker")
			p.send(cy, c, "of a third")
			adas.wantHeard("of the blocker", "of a third")
			bobs.wantHeard("of the blocked", "of a third")
		})
	}
}

func TestSlowConsumers(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true, 0, transport.Limits{Queue: 16 << 10, Write: 500 * time.Millisecond})
	ada, bob := p.person("ada"), p.person("bob")
	c := p.open(ada, bob)
	// All that the two systems keep for a reader that does not read is small, or nothing would ever wait here.
	wire := newWire(t, p.addresses[1])
	slow, good := p.visit(wire.address, ada.token), p.visit(p.addresses[1], bob.token)
	good.follow(c, "")
	p.settle(good, bob, c)
	slow.follow(c, "")
	p.settle(slow, bob, c)
	var cursor string
	p.send(bob, c, "the last that it reads")
	for body := ""; body != "the last that it reads"; {
		var err error
		if body, cursor, err = slow.hear(); err != nil {
			t.Fatal(err)
		}
	}
	wire.stall()
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("%03d %s", i, strings.Repeat("x", 2000)))
	}
	heard := make(chan error, 1)
	go func() {
		for body := ""; body != want[len(want)-1]; {
			var err error
			if body, _, err = good.hear(); err != nil {
				heard <- err
				return
			}
		}
		heard <- nil
	}()
	for _, body := range want {
		p.send(bob, c, body)
	}
	if err := <-heard; err != nil {
		t.Fatalf("who reads is held up: %v", err)
	}
	eventually(t, "the slow one is closed", func() bool { return p.slowCloses() == 1 })
	wire.flow()
	var got []string
	for {
		body, at, err := slow.hear()
		if err != nil {
			var end websocket.CloseError
			if !errors.As(err, &end) || end.Code != websocket.StatusTryAgainLater {
				t.Fatalf("it ended with %v", err)
			}
			break
		}
		got, cursor = append(got, body), at
	}
	if len(got) == len(want) {
		t.Fatal("it was not slow")
	}
	back := p.visit(p.addresses[0], ada.token) // on the other node
	back.follow(c, cursor)
	for len(got) < len(want) {
		body, _, err := back.hear()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, body)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("in the place of %.3s there is %.20s", want[i], got[i])
		}
	}
}

func (p *place) slowCloses() int64 {
	var n int64
	for _, h := range p.graphs {
		n += h.Stats().SlowCloses
	}
	return n
}

func TestHalfOpenPeers(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true, 0, transport.Limits{Ping: 300 * time.Millisecond, Write: time.Second})
	ada := p.person("ada")
	c := p.open(ada, p.person("bob"))
	wire := newWire(t, p.addresses[0])
	gone, here := p.visit(wire.address, ada.token), p.visit(p.addresses[0], ada.token)
	gone.follow(c, "")
	p.settle(gone, ada, c)
	heard := make(chan error, 1)
	go func() {
		for {
			if _, err := here.read(); err != nil {
				heard <- err
				return
			}
		}
	}()
	if got := p.graphs[0].Stats(); got.Sockets != 2 || got.Subscriptions != 1 {
		t.Fatalf("there are %+v", got)
	}
	wire.stall() // neither bytes nor an end get through from now on
	eventually(t, "what it held is released", func() bool {
		got := p.graphs[0].Stats()
		return got.Sockets == 1 && got.Subscriptions == 0
	})
	select {
	case err := <-heard:
		t.Errorf("who answers pings has lost the socket: %v", err)
	default:
	}
}

// A wire leads to an address until it is stalled: then it carries nothing, and tells neither side.
type wire struct {
	address string
	gate    atomic.Pointer[chan struct{}] // open if closed
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	var c net.ListenConfig
	l, err := c.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{address: l.Addr().String()}
	w.flow()
	t.Cleanup(func() { _ = l.Close(); w.flow() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			for _, conn := range []net.Conn{near, far} {
				_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				_ = conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
			}
			go w.carry(near, far)
			go w.carry(far, near)
		}
	}()
	return w
}

func (w *wire) carry(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	part := make([]byte, 2<<10)
	for {
		n, err := from.Read(part)
		<-*w.gate.Load()
		if _, err2 := io.Copy(to, bytes.NewReader(part[:n])); err != nil || err2 != nil {
			return
		}
	}
}

func (w *wire) stall() {
	shut := make(chan struct{})
	w.gate.Store(&shut)
}

func (w *wire) flow() {
	if open := w.gate.Load(); open != nil {
		select {
		case <-*open:
			return
		default:
			close(*open)
			return
		}
	}
	open := make(chan struct{})
	close(open)
	w.gate.Store(&open)
}
