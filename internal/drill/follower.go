package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const followQuery = `subscription ($id: ID!, $after: String) {
	conversationUpdates(conversationId: $id, after: $after) {
		__typename
		... on MessageSent { cursor message { seq } }
		... on CursorMoved { cursor }
		... on ResyncRequired { cursor reason }
	}
}`

// A follower is a client that watches a conversation, and comes back by its cursor whenever it loses its
// socket.
type follower struct {
	fleet        *fleet
	token        string
	conversation string

	mu       sync.Mutex
	cursor   string
	arrivals []arrival
	// news is what came besides cursors since the follower began, in order: MessageSent, or the reason of
	// a resync.
	news       []string
	reconnects int
}

type arrival struct {
	seq int64
	at  time.Time
}

// An update is what the subscription delivers.
type update struct {
	Typename string `json:"__typename"`
	Cursor   string
	Reason   string
	Message  struct{ Seq int64 }
}

// follow watches until the context ends.
func (f *follower) follow(ctx context.Context) {
	for first := true; ctx.Err() == nil; first = false {
		if !first {
			f.mu.Lock()
			f.reconnects++
			f.mu.Unlock()
		}
		_ = f.once(ctx) // the socket is gone, for whatever reason: that is what this is about
		_ = wait(ctx, 20*time.Millisecond)
	}
}

// once opens a socket, subscribes behind the cursor and takes what comes until the socket ends.
func (f *follower) once(ctx context.Context) error {
	n, err := f.fleet.pick(nil)
	if err != nil {
		return err
	}
	ws, answer, err := websocket.Dial(ctx, n.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if answer != nil && answer.Body != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	if err != nil {
		return err
	}
	defer func() { _ = ws.CloseNow() }()
	f.mu.Lock()
	cursor := f.cursor
	f.mu.Unlock()
	for _, m := range []any{
		map[string]any{"type": "connection_init", "payload": map[string]any{"authorization": "Bearer " + f.token}},
		map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{
			"query": followQuery, "variables": map[string]any{"id": f.conversation, "after": cursor},
		}},
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
		switch m.Type {
		case "ping":
			if err := wsjson.Write(ctx, ws, map[string]any{"type": "pong"}); err != nil {
				return err
			}
		case "next":
			var p struct {
				Data struct{ ConversationUpdates update }
			}
			if err := json.Unmarshal(m.Payload, &p); err != nil {
				return err
			}
			f.take(p.Data.ConversationUpdates)
		case "error", "complete":
			return fmt.Errorf("the subscription ended: %s", m.Payload)
		}
	}
}

func (f *follower) take(u update) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.Cursor != "" {
		f.cursor = u.Cursor
	}
	switch u.Typename {
	case "MessageSent":
		f.arrivals = append(f.arrivals, arrival{u.Message.Seq, time.Now()})
		f.news = append(f.news, u.Typename)
	case "ResyncRequired":
		f.news = append(f.news, u.Reason)
	}
}

// last is the highest number that has arrived.
func (f *follower) last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.arrivals) == 0 {
		return 0
	}
	return f.arrivals[len(f.arrivals)-1].seq
}

// heard is what came besides cursors so far.
func (f *follower) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.news...)
}

// position is the cursor that the follower would come back with.
func (f *follower) position() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor
}
