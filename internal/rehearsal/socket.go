package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// A Socket is a client's WebSocket, signed in, which any number of subscriptions share.
type Socket struct{ ws *websocket.Conn }

// A Frame is something that a node said on a socket.
type Frame struct {
	Type, ID string
	Payload  json.RawMessage
}

// Dial opens a socket to a node and signs in.
func Dial(ctx context.Context, n *Node, token string) (*Socket, error) {
	return dial(ctx, n, token, http.DefaultClient)
}

// DialNarrow opens a socket that holds little of what its owner has not read yet.
func DialNarrow(ctx context.Context, n *Node, token string) (*Socket, error) {
	narrow := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		if t, ok := c.(*net.TCPConn); ok {
			err = t.SetReadBuffer(4 << 10)
		}
		return c, err
	}}
	return dial(ctx, n, token, &http.Client{Transport: narrow})
}

func dial(ctx context.Context, n *Node, token string, client *http.Client) (*Socket, error) {
	ws, answer, err := websocket.Dial(ctx, n.URL+"/graphql", &websocket.DialOptions{
		HTTPClient: client, Subprotocols: []string{"graphql-transport-ws"}, CompressionMode: websocket.CompressionDisabled,
	})
	if answer != nil && answer.Body != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	s := &Socket{ws}
	if err := s.signIn(ctx, token); err != nil {
		s.Cut()
		return nil, err
	}
	return s, nil
}

func (s *Socket) signIn(ctx context.Context, token string) error {
	err := s.write(ctx, map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}})
	if err != nil {
		return err
	}
	f, err := s.Next(ctx)
	if err == nil && f.Type != "connection_ack" {
		err = fmt.Errorf("open a socket: the node answered %s", f.Type)
	}
	return err
}

// Subscribe begins an operation of the given id.
func (s *Socket) Subscribe(ctx context.Context, id, query string, variables map[string]any) error {
	return s.write(ctx, map[string]any{"type": "subscribe", "id": id, "payload": map[string]any{"query": query, "variables": variables}})
}

func (s *Socket) write(ctx context.Context, message any) error {
	if err := wsjson.Write(ctx, s.ws, message); err != nil {
		return fmt.Errorf("write to a socket: %w", err)
	}
	return nil
}

// ErrEnded says that a node ended a subscription.
var ErrEnded = errors.New("the subscription was ended")

// Next is what the node says next but for pings, which it answers. A subscription that ends is an error.
func (s *Socket) Next(ctx context.Context) (Frame, error) {
	for {
		var f Frame
		if err := wsjson.Read(ctx, s.ws, &f); err != nil {
			return f, fmt.Errorf("read from a socket: %w", err)
		}
		switch f.Type {
		case "ping":
			if err := s.write(ctx, map[string]any{"type": "pong"}); err != nil {
				return f, err
			}
		case "error", "complete":
			return f, fmt.Errorf("%w: %s", ErrEnded, f.Payload)
		default:
			return f, nil
		}
	}
}

// Cut ends the socket without a word.
func (s *Socket) Cut() { _ = s.ws.CloseNow() }
