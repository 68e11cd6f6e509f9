package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// watchQuery is how a client follows a conversation.
const watchQuery = `subscription Watch($id: ID!, $after: String) {
	conversationUpdates(conversationId: $id, after: $after) {
		__typename
		... on MessageSent { cursor message { id seq body isMine createdAt author { id username displayName } } }
		... on CursorMoved { cursor }
		... on ResyncRequired { cursor reason }
	}
}`

// A socket is a client's WebSocket with one subscription.
type socket struct{ ws *websocket.Conn }

// feedQuery is how a client follows everything that changes for it.
const feedQuery = `subscription Feed($after: String) {
	updates(after: $after) {
		__typename
		... on ConversationChanged { cursor conversation {
			id title unreadCount readThroughSeq lastVisitAt otherMembers { id username displayName }
			lastMessage { id seq body isMine createdAt author { id username displayName } }
		} }
		... on SubjectGone { cursor id }
		... on CursorMoved { cursor }
		... on ResyncRequired { cursor reason }
	}
}`

// watch opens a socket to a GraphQL endpoint, signs in and subscribes to a conversation.
func watch(ctx context.Context, endpoint, token, conversation string) (*socket, error) {
	return subscribe(ctx, endpoint, token, watchQuery, map[string]any{"id": conversation})
}

// follow opens a socket and subscribes to the person's feed behind a cursor, or from now on if it is empty.
func follow(ctx context.Context, endpoint, token, after string) (*socket, error) {
	variables := map[string]any{}
	if after != "" {
		variables["after"] = after
	}
	return subscribe(ctx, endpoint, token, feedQuery, variables)
}

func subscribe(ctx context.Context, endpoint, token, query string, variables map[string]any) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, endpoint, &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, CompressionMode: websocket.CompressionDisabled,
	})
	if response != nil && response.Body != nil {
		defer func() { _ = response.Body.Close() }()
	}
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	s := &socket{ws}
	if err := s.subscribe(ctx, token, query, variables); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) subscribe(ctx context.Context, token, query string, variables map[string]any) error {
	err := s.send(ctx, map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + token}})
	if err != nil {
		return err
	}
	answer, err := s.next(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(string(answer), `"connection_ack"`) {
		return fmt.Errorf("open a socket: the node answered %.200s", answer)
	}
	return s.send(ctx, map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{
		"query": query, "variables": variables,
	}})
}

func (s *socket) send(ctx context.Context, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if err := s.ws.Write(ctx, websocket.MessageText, text); err != nil {
		return fmt.Errorf("write to a socket: %w", err)
	}
	return nil
}

var (
	kindPing  = []byte(`{"type":"ping"`)
	kindError = []byte(`"type":"error"`)
)

// next is the next message but for pings, which it answers.
func (s *socket) next(ctx context.Context) ([]byte, error) {
	for {
		_, text, err := s.ws.Read(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read from a socket: %w", err)
		case bytes.HasPrefix(text, kindPing):
			if err := s.ws.Write(ctx, websocket.MessageText, []byte(`{"type":"pong"}`)); err != nil {
				return nil, fmt.Errorf("write to a socket: %w", err)
			}
		case bytes.Contains(text, kindError):
			return nil, fmt.Errorf("the subscription was refused: %.300s", text)
		default:
			return text, nil
		}
	}
}

func (s *socket) close() { _ = s.ws.CloseNow() }
