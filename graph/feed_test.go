package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// Everything of a conversation that is marked live, and what names it.
const liveConversation = `fragment c on Conversation {
	id lastMessage { id seq body isMine isDeleted editedAt version author { id } } unreadCount readThroughSeq lastVisitAt
}`

const feedUpdates = `subscription ($after: String) { updates(after: $after) {
	__typename
	... on ConversationChanged { cursor conversation { ...c } }
	... on SubjectGone { cursor id }
	... on CursorMoved { cursor }
	... on ResyncRequired { reason cursor }
} }` + liveConversation

const liveInbox = `query { viewer { inbox(first: 100) { nodes { ...c } } } }` + liveConversation

// An app is a client that keeps what it shows by its feed alone.
type app struct {
	who viewer.Viewer

	mu     sync.Mutex
	shows  map[string]string // conversations by id, as JSON
	cursor string
	kinds  []string // of the updates, in order
	end    context.CancelFunc
	failed error

	connecting sync.Mutex
}

func newApp(who viewer.Viewer) *app { return &app{who: who, shows: map[string]string{}} }

// connect subscribes on a node behind the last cursor, in place of the subscription before.
func (p *app) connect(t testing.TB, a *api) {
	t.Helper()
	p.connecting.Lock()
	defer p.connecting.Unlock()
	p.disconnect()
	ctx, end := context.WithCancel(graphql.StartOperationTrace(viewer.With(t.Context(), p.who)))
	p.mu.Lock()
	p.end = end
	variables := vars{}
	if p.cursor != "" {
		variables["after"] = p.cursor
	}
	p.mu.Unlock()
	op, errs := a.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: feedUpdates, Variables: variables})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	transport.NewShared(a.exec, a.Hub).Subscribe(ctx, op, &appSubscriber{app: p, ctx: ctx})
}

func (p *app) disconnect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end != nil {
		p.end()
	}
}

// An appSubscriber is one subscription of an app. What comes after its end is dropped, as on a closed socket.
type appSubscriber struct {
	app *app
	ctx context.Context
}

func (s *appSubscriber) Complete() {}
func (s *appSubscriber) Error(errs gqlerror.List) {
	s.app.mu.Lock()
	defer s.app.mu.Unlock()
	if s.ctx.Err() == nil {
		s.app.failed = errs
	}
}

func (s *appSubscriber) Next(result []byte, cursor string) {
	s.app.mu.Lock()
	defer s.app.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	var got struct {
		Data struct {
			Updates struct {
				Typename     string `json:"__typename"`
				Cursor       string
				ID           string
				Conversation struct {
					ID          string
					LastMessage any
				}
			}
		}
		Errors gqlerror.List
	}
	if err := json.Unmarshal(result, &got); err != nil || len(got.Errors) > 0 {
		s.app.failed = fmt.Errorf("got %s", result)
		return
	}
	u := got.Data.Updates
	if u.Cursor != cursor {
		s.app.failed = fmt.Errorf("the cursor beside the update is %q: %s", cursor, result)
	}
	s.app.cursor = u.Cursor
	s.app.kinds = append(s.app.kinds, u.Typename)
	switch u.Typename {
	case "ConversationChanged":
		var raw struct {
			Data struct {
				Updates struct{ Conversation json.RawMessage }
			}
		}
		_ = json.Unmarshal(result, &raw)
		s.app.shows[u.Conversation.ID] = string(raw.Data.Updates.Conversation)
		if u.Conversation.LastMessage == nil {
			delete(s.app.shows, u.Conversation.ID) // an inbox has those with a message
		}
	case "SubjectGone":
		delete(s.app.shows, u.ID)
	}
}

// updates are the kinds of the updates that have come since the last time.
func (p *app) updates() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	kinds := p.kinds
	p.kinds = nil
	return kinds
}

// fresh is what a query answers now, by conversation.
func (a *api) fresh(t testing.TB, who viewer.Viewer) map[string]string {
	t.Helper()
	answer := a.do(t.Context(), t, who, liveInbox, nil)
	if len(answer.Errors) > 0 {
		t.Fatal(answer.Errors)
	}
	all := map[string]string{}
	for _, c := range at(t, answer.Data, "viewer", "inbox", "nodes").([]any) {
		text, _ := json.Marshal(c)
		all[at(t, c, "id").(string)] = string(text)
	}
	return all
}

// differs says what an app shows otherwise than a query answers; empty for nothing.
func (p *app) differs(t testing.TB, want map[string]string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		t.Fatal(p.failed)
	}
	for id, w := range want {
		var a, b any
		_ = json.Unmarshal([]byte(p.shows[id]), &a)
		_ = json.Unmarshal([]byte(w), &b)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			return fmt.Sprintf("shows %v\nasked %v", a, b)
		}
	}
	if len(p.shows) != len(want) {
		return fmt.Sprintf("shows %d conversations, asked %d", len(p.shows), len(want))
	}
	return ""
}

// settles waits until an app shows what a query answers.
func (p *app) settles(t testing.TB, a *api) {
	t.Helper()
	difference := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if difference = p.differs(t, a.fresh(t, p.who)); difference == "" {
			return
		}
	}
	t.Fatalf("never settled:\n%s", difference)
}

// waits is how many entries the feeds' consumer has yet to deal with.
func (a *api) waits(t testing.TB) int64 {
	t.Helper()
	stats, err := a.Facts.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats {
		if s.Consumer == "feed" {
			return s.Depth
		}
	}
	return 0
}

func (a *api) settled(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); a.waits(t) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the feeds' consumer never came to its end")
		}
	}
}

// catchesUp waits until an app has had everything that its feed has.
func (p *app) catchesUp(t testing.TB, a *api) {
	t.Helper()
	key := live.Key{Kind: feed.StreamKind, ID: p.who.Account()}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var head int64
		err := a.db.SQL.QueryRowContext(t.Context(), "SELECT coalesce(max(seq), 0) FROM feeds WHERE account_id = $1", key.ID).Scan(&head)
		if err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		cursor, err := a.Hub.ParseCursor(key, p.cursor)
		p.mu.Unlock()
		if err == nil && cursor.Seq >= head {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it has had up to %d of %d", cursor.Seq, head)
		}
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")

	t.Run("nobody else than a person has one", func(t *testing.T) {
		s := a.watch(t, viewer.Viewer{}, feedUpdates, nil)
		if errs := <-s.errs; errs[0].Extensions["code"] != fault.CodeUnauthenticated {
			t.Errorf("got %v", errs)
		}
	})
	t.Run("a cursor of another person, of another stream, or of none is refused", func(t *testing.T) {
		mine := newApp(ada)
		mine.connect(t, a)
		_, c := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "zero"})
		cursor := at(t, a.ok(t, ada, `query ($id: ID!) { conversation(id: $id) { cursor } }`, vars{"id": c["id"]}), "conversation", "cursor")
		for name, after := range map[string]any{"of another person": mine.cursor, "of a conversation": cursor, "of nothing": "MTIz"} {
			s := a.watch(t, bob, feedUpdates, vars{"after": after})
			if errs := <-s.errs; errs[0].Extensions["code"] != fault.CodeBadRequest {
				t.Errorf("%s: got %v", name, errs)
			}
		}
	})
	t.Run("it greets with a cursor, and then follows every device", func(t *testing.T) {
		eve := a.person(t, "eve")
		phone, laptop := newApp(eve), newApp(eve)
		phone.connect(t, a)
		laptop.connect(t, a)
		if got := phone.updates(); len(got) != 1 || got[0] != "CursorMoved" {
			t.Fatalf("greeted with %v", got)
		}
		m, c := a.send(t, ada, vars{"recipientId": profileID(eve), "body": "hello"})
		phone.settles(t, a)
		a.ok(t, eve, `mutation ($input: MarkConversationReadInput!) { markConversationRead(input: $input) { userErrors { code } } }`,
			vars{"input": vars{"conversationId": c["id"]}})
		laptop.settles(t, a)
		a.ok(t, ada, `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code } } }`,
			vars{"input": vars{"messageId": m["id"], "body": "hello there"}})
		phone.settles(t, a)
		a.ok(t, eve, `mutation ($input: VisitConversationInput!) { visitConversation(input: $input) { userErrors { code } } }`,
			vars{"input": vars{"conversationId": c["id"]}})
		laptop.settles(t, a)
		a.ok(t, ada, `mutation ($input: DeleteMessageInput!) { deleteMessage(input: $input) { userErrors { code } } }`,
			vars{"input": vars{"messageId": m["id"]}})
		phone.settles(t, a)
		laptop.settles(t, a)
	})
	t.Run("what one may no longer see is gone", func(t *testing.T) {
		finn := a.person(t, "finn")
		p := newApp(finn)
		p.connect(t, a)
		_, c := a.send(t, ada, vars{"recipientId": profileID(finn), "body": "for now"})
		p.settles(t, a)
		row, _ := relay.ID(c["id"].(string)).Row(ent.ConversationPrefix)
		// Nothing takes a membership away yet.
		if _, err := a.db.SQL.ExecContext(t.Context(), "DELETE FROM conversation_members WHERE conversation_id = $1 AND account_id = $2",
			row, finn.Account()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.db.SQL.ExecContext(t.Context(), "SELECT write_feeds(ARRAY[$1::uuid], ARRAY['conversation'], ARRAY[$2::uuid])",
			finn.Account(), row); err != nil {
			t.Fatal(err)
		}
		p.connect(t, a)
		p.settles(t, a)
		if got := p.updates(); got[len(got)-1] != "SubjectGone" {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("a message behind a curtain does not show in the feed, not even by a change of nothing", func(t *testing.T) {
		kim, lou, mia := a.person(t, "kim"), a.person(t, "lou"), a.person(t, "mia")
		c, err := a.Messaging.Open(t.Context(), "three", kim.Account(), lou.Account(), mia.Account())
		if err != nil {
			t.Fatal(err)
		}
		before, _ := a.send(t, kim, vars{"conversationId": string(c.GlobalID()), "body": "from before the block"})
		a.send(t, mia, vars{"conversationId": string(c.GlobalID()), "body": "and one on top"})
		a.ok(t, kim, `mutation ($input: BlockInput!) { block(input: $input) { userErrors { code } } }`, vars{"input": vars{"profileId": profileID(lou)}})
		p := newApp(lou)
		p.connect(t, a)
		a.settled(t)
		p.catchesUp(t, a)
		p.updates()
		m, _ := a.send(t, kim, vars{"conversationId": string(c.GlobalID()), "body": "not for lou"})
		a.ok(t, kim, `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code } } }`,
			vars{"input": vars{"messageId": m["id"], "body": "nor this"}})
		a.ok(t, kim, `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code } } }`,
			vars{"input": vars{"messageId": before["id"], "body": "which lou's list does not show"}})
		a.settled(t)
		a.send(t, mia, vars{"conversationId": string(c.GlobalID()), "body": "for all"})
		a.settled(t)
		p.catchesUp(t, a)
		p.settles(t, a)
		if got := p.updates(); len(got) != 1 {
			t.Fatalf("got %v, want the one message of mia", got)
		}
	})
}

func TestAWeekAway(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada := a.person(t, "ada")

	// away is how many statements it takes to catch up with so many conversations.
	away := func(subjects int) (statements int64) {
		p := newApp(ada)
		p.connect(t, a)
		p.disconnect()
		for i := range subjects {
			c, err := a.Messaging.Open(t.Context(), fmt.Sprint("circle ", i), ada.Account())
			if err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				a.send(t, ada, vars{"conversationId": string(c.GlobalID()), "body": fmt.Sprint("n", n)})
			}
		}
		a.settled(t)
		ctx, end := context.WithCancel(viewer.With(t.Context(), ada))
		defer end()
		ctx, n := db.CountStatements(ctx)
		got, err := a.Feeds.Updates(ctx, &p.cursor)
		if err != nil {
			t.Fatal(err)
		}
		for range subjects {
			select {
			case u := <-got:
				if _, ok := u.(*messaging.ConversationChanged); !ok {
					t.Fatalf("got a %T", u)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing more came")
			}
		}
		return n.Load()
	}
	few, many := away(3), away(40)
	if few != many || many > 3 {
		t.Errorf("it took %d statements for 3 conversations and %d for 40", few, many)
	}
}
