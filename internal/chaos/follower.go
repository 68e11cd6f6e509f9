package main

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
)

func (c *conversation) key() live.Key { return live.Key{Kind: messaging.StreamKind, ID: c.id} }

const followQuery = `subscription ($id: ID!, $after: String) {
	conversationUpdates(conversationId: $id, after: $after) {
		__typename
		... on MessageSent { cursor message { id seq body version author { username } } }
		... on MessageEdited { cursor message { id seq body version author { username } } }
		... on MessageDeleted { cursor message { id seq body version author { username } } }
		... on CursorMoved { cursor }
		... on ResyncRequired { cursor reason }
	}
}`

// A follower is one person's view of one conversation, and outlives its connections. It looks into the
// cursors, which no other client may, to know which entry each update is.
type follower struct {
	who  *person
	what *conversation

	mu       sync.Mutex
	cursor   string
	position int64 // of the cursor
	arrivals map[int64]arrival
	resyncs  []resync
	// doubled arrivals had come before, disordered ones came after a later one, wrong ones are not what the
	// cursor's number says.
	doubled, disordered, wrong int
}

// An arrival is an entry that was delivered.
type arrival struct {
	kind    string
	message uuid.UUID
	at      time.Time
	// since is when the connection that brought it was there; zero if its client did not read for a while.
	since time.Time
}

// A resync is what a client is told instead of the entries after one number up to another.
type resync struct {
	reason   string
	from, to int64
}

func follow(p *person, c *conversation) *follower {
	return &follower{who: p, what: c, cursor: c.cursor, position: c.head, arrivals: map[int64]arrival{}}
}

func (f *follower) wants() (query string, variables map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return followQuery, map[string]any{"id": f.what.globalID, "after": f.cursor}
}

// kinds are the entries that the types of updates stand for.
var kinds = map[string]string{"MessageSent": kindSent, "MessageEdited": kindEdited, "MessageDeleted": kindDeleted}

func isKnown(typename string) bool {
	return kinds[typename] != "" || typename == "CursorMoved" || typename == "ResyncRequired"
}

// take notes an update that came over a connection that has been there since a moment.
func (f *follower) take(data json.RawMessage, since time.Time) error {
	var got struct {
		Data struct {
			ConversationUpdates struct {
				Typename string `json:"__typename"`
				Cursor   string
				Reason   string
				Message  struct{ ID relay.ID }
			}
		}
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(data, &got); err != nil || len(got.Errors) > 0 {
		return &unreadable{data}
	}
	u := got.Data.ConversationUpdates
	if u.Cursor == "" && !isKnown(u.Typename) {
		return nil // what passes, such as that somebody types, has no place in the stream
	}
	at, err := f.who.cursors.ParseCursor(f.what.key(), u.Cursor)
	if err != nil {
		return &unreadable{data}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.position
	f.cursor, f.position = u.Cursor, at.Seq
	switch u.Typename {
	case "CursorMoved":
		if at.Seq < before {
			f.disordered++
		}
	case "ResyncRequired":
		f.resyncs = append(f.resyncs, resync{u.Reason, before, at.Seq})
	default:
		id, err := u.Message.ID.Row(ent.MessagePrefix)
		if err != nil {
			f.wrong++
		}
		if _, ok := f.arrivals[at.Seq]; ok {
			f.doubled++
			return nil
		}
		if at.Seq <= before {
			f.disordered++
		}
		f.arrivals[at.Seq] = arrival{kind: kinds[u.Typename], message: id, at: time.Now(), since: since}
	}
	return nil
}
