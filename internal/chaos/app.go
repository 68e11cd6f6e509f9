package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/rehearsal"
)

// Everything of a conversation that is marked live, and what names it.
const liveConversation = `fragment c on Conversation {
	id lastMessage { id seq body isDeleted version } unreadCount readThroughSeq lastVisitAt
}`

const (
	feedQuery = `subscription ($after: String) { updates(after: $after) {
	__typename
	... on ConversationChanged { cursor conversation { ...c } }
	... on SubjectGone { cursor id }
	... on CursorMoved { cursor }
	... on ResyncRequired { cursor reason }
} } ` + liveConversation
	inboxQuery = `{ viewer { inbox(first: 100) { nodes { ...c } } } } ` + liveConversation
)

// An app is a client that keeps its list of conversations by `updates` alone: it fetches the list once, when
// it begins, and never again unless it is told to.
type app struct {
	who   *person
	fleet *rehearsal.Fleet

	mu        sync.Mutex
	cursor    string
	position  int64
	mustFetch bool
	shows     map[string]shown
	updates   int
	resyncs   []string
	// disordered updates came after one that they precede, or a second time; stale ones showed less than one
	// before them.
	disordered, stale int
}

// A shown is a conversation as the app shows it.
type shown struct {
	text []byte
	shownAs
	// isUpdate says that an update brought it.
	isUpdate bool
}

type shownAs struct {
	ID             string
	ReadThroughSeq int64
	LastMessage    *struct {
		Seq     int64
		Version int
	}
}

func newApp(p *person, fleet *rehearsal.Fleet) *app {
	return &app{who: p, fleet: fleet, mustFetch: true, shows: map[string]shown{}}
}

func (a *app) key() live.Key { return live.Key{Kind: feed.StreamKind, ID: a.who.id} }

func (a *app) wants() (query string, variables map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	variables = map[string]any{}
	if a.cursor != "" {
		variables["after"] = a.cursor
	}
	return feedQuery, variables
}

func (a *app) take(data json.RawMessage, _ time.Time) error {
	var got struct {
		Data struct {
			Updates struct {
				Typename     string `json:"__typename"`
				Cursor       string
				Reason       string
				ID           string
				Conversation json.RawMessage
			}
		}
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(data, &got); err != nil || len(got.Errors) > 0 {
		return &unreadable{data}
	}
	u := got.Data.Updates
	at, err := a.who.cursors.ParseCursor(a.key(), u.Cursor)
	if err != nil {
		return &unreadable{data}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	isFirst := a.cursor == ""
	if at.Seq < a.position || at.Seq == a.position && !isFirst && (u.Typename == "ConversationChanged" || u.Typename == "SubjectGone") {
		a.disordered++
	}
	a.updates++
	if u.Typename == "ResyncRequired" {
		a.resyncs = append(a.resyncs, u.Reason)
		a.mustFetch = true
	}
	a.cursor, a.position = u.Cursor, at.Seq
	if a.mustFetch {
		if err := a.fetch(); err != nil {
			return err
		}
	}
	switch u.Typename {
	case "ConversationChanged":
		return a.put(u.Conversation)
	case "SubjectGone":
		delete(a.shows, u.ID)
	}
	return nil
}

// put shows a conversation in place of what was shown of it.
func (a *app) put(text json.RawMessage) error {
	now := shown{text: bytes.Clone(text), isUpdate: true}
	if err := json.Unmarshal(text, &now.shownAs); err != nil {
		return &unreadable{text}
	}
	before, ok := a.shows[now.ID]
	if ok && before.isUpdate && now.isOlderThan(before.shownAs) {
		a.stale++
	}
	a.shows[now.ID] = now
	if now.LastMessage == nil {
		delete(a.shows, now.ID) // an inbox has those with a message
	}
	return nil
}

func (s shownAs) isOlderThan(before shownAs) bool {
	if s.ReadThroughSeq < before.ReadThroughSeq {
		return true
	}
	if s.LastMessage == nil || before.LastMessage == nil {
		return false
	}
	return s.LastMessage.Seq < before.LastMessage.Seq ||
		s.LastMessage.Seq == before.LastMessage.Seq && s.LastMessage.Version < before.LastMessage.Version
}

// fetch reads the whole list anew. The caller holds mu.
func (a *app) fetch() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	list, err := inbox(ctx, a.fleet, a.who)
	if err != nil {
		return err
	}
	a.mustFetch = false
	clear(a.shows)
	for id, text := range list {
		a.shows[id] = shown{text: text}
	}
	return nil
}

// inbox asks for a person's conversations as they are now.
func inbox(ctx context.Context, fleet *rehearsal.Fleet, p *person) (map[string]json.RawMessage, error) {
	var answer struct {
		Viewer struct {
			Inbox struct{ Nodes []json.RawMessage }
		}
	}
	if _, err := fleet.Ask(ctx, p.token, inboxQuery, nil, &answer); err != nil {
		return nil, fmt.Errorf("read an inbox: %w", err)
	}
	list := map[string]json.RawMessage{}
	for _, text := range answer.Viewer.Inbox.Nodes {
		var c struct{ ID string }
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("read an inbox: %w", err)
		}
		list[c.ID] = text
	}
	return list, nil
}

// differs says in what the app shows something else than the list.
func (a *app) differs(list map[string]json.RawMessage) (differences []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := maps.Clone(list)
	for id := range a.shows {
		all[id] = list[id]
	}
	for id, want := range all {
		if have := a.shows[id].text; !bytes.Equal(have, want) {
			differences = append(differences, fmt.Sprintf("shows %.300s instead of %.300s", have, want))
		}
	}
	return differences
}
