package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
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
	fleet        *rehearsal.Fleet
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
		_ = rehearsal.Wait(ctx, 20*time.Millisecond)
	}
}

// once opens a socket, subscribes behind the cursor and takes what comes until the socket ends.
func (f *follower) once(ctx context.Context) error {
	n, err := f.fleet.Pick(nil)
	if err != nil {
		return err
	}
	s, err := rehearsal.Dial(ctx, n, f.token)
	if err != nil {
		return err
	}
	defer s.Cut()
	err = s.Subscribe(ctx, "1", followQuery, map[string]any{"id": f.conversation, "after": f.position()})
	for err == nil {
		var m rehearsal.Frame
		if m, err = s.Next(ctx); err != nil {
			break
		}
		var p struct {
			Data struct{ ConversationUpdates update }
		}
		if err = json.Unmarshal(m.Payload, &p); err == nil {
			f.take(p.Data.ConversationUpdates)
		}
	}
	return err
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
